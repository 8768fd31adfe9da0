# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Integer offsets in OpenCV's 8-bit HSV."""

import cv2
import numpy as np
import pytest

from mmocr_wsss.datasets.transforms import HSVJitter


def with_offsets(offsets):
    transform = HSVJitter()
    transform._offsets = lambda: np.array(offsets)
    return transform


def image_of(hsv):
    return cv2.cvtColor(np.array([[hsv]], np.uint8), cv2.COLOR_HSV2BGR)


def test_convention_hue_is_modulo_180_and_images_are_bgr():
    red = np.array([[[0, 0, 255]]], np.uint8)  # BGR: hue 0
    # 10 steps of 2 degrees: 20 degrees, green = 255 * 20 / 60 = 85.
    assert with_offsets([10, 0, 0])({'img': red})['img'].tolist() == [[[0, 85, 255]]]
    # -10 wraps to 170 = 340 degrees: blue instead of green.
    assert with_offsets([-10, 0, 0])({'img': red})['img'].tolist() == [[[85, 0, 255]]]


def test_saturation_and_value_are_clipped():
    white = np.full((1, 1, 3), 250, np.uint8)
    assert with_offsets([0, 0, 10])({'img': white})['img'].tolist() == [[[255, 255, 255]]]
    assert with_offsets([0, -10, 0])({'img': white})['img'].tolist() == [[[250, 250, 250]]]
    dark = np.full((1, 1, 3), 4, np.uint8)
    assert with_offsets([0, 0, -10])({'img': dark})['img'].tolist() == [[[0, 0, 0]]]
    # Hue 0, s = 250 + 10 clipped to 255, v = 200: blue and green vanish.
    pale = image_of([0, 250, 200])
    assert with_offsets([0, 10, 0])({'img': pale})['img'].tolist() == [[[0, 0, 200]]]


def test_offsets_fill_the_range_with_both_ends():
    np.random.seed(0)
    transform = HSVJitter(1, 2, 10)
    drawn = np.array([transform._offsets() for _ in range(800)])
    assert sorted(set(drawn[:, 0])) == [-1, 0, 1]
    assert sorted(set(drawn[:, 1])) == [-2, -1, 0, 1, 2]
    assert sorted(set(drawn[:, 2])) == list(range(-10, 11))
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.2


def test_zero_deltas_change_nothing_but_rounding():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    result = HSVJitter(0, 0, 0)({'img': image.copy()})['img']
    assert result.dtype == np.uint8
    # 180 hues cannot hold every colour; a step of 2 degrees is up to 255 / 30 levels.
    assert np.abs(result.astype(int) - image).max() <= 9
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    np.testing.assert_array_equal(HSVJitter(10, 0, 0)({'img': grey})['img'], grey)


def test_errors():
    with pytest.raises(TypeError, match=r'uint8 \(H, W, 3\) image, got float32 \(2, 2, 3\)'):
        HSVJitter()({'img': np.zeros((2, 2, 3), np.float32)})
    for deltas in ((91, 10, 10), (10, 256, 10), (10, 10, -1), (10, 0.5, 10)):
        with pytest.raises(ValueError, match='deltas must be integers in 0..90'):
            HSVJitter(*deltas)
