# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""AffinityNet: pixel pairs within a radius, their affinity, labels and loss.

Shapes: N images, h x w feature grid, r = radius - 1, O pair offsets. A pair goes from a
pixel p of the inner grid, rows 0..h-r-1 and columns r..w-r-1, to p + offset, so that
(N, O, h - r, w - 2r) holds all pairs; a pair with both ends in the margins does not
exist, as published.

Reference: Ahn & Kwak, "Learning Pixel-level Semantic Affinity with Image-level
Supervision", CVPR 2018; github.com/jiwoon-ahn/psa ``network/resnet38_aff.py``,
``voc12/data.py``, ``tool/pyutils.py``, ``train_aff.py``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmocr_wsss.functional.precision import at_least_float32
from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID

_EPS = 1e-5


class PairLabels(NamedTuple):
    """(N, O, h - r, w - 2r) bool each; a pair with an ignored end is in none of them."""

    background: Tensor
    foreground: Tensor
    negative: Tensor


def pair_offsets(radius: int) -> list[tuple[int, int]]:
    """(dy, dx) of the pairs in the published order: half of a disc, without its centre.

    Offsets lie closer than ``radius``: 34 of them for 5.

    Raises:
        ValueError: the radius is below 1.
    """
    if radius < 1:
        raise ValueError(f'radius must be >= 1, got {radius}.')
    reach = range(-radius + 1, radius)
    right = [(0, dx) for dx in range(1, radius)]
    below = [(dy, dx) for dy in range(1, radius) for dx in reach if dy**2 + dx**2 < radius**2]
    return right + below


def fitting_radius(size: tuple[int, int], radius: int) -> int:
    """The radius for a grid (h, w): smaller where the grid is too small for pairs.

    Grids with a side below ``2 * radius + 1`` get ``(side - 1) // 2``, at least 1
    (which has no pairs). Reference: SEAM's ``network/resnet38_aff.py``.
    """
    side = min(size)
    return radius if side >= 2 * radius + 1 else max(1, (side - 1) // 2)


def inner_grid(grid: Tensor, radius: int) -> Tensor:
    """View of the pixels (..., h - r, w - 2r) that pairs start from; ``grid`` (..., h, w)."""
    return shifted_grid(grid, radius, (0, 0))


def shifted_grid(grid: Tensor, radius: int, offset: tuple[int, int]) -> Tensor:
    """View of the pixels (..., h - r, w - 2r) at ``offset`` from those of :func:`inner_grid`."""
    reach, (dy, dx) = radius - 1, offset
    height, width = grid.shape[-2] - reach, grid.shape[-1] - 2 * reach
    return grid[..., dy : dy + height, reach + dx : reach + dx + width]


def require_pairs(size: Sequence[int], radius: int) -> None:
    """Raise a ValueError for a grid without inner pixels."""
    reach = radius - 1
    if size[0] <= reach or size[1] <= 2 * reach:
        raise ValueError(
            f'a feature grid must be at least {reach + 1} x {2 * reach + 1} (h x w) for pairs of '
            f'radius {radius}, got {size[0]} x {size[1]}. Take larger images or a smaller radius.'
        )


def pair_affinities(features: Tensor, radius: int) -> Tensor:
    """Affinity ``exp(-mean_c |f_c(to) - f_c(from)|)`` of all pairs.

    One view per offset; nothing is gathered.

    Args:
        features: (N, D, h, w).
        radius: see :func:`pair_offsets`.

    Returns:
        (N, O, h - r, w - 2r) in (0, 1], at least float32.

    Raises:
        ValueError: the grid has no inner pixels.
    """
    require_pairs(features.shape[-2:], radius)
    features = at_least_float32(features)
    origin = inner_grid(features, radius)
    distances = [
        (shifted_grid(features, radius, offset) - origin).abs().mean(dim=1)
        for offset in pair_offsets(radius)
    ]
    if not distances:
        return features.new_zeros(len(features), 0, *features.shape[-2:])
    return torch.exp(-torch.stack(distances, dim=1))


def affinity_label_map(low: Tensor, high: Tensor) -> Tensor:
    """Confident labels from the CRF scores of a low and a high background power.

    Background wins where even the high power says so; foreground where even the low
    power does; the rest, and pixels without any score (padding), is ignored. Values
    are positions in the score stack, not class ids: only equality within an image
    matters.

    Args:
        low: (..., k + 1, h, w) scores with a strong background, background first.
        high: the same with a weak background.

    Returns:
        (..., h, w) uint8: 0 background, 1..k, 255 ignored.
    """
    label = low.argmax(dim=-3)
    label[label == 0] = IGNORE_ID
    label[high.argmax(dim=-3) == 0] = BACKGROUND_ID
    empty = torch.maximum(low.amax(dim=-3), high.amax(dim=-3)) < _EPS
    label[empty] = IGNORE_ID
    return label.to(torch.uint8)


def pooled(scores: Tensor, stride: int) -> Tensor:
    """(N, C, H, W) to (N, C, H / stride, W / stride), means of whole squares."""
    return F.avg_pool2d(scores, stride)


def pair_labels(label_map: Tensor, radius: int) -> PairLabels:
    """Which pairs are alike.

    Args:
        label_map: (N, h, w) uint8; 0 background, 255 ignored.
        radius: see :func:`pair_offsets`.

    Returns:
        Pairs of two background pixels, of two pixels of one class, of different pixels.
    """
    require_pairs(label_map.shape[-2:], radius)
    origin = inner_grid(label_map, radius)
    known, background, same = [], [], []
    for offset in pair_offsets(radius):
        other = shifted_grid(label_map, radius, offset)
        known.append((origin != IGNORE_ID) & (other != IGNORE_ID))
        same.append(origin == other)
        background.append(origin == BACKGROUND_ID)
    valid, equal, empty = (torch.stack(part, dim=1) for part in (known, same, background))
    alike = valid & equal
    return PairLabels(alike & empty, alike & ~empty, valid & ~equal)


def affinity_losses(affinities: Tensor, labels: PairLabels) -> dict[str, Tensor]:
    """The three terms of AffinityNet's loss with their weights, 1/4, 1/4 and 1/2.

    Each is the mean over its pairs in the batch of ``-log(a + 1e-5)`` for pairs that
    are alike and of ``-log(1 + 1e-5 - a)`` for others; 0 without such pairs.

    Args:
        affinities: (N, O, h - r, w - 2r) in (0, 1].
        labels: of the same pairs.

    Returns:
        Scalars ``loss_background``, ``loss_foreground`` and ``loss_negative``; their
        sum is the published loss.
    """
    alike, other = -torch.log(affinities + _EPS), -torch.log(1 + _EPS - affinities)
    terms = {}
    for name, values, pairs, weight in (
        ('loss_background', alike, labels.background, 1 / 4),
        ('loss_foreground', alike, labels.foreground, 1 / 4),
        ('loss_negative', other, labels.negative, 1 / 2),
    ):
        terms[name] = weight * (values * pairs).sum() / (pairs.sum() + _EPS)
    return terms
