# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Differences of runs that share their seed."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class PairedDifference(NamedTuple):
    """Mean of ``after - before`` over seeds, and its 95 % interval (None with one seed)."""

    seeds: int
    mean: float
    low: float | None
    high: float | None


def paired_difference(before: Sequence[float], after: Sequence[float]) -> PairedDifference:
    """Mean difference with the t interval of the paired differences.

    What varies between seeds alone (initial weights of the head, order of the photos,
    augmentation) falls out of the differences. The interval supposes that they are about
    normal; with few seeds it is wide, since Student's t has ``seeds - 1`` degrees of freedom.

    Args:
        before: one value per seed.
        after: the same seeds in the same order.

    Raises:
        ValueError: there is no seed, or the numbers of seeds differ.
    """
    if len(before) != len(after) or not len(before):
        raise ValueError(
            f'pairs need one value per seed on both sides, got {len(before)} and {len(after)}.'
        )
    differences = np.subtract(after, before, dtype=float)
    mean, seeds = float(differences.mean()), len(differences)
    if seeds == 1:
        return PairedDifference(1, mean, None, None)
    from scipy import stats

    half = stats.t.ppf(0.975, seeds - 1) * differences.std(ddof=1) / np.sqrt(seeds)
    return PairedDifference(seeds, mean, mean - float(half), mean + float(half))
