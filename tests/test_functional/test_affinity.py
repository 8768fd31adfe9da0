# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Pairs, their labels and losses, by hand and by the published check values."""

import pytest
import torch
from torch.autograd import gradcheck

from mmocr_wsss.functional.affinity import (
    PairLabels,
    affinity_label_map,
    affinity_losses,
    fitting_radius,
    inner_grid,
    pair_affinities,
    pair_labels,
    pair_offsets,
    pooled,
    shifted_grid,
)


def grid(height, width):
    return torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')


def test_convention_offsets_are_half_a_disc():
    assert pair_offsets(1) == [] and pair_offsets(2) == [(0, 1), (1, -1), (1, 0), (1, 1)]
    offsets = pair_offsets(5)
    assert len(offsets) == 34 and offsets[:5] == [(0, 1), (0, 2), (0, 3), (0, 4), (1, -4)]
    assert [sum(dy == row for dy, _ in offsets) for row in range(5)] == [4, 9, 9, 7, 5]
    with pytest.raises(ValueError, match='radius must be >= 1, got 0'):
        pair_offsets(0)


def test_convention_pairs_start_in_the_inner_grid():
    numbers = torch.arange(20).view(4, 5)
    assert inner_grid(numbers, 2).tolist() == [[1, 2, 3], [6, 7, 8], [11, 12, 13]]
    assert shifted_grid(numbers, 2, (1, -1)).tolist() == [[5, 6, 7], [10, 11, 12], [15, 16, 17]]
    assert shifted_grid(numbers, 2, (1, -1)).data_ptr() == numbers[1:].data_ptr()  # a view
    assert inner_grid(torch.zeros(56, 56), 5).shape == (52, 48)


def test_published_check_values():
    y, x = grid(12, 12)
    labels = (y // 4 + x // 4 + 2) % 3
    labels[(y + x) % 11 == 0] = 255
    pairs = pair_labels(labels[None].to(torch.uint8), 5)
    assert [int(part.sum()) for part in pairs] == [180, 92, 575]
    assert pairs.background.shape == (1, 34, 8, 4)
    features = torch.stack(
        [torch.sin(0.3 * c + 0.2 * y.double() + 0.1 * x.double()) for c in range(4)]
    )
    affinities = pair_affinities(features[None], 5)
    assert affinities.mean().item() == pytest.approx(0.8127861503, abs=1e-9)
    assert affinities[0, 0, 0, 0].item() == pytest.approx(0.9429958663, abs=1e-9)
    assert affinities[0, -1, -1, -1].item() == pytest.approx(0.4057805114, abs=1e-9)
    losses = affinity_losses(affinities, pairs)
    assert 4 * losses['loss_background'].item() == pytest.approx(0.1008158315, abs=1e-8)
    assert 4 * losses['loss_foreground'].item() == pytest.approx(0.1742688911, abs=1e-8)
    assert 2 * losses['loss_negative'].item() == pytest.approx(2.1989867592, abs=1e-7)
    assert sum(losses.values()).item() == pytest.approx(1.1682645603, abs=1e-7)


def test_affinity_is_the_mean_over_channels():
    features = torch.tensor([[0.0, 1.0, 3.0], [0.0, 0.0, 1.0]]).view(1, 2, 1, 3)
    found = pair_affinities(torch.cat([features, features], dim=2), 2)
    # From the middle pixel: right |2|, |1|; below left |1|, |0|; below 0; below right as right.
    expected = torch.exp(-torch.tensor([1.5, 0.5, 0.0, 1.5]))
    torch.testing.assert_close(found.flatten(), expected)
    assert gradcheck(
        lambda x: pair_affinities(x, 2), torch.rand(1, 2, 3, 4).double().requires_grad_()
    )


def test_labels_of_pairs_by_hand():
    # Pairs from the middle of the first row to: right, below left, below, below right.
    label_map = torch.tensor([[9, 0, 0], [1, 0, 255]], dtype=torch.uint8)
    background, foreground, negative = (
        p.flatten().tolist() for p in pair_labels(label_map[None], 2)
    )
    assert background == [True, False, True, False] and not any(foreground)
    assert negative == [False, True, False, False]
    label_map[0, 1] = 1
    background, foreground, negative = (
        p.flatten().tolist() for p in pair_labels(label_map[None], 2)
    )
    assert foreground == [False, True, False, False]
    assert negative == [True, False, True, False] and not any(background)


def test_losses_without_pairs_are_zero():
    none = torch.zeros(1, 4, 2, 2, dtype=torch.bool)
    losses = affinity_losses(torch.rand(1, 4, 2, 2), PairLabels(none, none, none))
    assert [value.item() for value in losses.values()] == [0.0, 0.0, 0.0]


def test_confident_labels_by_hand():
    #               sure bg, sure fg, unsure, padding
    low = torch.tensor([[0.9, 0.2, 0.6, 0.0], [0.1, 0.8, 0.4, 0.0]]).view(2, 1, 4)
    high = torch.tensor([[0.8, 0.1, 0.3, 0.0], [0.2, 0.9, 0.7, 0.0]]).view(2, 1, 4)
    assert affinity_label_map(low, high).tolist() == [[0, 1, 255, 255]]
    # Foreground for the low power and background for the high one: background, as published.
    assert affinity_label_map(low[..., 1:2], low[..., :1]).tolist() == [[0]]


def test_pooling_means_squares():
    assert pooled(torch.arange(16.0).view(1, 1, 4, 4), 2).flatten().tolist() == [
        2.5,
        4.5,
        10.5,
        12.5,
    ]


def test_small_grids():
    assert fitting_radius((11, 40), 5) == 5 and fitting_radius((10, 40), 5) == 4
    assert fitting_radius((3, 3), 5) == 1 and fitting_radius((1, 9), 5) == 1
    assert pair_affinities(torch.rand(1, 2, 1, 3), 1).shape == (1, 0, 1, 3)
    with pytest.raises(ValueError, match=r'at least 5 x 9 .* radius 5, got 4 x 20'):
        pair_affinities(torch.rand(1, 2, 4, 20), 5)
    with pytest.raises(ValueError, match='got 5 x 8'):
        pair_labels(torch.zeros(1, 5, 8, dtype=torch.uint8), 5)
