# Copyright (c) mmocr_wsss contributors. All rights reserved.
import pytest
import torch

from mmocr_wsss.functional.multi_scale import (
    max_of_softmax,
    resize_opencv_cubic,
    resize_torch_bilinear,
    softmax_of_mean,
)


def ramp(height: int, width: int) -> torch.Tensor:
    """Channel 0 is the column, channel 1 the row, channel 2 is constant."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    return torch.stack([x, y, torch.full_like(x, 7)])[None].float()


def test_convention_sides():
    image = ramp(5, 7)  # times 0.75: 3.75 and 5.25
    assert resize_opencv_cubic(image, scale=0.75).shape == (1, 3, 4, 5)  # nearest
    assert resize_torch_bilinear(image, scale=0.75).shape == (1, 3, 3, 5)  # int()


def test_cubic_samples_pixel_centres_without_antialiasing():
    # Half size: centres lie at 2 i + 0.5; on a ramp away from the borders cubic is exact.
    result = resize_opencv_cubic(ramp(16, 16), scale=0.5)[0]
    torch.testing.assert_close(result[0, 3, 1:7], 2 * torch.arange(1, 7) + 0.5)
    torch.testing.assert_close(result[1, 1:7, 3], 2 * torch.arange(1, 7) + 0.5)
    checker = torch.zeros(1, 3, 16, 16)
    checker[..., ::4] = 1  # an antialiased result would have less contrast
    half = resize_opencv_cubic(checker, scale=0.5)[0, 0, 4, 2:6]
    # Weights of OpenCV's kernel (a = -0.75) at distances 0.5 and 1.5: 0.59375, -0.09375.
    torch.testing.assert_close(half, torch.tensor([0.59375, -0.09375, 0.59375, -0.09375]))


def test_bilinear_aligns_corners():
    result = resize_torch_bilinear(ramp(3, 3), scale=5 / 3)[0]
    torch.testing.assert_close(result[0, 0], torch.tensor([0, 0.5, 1, 1.5, 2]))
    torch.testing.assert_close(result[1, :, 0], torch.tensor([0, 0.5, 1, 1.5, 2]))


@pytest.mark.parametrize('resize', [resize_opencv_cubic, resize_torch_bilinear])
def test_scale_one_changes_nothing_and_constants_stay(resize):
    image = torch.randn(1, 3, 6, 9)
    torch.testing.assert_close(resize(image, scale=1.0), image)
    constant = resize(ramp(6, 9), scale=1.75)[:, 2]
    torch.testing.assert_close(constant, torch.full_like(constant, 7.0))


@pytest.mark.parametrize('resize', [resize_opencv_cubic, resize_torch_bilinear])
def test_a_scale_that_leaves_no_pixel(resize):
    with pytest.raises(ValueError, match='scale 0.1 leaves no pixel of an image of 6 x 90'):
        resize(ramp(6, 90), scale=0.1)


def scores(*probabilities: list[float]) -> list[torch.Tensor]:
    """One-pixel logits whose softmax is the given probabilities."""
    return [torch.tensor(p).log().view(1, -1, 1, 1) for p in probabilities]


def test_merging_by_hand():
    logits = scores([0.2, 0.8], [0.5, 0.5])
    # Per class the maximum; the sum 1.3 is not normalised.
    merged = max_of_softmax(logits).flatten()
    torch.testing.assert_close(merged, torch.tensor([0.5, 0.8]))
    # Mean logits give geometric means: sqrt(0.1) : sqrt(0.4) = 1 : 2.
    merged = softmax_of_mean(logits).flatten()
    torch.testing.assert_close(merged, torch.tensor([1 / 3, 2 / 3]))


def test_one_scale_is_its_softmax():
    logits = torch.randn(1, 4, 3, 3)
    torch.testing.assert_close(max_of_softmax([logits]), logits.softmax(1))
    torch.testing.assert_close(softmax_of_mean([logits]), logits.softmax(1))
