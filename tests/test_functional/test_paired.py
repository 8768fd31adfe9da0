# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest
from scipy import stats

from mmocr_wsss.functional.paired import paired_difference


def test_equals_the_t_interval_of_scipy():
    generator = np.random.default_rng(0)
    before, after = generator.normal(50, 5, size=(2, 7))
    got = paired_difference(before, after)
    interval = stats.ttest_rel(after, before).confidence_interval(0.95)
    assert got.seeds == 7 and got.mean == pytest.approx((after - before).mean())
    assert (got.low, got.high) == pytest.approx(tuple(interval))


def test_what_all_seeds_share_falls_out():
    got = paired_difference([10, 50, 90], [11, 51, 91])
    assert got.mean == got.low == got.high == 1


def test_one_seed_has_no_interval():
    assert paired_difference([1.0], [3.5]) == (1, 2.5, None, None)


@pytest.mark.parametrize(('before', 'after'), [([], []), ([1], [1, 2])])
def test_pairs_need_both_sides(before, after):
    with pytest.raises(ValueError, match=f'got {len(before)} and {len(after)}'):
        paired_difference(before, after)
