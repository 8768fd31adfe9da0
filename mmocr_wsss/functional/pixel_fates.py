# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What becomes of pixels when one segmenter takes the place of another."""

import numpy as np

from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID

#: Counts of :func:`pixel_fates`, in their order.
FATES = (
    'valid', 'oc', 'oc_on_background', 'oc_to_oc', 'oc_to_background', 'oc_to_truth',
    'oc_to_other', 'right', 'right_to_background', 'right_to_other',
)  # fmt: skip


def pixel_fates(
    before: np.ndarray, after: np.ndarray, truth: np.ndarray, candidates: np.ndarray
) -> np.ndarray:
    """Counts of one image, (10,) int64 in the order of :data:`FATES`.

    ``oc``: pixels that the first label map gives a class that the tags rule out, and of
    these ``oc_on_background``: the truth is background; then what they are in the second map:
    still out of candidate; background; the true foreground class; another candidate.
    ``right``: right foreground pixels of the first map, and of these those that the second
    makes background, or another class.

    Args:
        before, after: (H, W) class ids.
        truth: (H, W) class ids, 255 = not counted.
        candidates: (C,) bool, indexed by class id.

    Raises:
        ValueError: the sizes disagree.
    """
    if not before.shape == after.shape == truth.shape:
        raise ValueError(
            f'label maps and truth must have one size, got {before.shape}, {after.shape} and '
            f'{truth.shape}.'
        )
    valid = truth != IGNORE_ID
    before, after, truth = before[valid], after[valid], truth[valid]
    outside, still = ~candidates[before], ~candidates[after]
    to_background, to_truth = after == BACKGROUND_ID, after == truth
    right = (before == truth) & (truth != BACKGROUND_ID)
    masks = (
        np.ones_like(outside),
        outside,
        outside & (truth == BACKGROUND_ID),
        outside & still,
        outside & to_background & ~still,
        outside & to_truth & ~to_background & ~still,
        outside & ~to_background & ~to_truth & ~still,
        right,
        right & to_background,
        right & ~to_background & ~to_truth,
    )
    return np.array([int(mask.sum()) for mask in masks])
