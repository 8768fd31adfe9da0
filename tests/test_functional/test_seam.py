# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Values that the official loss functions give for maps made of sines, in float64."""

import pytest
import torch

from mmocr_wsss.functional import seam

TAGS = ((0, 4), (7, 14, 19))


def wave(function, n, c, y, x, shift=0.0):
    """(2, 21, 8, 8) of ``function(n * sample + c * channel + y * row + x * column + shift)``."""
    axes = [torch.arange(size, dtype=torch.float64) for size in (2, 21, 8, 8)]
    grids = torch.meshgrid(*axes, indexing='ij')
    return function(sum(f * g for f, g in zip((n, c, y, x), grids, strict=True)) + shift)


@pytest.fixture
def maps():
    cam1 = wave(torch.sin, 0.3, 0.7, 0.11, 0.17)
    refined1 = wave(torch.cos, 0.2, 0.5, 0.13, 0.19)
    cam2 = wave(torch.sin, 0.3, 0.7, 0.12, 0.16, 0.1)
    refined2 = wave(torch.cos, 0.2, 0.5, 0.14, 0.18, -0.1)
    return cam1, refined1, cam2, refined2


@pytest.fixture
def present():
    tags = torch.zeros(2, 21, 1, 1, dtype=torch.float64)
    tags[:, 0] = 1
    for row, classes in zip(tags, TAGS, strict=True):
        row[[k + 1 for k in classes]] = 1
    return tags


def test_min_pooling(maps, present):
    values = [seam.adaptive_min_pooling((maps[i] * present)[:, 1:]).item() for i in (1, 3)]
    assert values == pytest.approx([0.0299182706465, 0.0189057366041], abs=1e-12)


def test_normalised_maps_and_terms(maps, present):
    cam1, refined1, cam2, refined2 = (seam.max_norm(m) * present for m in maps)
    sums = [m.sum().item() for m in (cam1, refined1, cam2, refined2)]
    assert sums == pytest.approx([211.934106595, 121.414839139, 216.034779803, 123.233255846])
    assert cam1[0, 1, 3, 4].item() == pytest.approx(0.9822806516681, abs=1e-12)
    assert (cam1 - cam2)[:, 1:].abs().mean().item() == pytest.approx(0.0044381778593, abs=1e-12)
    errors = seam.equivariant_cross_terms(
        seam.with_background(cam1), seam.with_background(cam2), refined1, refined2
    )
    means = [seam.largest_mean(e, ratio=0.2).item() for e in errors]
    assert means == pytest.approx([0.2542137011692, 0.2541024051414], abs=1e-12)


@pytest.mark.parametrize('columns', [1, 7, 64, 512])
def test_pixel_correlation_does_not_depend_on_the_columns(maps, columns):
    k, y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (5, 8, 8)),
                             indexing='ij')  # fmt: skip
    features = torch.sin(0.9 * k + 0.4 * y + 0.3 * x)[None]
    scores = seam.correlation_scores(maps[0][:1])
    out = seam.pixel_correlation(scores, features, columns=columns)[0]
    assert out.sum().item() == pytest.approx(63.9999744572, abs=1e-9)
    at = {(0, 0, 0): 0.0139780580, (2, 0, 0): 0.5515837379, (3, 0, 0): 0.1172957767,
          (10, 0, 0): 0.0197591710, (0, 7, 1): 0.0167691220, (1, 7, 1): 0.3581772831,
          (9, 7, 1): 0.0996407486, (17, 7, 1): 0.0072835340}  # fmt: skip
    for place, value in at.items():
        assert out[place].item() == pytest.approx(value, abs=1e-9), place


def test_pixel_correlation_has_the_gradients_of_the_dense_product():
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=generator)
    features = torch.randn(2, 6, 4, 5, dtype=torch.float64, generator=generator)

    def spread(features):
        return seam.pixel_correlation(scores, features, columns=6)

    assert torch.autograd.gradcheck(spread, features.requires_grad_())


def test_convention_correlation_scores():
    logits = torch.full((1, 3, 1, 2), -1.0)
    logits[0, 1] = torch.tensor([[2.0, 1.0]])
    logits[0, 2] = torch.tensor([[1.0, 3.0]])
    scores = seam.correlation_scores(logits)[0, :, 0]
    # Each class by its own maximum: (1, 0.5) and (0.33, 1). The weaker one of a pixel goes.
    expected = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    torch.testing.assert_close(scores, expected, atol=2e-5, rtol=0)


def test_no_gradient_into_the_targets():
    cam = torch.rand(1, 3, 4, 4, requires_grad=True)
    refined = torch.rand(1, 3, 4, 4, requires_grad=True)
    sum(e.sum() for e in seam.equivariant_cross_terms(cam, cam, refined, refined)).backward()
    assert cam.grad is None and refined.grad.abs().sum() > 0


def test_scaled_size_rounds_down():
    assert seam.scaled_size((448, 112), 0.3) == (134, 33)


def test_sums_of_the_correlation_are_float32_under_autocast():
    torch.manual_seed(0)
    scores, features = torch.rand(1, 3, 8, 8), torch.rand(1, 4, 8, 8)
    expected = seam.pixel_correlation(scores, features, columns=16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = seam.pixel_correlation(scores, features, columns=16)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-2)
