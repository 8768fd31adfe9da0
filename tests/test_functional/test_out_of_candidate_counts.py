# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest

from mmocr_wsss.functional.out_of_candidate_counts import (
    OutOfCandidateCounts,
    count_image,
    leading_classes,
    leading_tags,
    outside_percent,
)

NAN = float('nan')


def total(*images):
    counts = [count_image(np.array(pixels), np.array(tags, bool), False) for pixels, tags in images]
    return OutOfCandidateCounts(*(sum(field) for field in zip(*counts, strict=True)))


@pytest.fixture
def three():
    """Background, cat, dog, cow. A cat; a dog with a cat; an image without tags."""
    return total(
        ([6, 2, 1, 1], [1, 1, 0, 0]),  # 10 pixels, of them 1 dog and 1 cow outside
        ([10, 0, 5, 5], [1, 1, 1, 0]),  # 20 pixels, 5 cow
        ([2, 0, 8, 0], [1, 0, 0, 0]),  # 10 pixels, 8 dog
    )


def test_counts_by_hand(three):
    assert (three.num_images, three.num_masked, three.num_touched) == (3, 0, 3)
    assert (three.num_valid, three.num_outside) == (40, 15)
    assert three.images_with.tolist() == [3, 2, 1, 0]
    assert three.images_found.tolist() == [3, 1, 1, 0]  # the second cat is not found
    assert three.images_outside.tolist() == [0, 0, 2, 2]
    assert three.predicted.tolist() == [18, 2, 14, 6]
    assert three.outside.tolist() == [0, 0, 9, 6]
    # rows: predicted; columns: no tags, cat, dog, cow
    assert three.outside_by_tag.tolist() == [[0] * 4, [0] * 4, [8, 1, 0, 0], [0, 6, 5, 0]]
    assert three.valid_by_tag.tolist() == [[0] * 4, [10, 0, 0, 0], [10, 10, 0, 0], [10, 30, 20, 0]]
    assert three.images_by_tag.tolist() == [[0] * 4, [0] * 4, [1, 1, 0, 0], [0, 2, 1, 0]]
    for field in three[4:]:
        assert field.dtype == np.int64


def test_convention_of_a_cell(three):
    """Of all pixels of images tagged t and not p, the percentage predicted as p."""
    expected = [[NAN] * 4, [0, NAN, NAN, NAN], [80, 10, NAN, NAN], [0, 20, 25, NAN]]
    assert np.array_equal(outside_percent(three), expected, equal_nan=True)


def test_leading_ones_come_first(three):
    assert leading_classes(three, limit=5) == ([2, 3], [0, 1, 2])  # columns: 8, 7, 5 pixels
    assert leading_classes(three, limit=1) == ([2], [0])
    assert leading_tags(three, 3, limit=3) == [1, 2]
    assert leading_tags(three, 2, limit=3) == [0, 1]  # a tie: by id
    assert leading_tags(three, 3, limit=1) == [1]


def test_nothing_outside():
    counts = total(([3, 3], [1, 1]))
    assert counts.num_outside == counts.num_touched == 0
    assert leading_classes(counts, limit=5) == ([], [])


def test_background_that_is_no_candidate():
    counts = total(([3, 3], [0, 1]))
    assert counts.outside.tolist() == [3, 0]
    assert outside_percent(counts)[0].tolist()[1] == 50
    assert counts.images_with.tolist() == [0, 1]


def test_sums_do_not_overflow():
    big = np.array([0, 2**31, 2**31])
    counts = count_image(big, np.array([True, False, True]), True)
    assert counts.valid_by_tag[1, 2] == 2**32 and counts.outside_by_tag[1, 2] == 2**31
    assert counts.num_masked == 1


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r'must both be \(C,\), got \(2,\) and \(3,\)'):
        count_image(np.zeros(2), np.ones(3, bool), False)
