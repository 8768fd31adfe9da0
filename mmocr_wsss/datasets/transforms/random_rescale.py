# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Resize by a random factor of the image's own size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import Resize

from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomRescale(Resize):
    """Resize image and masks by one factor, uniform in ``ratio_range``.

    The stock RandomResize draws its factor of a fixed ``scale`` that the image is
    fitted into, so a small photo is enlarged; the reference pipelines scale
    every photo by a factor of its own size. Masks are resized by nearest neighbour.

    Required, modified and added keys: those of mmseg's Resize.

    Args:
        ratio_range: smallest and largest factor, both > 0.
        interpolation: for the image; ``'bicubic'`` in SEAM's author's segmentation
            code, ``'bilinear'`` in MCTformer's.
        **kwargs: as for mmseg's Resize (``backend``).

    Choice of ours: sides are rounded to the nearest integer, as OpenCV's factors
    do (MCTformer rounds down), and every image draws its own factor (MCTformer
    draws one per batch).
    """

    def __init__(
        self, ratio_range: Sequence[float], interpolation: str = 'bilinear', **kwargs: Any
    ) -> None:
        if len(ratio_range) != 2 or not 0 < ratio_range[0] <= ratio_range[1]:
            raise ValueError(
                'ratio_range must be (smallest, largest) with 0 < smallest <= largest, got '
                f'{ratio_range!r}.'
            )
        super().__init__(scale_factor=1.0, interpolation=interpolation, **kwargs)
        self.ratio_range = tuple(ratio_range)

    @cache_randomness
    def _factor(self) -> float:
        smallest, largest = self.ratio_range
        return float(np.random.uniform(smallest, largest))

    def transform(self, results: dict) -> dict:
        """Resize ``img`` and the masks, note the new ``scale`` (width, height)."""
        factor = self._factor()
        height, width = results['img'].shape[:2]
        results['scale'] = tuple(max(1, round(side * factor)) for side in (width, height))
        self._resize_img(results)
        self._resize_seg(results)
        results['keep_ratio'] = self.keep_ratio
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(ratio_range={self.ratio_range}, '
            f'interpolation={self.interpolation!r})'
        )
