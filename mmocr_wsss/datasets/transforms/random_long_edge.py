# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Resize so that the longer side has a random length."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import Resize

from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomLongEdge(Resize):
    """Resize image and masks so that the longer side is a random integer.

    Every integer of ``edge_range`` is equally likely, both ends included; the other
    side keeps the ratio, rounded to the nearest integer. Small images are enlarged.
    Masks, if the sample has any, are resized by nearest neighbour.

    Required key: ``img``, (H, W, 3); uint8 for the backend ``'pillow'``. Modified and
    added keys: those of mmseg's Resize.

    Args:
        edge_range: shortest and longest length of the longer side, in pixels.
        interpolation: for the image.
        backend: ``'pillow'``, whose filter grows when it shrinks an image, or ``'cv2'``.

    Reference: ``RandomResizeLong`` of jiwoon-ahn/psa; 256 to 512 there, by Pillow's
    bicubic filter.
    """

    def __init__(
        self,
        edge_range: Sequence[int] = (256, 512),
        interpolation: str = 'bicubic',
        backend: str = 'pillow',
    ) -> None:
        edges = tuple(edge_range)
        if (
            len(edges) != 2
            or not all(isinstance(edge, int) for edge in edges)
            or not 0 < edges[0] <= edges[1]
        ):
            raise ValueError(
                'edge_range must be two integers (shortest, longest) with 0 < shortest <= longest, '
                f'got {edge_range!r}.'
            )
        super().__init__(scale_factor=1.0, interpolation=interpolation, backend=backend)
        self.edge_range = edges

    @cache_randomness
    def _edge(self) -> int:
        return int(np.random.randint(self.edge_range[0], self.edge_range[1] + 1))

    def transform(self, results: dict) -> dict:
        """Resize ``img`` and the masks, note the new ``scale`` (width, height).

        Raises:
            TypeError: Pillow is to resize an image that is not uint8.
        """
        image = results['img']
        if self.backend == 'pillow' and image.dtype != np.uint8:
            raise TypeError(
                f"RandomLongEdge with backend='pillow' needs a uint8 image, got {image.dtype}. Put "
                'it before RandomCropOrPad and load without to_float32.'
            )
        edge, (height, width) = self._edge(), image.shape[:2]
        longer = max(height, width)
        results['scale'] = tuple(max(1, round(side * edge / longer)) for side in (width, height))
        self._resize_img(results)
        self._resize_seg(results)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(edge_range={self.edge_range}, '
            f'interpolation={self.interpolation!r}, backend={self.backend!r})'
        )
