# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Colour jitter by integer offsets in HSV."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class HSVJitter(BaseTransform):
    """Shift hue, saturation and value of an 8-bit image by integer offsets.

    Each offset is uniform over the integers -delta..delta, both ends included, in
    the units of OpenCV's 8-bit HSV: hue 0..179 in steps of 2 degrees, taken
    modulo 180; saturation and value 0..255, clipped.

    Required and modified key: ``img``, uint8 (H, W, 3), BGR as mmcv loads it.

    Args:
        hue_delta: 0..90.
        saturation_delta: 0..255.
        value_delta: 0..255.

    Reference: the "weak" augmentation of SEAM's author's segmentation code, where
    all three deltas are 10.
    """

    def __init__(
        self, hue_delta: int = 10, saturation_delta: int = 10, value_delta: int = 10
    ) -> None:
        self.deltas = (hue_delta, saturation_delta, value_delta)
        limits = (90, 255, 255)
        if not all(
            isinstance(delta, int) and 0 <= delta <= limit
            for delta, limit in zip(self.deltas, limits, strict=True)
        ):
            raise ValueError(
                f'HSVJitter: deltas must be integers in 0..90, 0..255 and 0..255, got '
                f'{self.deltas}.'
            )

    @cache_randomness
    def _offsets(self) -> np.ndarray:
        return np.array([np.random.randint(-delta, delta + 1) for delta in self.deltas])

    def transform(self, results: dict) -> dict:
        """Replace ``img``.

        Raises:
            TypeError: it is not uint8 (H, W, 3).
        """
        image = results['img']
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise TypeError(
                f'HSVJitter needs a uint8 (H, W, 3) image, got {image.dtype} {image.shape}. Put '
                'it before RandomCropOrPad and load without to_float32.'
            )
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int64) + self._offsets()
        hsv[..., 0] %= 180
        hsv[..., 1:] = hsv[..., 1:].clip(0, 255)
        results['img'] = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(deltas={self.deltas})'
