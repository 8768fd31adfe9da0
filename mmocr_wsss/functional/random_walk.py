# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Random walk over the affinities of neighbouring pixels, without the dense matrix.

Published code builds the (P, P) matrix A of all P = h * w pixels (1 on the diagonal, the
affinity to the power beta for pairs within the radius, else 0), divides its columns by
their sums and squares the result log2(steps) times: T^steps. Only ``scores @ T^steps``
is needed, and a row of T has 69 entries at radius 5, so here the C score maps walk:
time O(degree * P * C), memory O(P).

The degree is smaller than the number of steps. T is similar to a symmetric matrix with
eigenvalues in [-1, 1], on which ``x^steps`` is a mean of Chebyshev polynomials::

    x^s = sum_k P(|X_s| = k) T_k(x),

``X_s`` being the position of a simple random walk after s steps. Its tail beyond k falls
below ``2 exp(-k^2 / 2s)``, so that about 80 terms do for 256 steps.

Reference for the walk: github.com/jiwoon-ahn/psa ``infer_aff.py``. For the polynomial:
Sachdeva & Vishnoi, "Faster Algorithms via Approximation Theory", 2014, chapter 3.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmocr_wsss.functional.affinity import inner_grid, pair_offsets, require_pairs

#: Probability mass of the terms that are left out; scores change by less than about that.
TOLERANCE = 1e-7


class Transition:
    """The transition matrix T of a grid, as one weight per pixel and neighbour.

    Args:
        affinities: (O, h - r, w - 2r) of the pairs of ``functional.affinity``, in [0, 1].
        size: (h, w).
        radius: of the pairs.
        beta: power of the affinities.

    Raises:
        ValueError: the affinities are not those of such a grid.
    """

    def __init__(
        self, affinities: Tensor, size: tuple[int, int], *, radius: int, beta: float
    ) -> None:
        offsets = pair_offsets(radius)
        require_pairs(size, radius)
        reach, (height, width) = radius - 1, size
        expected = (len(offsets), height - reach, width - 2 * reach)
        if tuple(affinities.shape) != expected:
            raise ValueError(
                f'a grid of {height} x {width} has affinities {expected} at radius {radius}, got '
                f'{tuple(affinities.shape)}.'
            )
        self.size, self.reach = (height, width), reach
        # Rows are padded on the right and stored one after the other: a neighbour is then at a
        # constant distance, also across the border of a row, where it meets the padding.
        self.stride = width + reach
        self.shifts = [dy * self.stride + dx for dy, dx in offsets]
        forward = affinities.new_zeros(len(offsets), height, width)
        inner_grid(forward, radius).copy_(affinities)
        forward = self.flat(forward.pow(beta))
        self.length, self.margin = forward.shape[-1], reach * self.stride + reach
        backward = torch.zeros_like(forward)
        for row, weights, shift in zip(backward, forward, self.shifts, strict=True):
            row[shift:] = weights[: self.length - shift]
        degree = 1 + forward.sum(dim=0) + backward.sum(dim=0)
        self.stay = 1 / degree
        self.weights = torch.cat([forward, backward]) * self.stay
        self.starts = [self.margin + s for s in (*self.shifts, *(-s for s in self.shifts))]

    def flat(self, maps: Tensor) -> Tensor:
        """(C, h, w) to padded rows (C, h * stride)."""
        return F.pad(maps, (0, self.reach)).flatten(1)

    def grid(self, flat: Tensor) -> Tensor:
        """Padded rows (C, h * stride) back to maps (C, h, w)."""
        return flat.unflatten(1, (self.size[0], self.stride))[..., : self.size[1]]

    def step(self, flat: Tensor) -> Tensor:
        """``scores @ T`` for padded rows (C, h * stride)."""
        around = F.pad(flat, (self.margin, self.margin))
        moved = flat * self.stay
        for weights, start in zip(self.weights, self.starts, strict=True):
            moved.addcmul_(around[:, start : start + self.length], weights)
        return moved


def walk(scores: Tensor, transition: Transition, *, steps: int) -> Tensor:
    """``scores @ T^steps``.

    Args:
        scores: (C, h, w) float.
        transition: T, on the same device.
        steps: >= 0; published settings are 256 (PSA) and 64 (SEAM, MCTformer).

    Returns:
        (C, h, w).

    Raises:
        ValueError: ``steps`` is negative.
    """
    weights = chebyshev_weights(steps)
    before, now = None, transition.flat(scores)
    total = weights[0] * now
    for weight in weights[1:]:
        moved = transition.step(now)
        before, now = now, moved if before is None else 2 * moved - before
        if weight:
            total += weight * now
    return transition.grid(total).contiguous()


def pool_scores(scores: Tensor, stride: int) -> Tensor:
    """(C, H, W) scores padded with 0 to multiples of ``stride``, means of its squares."""
    height, width = scores.shape[-2:]
    padded = F.pad(scores, (0, -width % stride, 0, -height % stride))
    return F.avg_pool2d(padded[None], stride)[0]


def upsample_scores(scores: Tensor, image_size: tuple[int, int], stride: int) -> Tensor:
    """(C, h, w) scores of the grid to (C, H, W): bilinear to the padded size, then cropped."""
    size = [side * stride for side in scores.shape[-2:]]
    resized = F.interpolate(scores[None], size, mode='bilinear', align_corners=False)[0]
    return resized[:, : image_size[0], : image_size[1]]


def chebyshev_weights(steps: int, *, tolerance: float = TOLERANCE) -> list[float]:
    """Weights of the Chebyshev polynomials T_0, T_1, ... in ``x^steps``.

    They are the probabilities of ``|position|`` after ``steps`` steps of a simple random
    walk; the last ones, together below ``tolerance``, are left out and the rest
    scaled to the sum 1, so that constants stay as they are.

    Raises:
        ValueError: ``steps`` is no integer >= 0.
    """
    if not isinstance(steps, int) or steps < 0:
        raise ValueError(f'steps must be an integer >= 0, got {steps!r}.')
    probabilities = [0.0] * (steps + 1)
    for k in range(steps % 2, steps + 1, 2):
        ways = math.comb(steps, (steps - k) // 2)
        probabilities[k] = (2 if k else 1) * ways / 2**steps
    dropped = 0.0
    while len(probabilities) > 1 and dropped + probabilities[-1] <= tolerance:
        dropped += probabilities.pop()
    total = sum(probabilities)
    return [p / total for p in probabilities]
