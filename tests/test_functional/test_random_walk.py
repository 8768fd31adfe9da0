# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The walk equals the power of the dense matrix, at every number of steps."""

import pytest
import torch

from mmocr_wsss.functional.affinity import inner_grid, pair_affinities, pair_offsets, shifted_grid
from mmocr_wsss.functional.random_walk import (
    Transition,
    chebyshev_weights,
    pool_scores,
    upsample_scores,
    walk,
)


def grid(height, width):
    return torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')


def dense(affinities, size, radius, beta):
    """The published matrix: columns sum to 1."""
    index = torch.arange(size[0] * size[1]).view(size)
    matrix = torch.eye(index.numel(), dtype=affinities.dtype)
    start = inner_grid(index, radius).flatten()
    for offset, values in zip(pair_offsets(radius), affinities**beta, strict=True):
        end = shifted_grid(index, radius, offset).flatten()
        matrix[start, end] = matrix[end, start] = values.flatten()
    return matrix / matrix.sum(dim=0, keepdim=True)


@pytest.mark.parametrize('radius', [1, 2, 5])
@pytest.mark.parametrize('steps', [0, 1, 2, 3, 64, 256])
def test_equals_the_dense_power(radius, steps):
    torch.manual_seed(0)
    size = (13, 17)
    affinities = pair_affinities(2 * torch.rand(1, 3, *size).double(), radius)[0]
    scores = torch.rand(4, *size).double()
    transition = Transition(affinities, size, radius=radius, beta=3)
    power = torch.linalg.matrix_power(dense(affinities, size, radius, 3), steps)
    expected = (scores.flatten(1) @ power).view_as(scores)
    found = walk(scores, transition, steps=steps)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_published_check_values():
    y, x = grid(12, 12)
    features = torch.stack(
        [torch.sin(0.3 * c + 0.2 * y.double() + 0.1 * x.double()) for c in range(4)]
    )
    affinities = pair_affinities(features[None], 5)[0]
    wave = 0.2 * y.double() + 0.05 * x.double()
    scores = torch.stack([torch.cos(wave) ** 2, torch.sin(wave) ** 2])
    walked = walk(scores, Transition(affinities, (12, 12), radius=5, beta=8), steps=8)
    assert walked.sum().item() == pytest.approx(144)
    assert walked[0, 0, 0].item() == pytest.approx(1.0)  # an isolated pixel
    assert walked[0, 5, 6].item() == pytest.approx(0.3116663609, abs=1e-6)
    assert walked[1, 11, 11].item() == pytest.approx(0.1456651129, abs=1e-6)
    assert walked[1, 3, 8].item() == pytest.approx(0.5858531657, abs=1e-6)


def test_constants_stay():
    affinities = pair_affinities(torch.rand(1, 3, 12, 14), 5)[0]
    transition = Transition(affinities, (12, 14), radius=5, beta=8)
    scores = torch.full((2, 12, 14), 0.3)
    # Columns of T sum to 1, so a score that is everywhere the same stays.
    torch.testing.assert_close(walk(scores, transition, steps=256), scores, rtol=0, atol=1e-5)


def test_weights_of_the_polynomials():
    # x^2 = (T_0 + T_2) / 2, x^3 = (3 T_1 + T_3) / 4
    assert chebyshev_weights(2, tolerance=0) == [0.5, 0.0, 0.5]
    assert chebyshev_weights(3, tolerance=0) == [0.0, 0.75, 0.0, 0.25]
    assert chebyshev_weights(0) == [1.0] and chebyshev_weights(1) == [0.0, 1.0]
    weights = chebyshev_weights(256)
    assert 80 < len(weights) < 90 and sum(weights) == pytest.approx(1)
    assert len(chebyshev_weights(4096)) < 360
    for steps in (-1, 2.0):
        with pytest.raises(ValueError, match=f'steps must be an integer >= 0, got {steps}'):
            chebyshev_weights(steps)


def test_affinities_of_another_grid_are_refused():
    with pytest.raises(ValueError, match=r'12 x 14 has affinities \(34, 8, 6\) at radius 5, got'):
        Transition(torch.rand(34, 8, 7), (12, 14), radius=5, beta=8)


def test_pooling_pads_with_zeros_and_upsampling_crops():
    scores = torch.ones(1, 3, 5)
    low = pool_scores(scores, 4)
    assert low.tolist() == [[[0.75, 0.1875]]]
    assert upsample_scores(low, (3, 5), 4).shape == (1, 3, 5)
    assert torch.allclose(upsample_scores(torch.full((2, 2, 2), 0.5), (7, 8), 4), torch.tensor(0.5))
