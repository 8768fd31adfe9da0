# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAMs against true masks at many background scores, in one pass over the pixels.

The prediction is the argmax over [background score, maps of the tagged classes],
the first maximum wins. With a constant score t the pixel is background exactly if
t >= best score; with SEAM's and AffinityNet's (1 - best)^power it is background
exactly if best <= v, where (1 - v)^power = v, since one side falls and the other
rises. So a histogram of the best score, per true class and best class, holds the
confusion matrix of every threshold and every power: O(H W) per image whatever
their number.

Letters: C classes with background, T cut points, k tagged classes.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from mmocr_wsss.functional.confusion import check_truth
from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID


def threshold_of_power(power: float) -> np.float32:
    """The constant threshold that decides as the background score (1 - best)^power does.

    The largest float32 v in [0, 1] with (1 - v)^power >= v in float32, so that it
    decides like the formula itself also next to the border.

    Raises:
        ValueError: ``power`` is not positive.
    """
    if not 0 < power < np.inf:
        raise ValueError(f'a background power must be a finite number > 0, got {power}.')
    # Non-negative floats are ordered as their bit patterns: bisect over those.
    low, high = np.zeros(1, np.float32), np.ones(1, np.float32)
    lower, upper = int(low.view(np.int32)[0]), int(high.view(np.int32)[0])
    while upper - lower > 1:
        middle = (lower + upper) // 2
        value = np.array([middle], np.int32).view(np.float32)
        if np.power(1 - value, np.float32(power)) >= value:
            lower = middle
        else:
            upper = middle
    return np.array([lower], np.int32).view(np.float32)[0]


def cut_points(thresholds: Iterable[float], powers: Iterable[float] = ()) -> np.ndarray:
    """Sorted cut points of all thresholds and powers, (T,) float32, each once.

    Raises:
        ValueError: there is none, or a threshold is not in [0, inf).
    """
    thresholds = np.array(list(thresholds), np.float64)
    wrong = thresholds[~((thresholds >= 0) & (thresholds < np.inf))]
    if wrong.size:
        raise ValueError(f'background thresholds must be finite and >= 0, got {wrong.tolist()}.')
    values = [*thresholds.astype(np.float32), *map(threshold_of_power, powers)]
    if not values:
        raise ValueError('a sweep needs at least one threshold or power.')
    return np.unique(np.array(values, np.float32))


def sweep_histogram(
    maps: np.ndarray,
    class_ids: Sequence[int] | np.ndarray,
    truth: np.ndarray,
    cuts: np.ndarray,
    num_classes: int,
) -> np.ndarray:
    """Pixels of one image by true class, best class and bin of the best score.

    Histograms of images are added up, whichever process made them. Bin b holds
    the scores above exactly b of the cut points. Among equal maps the lowest class
    id is best. Classes without a map have the score 0, as in the official scripts,
    and never win, since the background comes first and no cut point is below 0.

    Args:
        maps: (k, H, W) float, one per tagged class; k may be 0.
        class_ids: k class ids 1..C-1, ascending.
        truth: (H, W) class ids, 255 = ignored.
        cuts: (T,) float32 from :func:`cut_points`.
        num_classes: C, with background.

    Returns:
        (C, C, T + 1) int64. Best class 0 means that there is no map.

    Raises:
        ValueError: sizes disagree or an id is out of range.
    """
    ids = np.asarray(class_ids, np.int64)
    if ids.shape != maps.shape[:1] or (ids.size and ids[-1] >= num_classes):
        raise ValueError(
            f'class_ids must give one id in 1..{num_classes - 1} per map, got {ids.tolist()} for '
            f'{len(maps)} maps.'
        )
    check_truth(truth, maps.shape[1:], num_classes)
    valid = truth != IGNORE_ID
    true = truth[valid].astype(np.int64)
    histogram = np.zeros((num_classes, num_classes, len(cuts) + 1), np.int64)
    if not ids.size:
        histogram[:, BACKGROUND_ID, 0] = np.bincount(true, minlength=num_classes)
        return histogram
    scores = np.asarray(maps, np.float32)[:, valid]
    bins = np.searchsorted(cuts, scores.max(axis=0), side='left')
    index = np.ravel_multi_index(
        (true, scores.argmax(axis=0), bins), shape := (num_classes, len(ids), len(cuts) + 1)
    )
    histogram[:, ids] = np.bincount(index, minlength=np.prod(shape)).reshape(shape)
    return histogram


def sweep_confusions(histogram: np.ndarray) -> np.ndarray:
    """The confusion matrix at every cut point, (T, C, C) int64 [cut, true, predicted]."""
    at_most = histogram[:, :, :-1].cumsum(axis=2)  # best score <= cut: background
    confusions = histogram.sum(axis=2)[:, :, None] - at_most
    confusions[:, BACKGROUND_ID] = at_most.sum(axis=1)
    return np.ascontiguousarray(confusions.transpose(2, 0, 1))


def cut_index(cuts: np.ndarray, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Positions of thresholds (n,) among the ascending cut points, (n,) int64.

    Raises:
        ValueError: a value is none of them.
    """
    wanted = np.asarray(values, np.float32)
    index = np.minimum(np.searchsorted(cuts, wanted), len(cuts) - 1)
    if (missing := np.asarray(values)[cuts[index] != wanted]).size:
        raise ValueError(f'{missing.tolist()} are not among the {len(cuts)} cut points.')
    return index


def until_first_drop(curve: Sequence[float] | np.ndarray) -> np.ndarray:
    """A curve (n,) as MCTformer's script logs it: up to the first value that is not better.

    The best value is the one before the last, or the last if every value is better
    than the one before. A first value of 0 or less is not better either.
    """
    curve = np.asarray(curve)
    worse = np.flatnonzero(curve <= np.concatenate([[0.0], curve[:-1]]))
    return curve[: worse[0] + 1] if worse.size else curve
