# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""SEAM: pixel correlation and the terms of its training loss.

Shapes: N images, C = K + 1 classes with the background in channel 0, D feature
channels, h x w feature grid, M = h * w. Resizing inside the network and the loss
is bilinear with aligned corners, as published.

Reference: Wang et al., "Self-supervised Equivariant Attention Mechanism for Weakly
Supervised Semantic Segmentation", CVPR 2020; github.com/YudeWang/SEAM
``network/resnet38_SEAM.py``, ``train_SEAM.py``, ``tool/visualization.py``.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmocr_wsss.functional.precision import at_least_float32

_EPS = 1e-5


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """(N, C, h, w) to ``(N, C, *size)``."""
    return F.interpolate(maps, size=tuple(size), mode='bilinear', align_corners=True)


def scaled_size(size: Sequence[int], scale: float) -> tuple[int, int]:
    """Sides of the second view: ``floor(side * scale)``."""
    height, width = size
    return int(height * scale), int(width * scale)


def max_norm(maps: Tensor) -> Tensor:
    """Bring every positive map to about [0, 1] by its minimum and maximum.

    Args:
        maps: (N, C, h, w), any range; negative values count as 0.

    Returns:
        (N, C, h, w); gradients flow through minimum and maximum.
    """
    maps = maps.relu()
    high = maps.amax(dim=(-2, -1), keepdim=True)
    low = maps.amin(dim=(-2, -1), keepdim=True)
    return (maps - low - _EPS).relu() / (high - low + _EPS)


def keep_best_foreground(maps: Tensor) -> Tensor:
    """Set to 0, per pixel, every foreground channel below the best one; ties stay.

    Args:
        maps: (N, C, h, w); channel 0 is left as it is.
    """
    foreground = maps[:, 1:]
    best = foreground.amax(dim=1, keepdim=True)
    kept = torch.where(foreground < best, 0, foreground)
    return torch.cat([maps[:, :1], kept], dim=1)


def with_background(maps: Tensor) -> Tensor:
    """Replace channel 0 of (N, C, h, w) by 1 - maximum of the others."""
    return torch.cat([1 - maps[:, 1:].amax(dim=1, keepdim=True), maps[:, 1:]], dim=1)


@torch.no_grad()
def correlation_scores(cam_logits: Tensor) -> Tensor:
    """What the pixel correlation spreads: per pixel one class and the background.

    All classes compete, tagged or not. No gradient passes.

    Args:
        cam_logits: (N, C, h, w), signed.

    Returns:
        (N, C, h, w) in [0, 1].
    """
    positive = cam_logits.relu()
    high = positive.amax(dim=(-2, -1), keepdim=True) + _EPS
    return keep_best_foreground(with_background((positive - _EPS).relu() / high))


def pixel_correlation(scores: Tensor, features: Tensor, *, columns: int) -> Tensor:
    """Spread scores to pixels with similar features.

    ``out(j) = sum_i scores(i) A(i, j) / (sum_i A(i, j) + 1e-5)`` with
    ``A(i, j) = max(0, cos(features(i), features(j)))``. The (M, M) matrix A is
    never held: ``columns`` of it are made, used and dropped at a time, which
    gives the same sums as the dense product.

    Args:
        scores: (N, C, h', w'); resized to h x w.
        features: (N, D, h, w), not normalised.
        columns: columns of A at a time; > 0. Memory is M * columns numbers.

    Returns:
        (N, C, h, w), float32 also under autocast. Gradients flow into ``features`` and
        ``scores``.
    """
    size = features.shape[-2:]
    scores = resize(scores, size).flatten(2)
    features = features.flatten(2)
    features = features / (features.norm(dim=1, keepdim=True) + _EPS)
    # A row of ones gives the column sums along with the products.
    scores = torch.cat([scores, torch.ones_like(scores[:, :1])], dim=1)
    spread = [
        torch.cat([_spread(s, f, part) for part in f.split(columns, dim=1)], dim=1)
        for s, f in zip(scores, features, strict=True)
    ]
    return torch.stack(spread).unflatten(2, size)


def _spread(scores: Tensor, features: Tensor, part: Tensor) -> Tensor:
    """(C + 1, M) scores with ones and (D, M) features to the (C, P) pixels of ``part``."""
    products = at_least_float32(scores @ (features.t() @ part).relu_())
    return products[:-1] / (products[-1:] + _EPS)


def adaptive_min_pooling(maps: Tensor, *, ratio: float = 0.25) -> Tensor:
    """Mean of the smallest class maxima, which pulls the background down.

    Args:
        maps: (N, K, h, w); the maximum over K is taken per pixel.
        ratio: share of the pixels that count, the smallest ones.

    Returns:
        Scalar >= 0. In the released code only, not in the paper.
    """
    best = maps.amax(dim=1).flatten(1)
    count = int(best.shape[1] * ratio)
    smallest = best.topk(count, dim=1, largest=False).values
    return smallest.relu().sum() / (count * len(best))


def largest_mean(errors: Tensor, *, ratio: float) -> Tensor:
    """Mean over the largest ``ratio`` of the entries of each image, (N, C, h, w) to scalar."""
    errors = errors.flatten(1)
    return errors.topk(int(errors.shape[1] * ratio), dim=1).values.mean()


def equivariant_cross_terms(
    cam1: Tensor, cam2: Tensor, refined1: Tensor, refined2: Tensor
) -> tuple[Tensor, Tensor]:
    """Errors between the CAM of one view and the refined map of the other.

    Args:
        cam1, cam2: (N, C, h, w) normalised CAMs of both views, background set.
        refined1, refined2: (N, C, h, w) normalised refined maps.

    Returns:
        Two (N, C, h, w) absolute errors; no gradient passes into the CAMs.
    """
    target1, target2 = keep_best_foreground(cam1.detach()), keep_best_foreground(cam2.detach())
    return (target2 - refined1).abs(), (target1 - refined2).abs()
