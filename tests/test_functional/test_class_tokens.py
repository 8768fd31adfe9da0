# Copyright (c) mmocr_wsss contributors. All rights reserved.
import math

import pytest
import torch
from torch.autograd import gradcheck

from mmocr_wsss.functional import class_tokens
from mmocr_wsss.functional.class_tokens import (
    attention_with_maps,
    class_attention,
    class_token_contrast,
    ranked_mean,
    refine_with_affinity,
    resize_position_grid,
)


def wave_grid():
    """g(i, j) = sin(0.5 i + 0.3 j) on 14 x 14, as (1, 196, 1)."""
    i, j = torch.meshgrid(torch.arange(14.0), torch.arange(14.0), indexing='ij')
    return torch.sin(0.5 * i + 0.3 * j).reshape(1, 196, 1)


@pytest.mark.parametrize(
    'offset, expected',
    [
        (0.1, (-0.0783013898, -0.9079059013, -0.8761787773, -0.9774901684)),
        (0.0, (-0.0781218758, -0.9000592426, -0.8841182739, -0.9708914272)),
    ],
)
def test_convention_of_position_grids(offset, expected):
    """Published sampling positions, and those of a resize to a size."""
    grid = resize_position_grid(wave_grid(), (23, 31), offset=offset).reshape(23, 31)
    points = [grid[p].item() for p in ((0, 0), (11, 15), (22, 30), (5, 27))]
    assert points == pytest.approx(expected, abs=2e-6)


def test_position_grids_must_be_square():
    with pytest.raises(ValueError, match='square grid, got 12 rows'):
        resize_position_grid(torch.zeros(1, 12, 4), (3, 3), offset=0.1)


def plain_attention(query, key, value, num_classes):
    """All weights at once."""
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).softmax(-1)
    mean = weights.mean(1)[..., num_classes:]
    return weights @ value, mean[:, :num_classes], mean[:, num_classes:]


@pytest.mark.parametrize('block', [1, 100, 2**22])
def test_blocks_of_attention_equal_all_at_once(monkeypatch, block):
    monkeypatch.setattr(class_tokens, '_BLOCK', block)
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, 17, 8)
    affinity = torch.ones(2, 12, 12)  # what was there stays
    attended, rows = attention_with_maps(query, key, value, num_classes=5, affinity=affinity)
    expected = plain_attention(query, key, value, 5)
    for ours, theirs in zip((attended, rows, affinity - 1), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    torch.testing.assert_close(class_attention(query, key, num_classes=5), rows)


def test_sums_are_float32_under_autocast():
    query, key, value = torch.randn(3, 1, 2, 9, 8)
    affinity = torch.zeros(1, 6, 6)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        attended, rows = attention_with_maps(
            query.bfloat16(), key.bfloat16(), value.bfloat16(), num_classes=3, affinity=affinity
        )
        refined = refine_with_affinity(rows.reshape(1, 3, 2, 3), affinity)
    assert attended.dtype == torch.bfloat16
    assert rows.dtype == affinity.dtype == refined.dtype == torch.float32
    # In bfloat16 the product would be off by about 1e-3.
    expected = rows @ affinity.transpose(1, 2)
    torch.testing.assert_close(refined.flatten(2), expected, rtol=0, atol=1e-7)


def test_convention_affinity_row_is_the_query():
    """Patch 0 looks at patch 1 only, so it takes over what patch 1 has."""
    affinity = torch.tensor([[[0.0, 2.0], [0.0, 0.0]]])
    maps = torch.tensor([[[[5.0, 7.0]]]])  # (1, 1, 1, 2)
    assert refine_with_affinity(maps, affinity).tolist() == [[[[14.0, 0.0]]]]


def test_ranked_mean_is_float32_under_autocast():
    torch.manual_seed(0)
    maps = torch.rand(2, 3, 8, 8)
    expected = ranked_mean(maps, decay=0.9)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(ranked_mean(maps, decay=0.9), expected)


def test_ranked_mean_by_hand():
    maps = torch.tensor([[[[1.0, 4.0], [2.0, -1.0]]]])
    # Sorted 4, 2, 1, -1 with weights 1, 0.5, 0.25, 0.125: 5.125 / 1.875.
    assert ranked_mean(maps, decay=0.5).item() == pytest.approx(5.125 / 1.875)
    assert ranked_mean(maps, decay=1.0).item() == pytest.approx(1.5)
    x = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: ranked_mean(x, decay=0.9), x)


def test_contrast_by_hand():
    # Orthogonal tokens: rows (1, 0), loss log(1 + e**-1). Equal tokens: rows (1, 1), log 2.
    apart, equal = torch.eye(2), torch.ones(2, 2)
    tokens = torch.stack([torch.stack([apart, equal]), torch.stack([equal, equal])])  # (L, N, K, D)
    far, near = math.log(1 + math.exp(-1)), math.log(2)
    tags = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    expected = ((far + near) / 2 + near) / 2  # mean over blocks, then over images
    assert class_token_contrast(tokens, tags).item() == pytest.approx(expected)
    assert class_token_contrast(3 * tokens, tags).item() == pytest.approx(expected)
    none = torch.tensor([[1.0, 0.0], [0.0, 0.0]])  # an image without tags adds nothing
    assert class_token_contrast(tokens, none).item() == pytest.approx((far + near) / 4)


def test_contrast_has_a_gradient():
    tokens = torch.randn(2, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    tags = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    assert gradcheck(lambda x: class_token_contrast(x, tags), tokens)
