# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""mmpretrain's ColorJitter on BGR images is torchvision's on RGB images; configs rely on it."""

import numpy as np
import pytest
from mmpretrain.datasets.transforms import ColorJitter
from PIL import Image
from torchvision.transforms import functional

STEPS = (
    functional.adjust_brightness,
    functional.adjust_contrast,
    functional.adjust_saturation,
    functional.adjust_hue,
)


def rgb_image():
    """Smooth colours with some noise: all hues, from grey to saturated."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :64]
    smooth = np.stack([4 * columns, 5 * rows, 255 - 4 * columns], axis=-1)
    return np.clip(smooth + rng.integers(-20, 20, smooth.shape), 0, 255).astype(np.uint8)


def jittered(image, seed):
    """The transform's result, and its factors in the order they were applied."""
    transform = ColorJitter(0.3, 0.3, 0.3, 0.1, backend='pillow')
    np.random.seed(seed)
    order, *factors = transform._rand_params()
    np.random.seed(seed)
    return transform({'img': image})['img'], [(step, factors[step]) for step in order]


def expected(image, applied):
    result = Image.fromarray(image)
    for step, factor in applied:
        result = STEPS[step](result, factor)
    return np.asarray(result)


@pytest.mark.parametrize('seed', range(12))
def test_bgr_is_right(seed):
    image = rgb_image()
    result, applied = jittered(image[..., ::-1].copy(), seed)
    np.testing.assert_array_equal(result[..., ::-1], expected(image, applied))


def test_rgb_would_be_wrong():
    image = rgb_image()
    result, applied = jittered(image, 0)
    assert np.abs(result.astype(int) - expected(image, applied)).max() > 20


def test_factors_fill_the_ranges_of_the_recipe():
    transform = ColorJitter(0.3, 0.3, 0.3, 0.1, backend='pillow')
    np.random.seed(0)
    drawn = [transform._rand_params() for _ in range(3000)]
    assert len({tuple(order) for order, *_ in drawn}) == 24
    factors = np.array([factors for _, *factors in drawn])
    np.testing.assert_allclose(factors.min(0), [0.7, 0.7, 0.7, -0.1], atol=2e-3)
    np.testing.assert_allclose(factors.max(0), [1.3, 1.3, 1.3, 0.1], atol=2e-3)
