# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""One photo at several scales, for making CAMs."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.image import imresize
from mmcv.transforms import BaseTransform
from mmpretrain.structures import DataSample

from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackScaledViews(BaseTransform):
    """Resize the 8-bit photo to every scale and pack the results unbatched.

    Sides are ``round(side * scale)`` with Python's rounding (half to even), at
    least 1; ``side`` is that of the photo, or of the photo made smaller to
    ``max_long_edge``. Mirrors are left to the test loop, which makes them from the tensors.

    Required keys: ``img`` (H, W, 3) uint8, ``img_path``, ``img_id``, ``gt_score``.
    Result: ``inputs``, a list of uint8 tensors (3, h, w), one per scale;
    ``data_samples``, an mmpretrain ``DataSample`` with ``gt_score`` and the
    metainfo ``img_path``, ``img_id``, ``ori_shape`` (H, W).

    Args:
        scales: factors on both sides, in the order in which maps are summed.
        max_long_edge: pixels that scale 1 has at most; None: as the photo. The maps
            are brought to the size of the photo either way.
        interpolation: of mmcv's ``imresize``.
        backend: ``'pillow'``, whose bicubic is antialiased, as published, or ``'cv2'``.

    Reference: ``voc12/data.py`` of jiwoon-ahn/psa (VOC12ClsDatasetMSF).
    """

    def __init__(
        self,
        scales: Sequence[float],
        interpolation: str = 'bicubic',
        backend: str = 'pillow',
        max_long_edge: int | None = None,
    ) -> None:
        if not scales or min(scales) <= 0:
            raise ValueError(f'scales must be positive, at least one, got {list(scales)}.')
        if max_long_edge is not None and max_long_edge < 1:
            raise ValueError(f'max_long_edge must be >= 1 or None, got {max_long_edge}.')
        self.scales, self.max_long_edge = tuple(scales), max_long_edge
        self.interpolation, self.backend = interpolation, backend

    def transform(self, results: dict) -> dict:
        """Give ``inputs`` and ``data_samples`` in place of the results."""
        height, width = results['img'].shape[:2]
        sample = DataSample(
            metainfo=dict(
                img_path=results['img_path'], img_id=results['img_id'], ori_shape=(height, width)
            )
        )
        sample.set_gt_score(results['gt_score'])
        views = [self._view(results['img'], scale) for scale in self.scales]
        return dict(inputs=views, data_samples=sample)

    def _view(self, image: np.ndarray, scale: float) -> torch.Tensor:
        sides = image.shape[1::-1]
        if self.max_long_edge is not None:
            scale *= min(1.0, self.max_long_edge / max(sides))
        size = tuple(max(1, round(side * scale)) for side in sides)
        if size != image.shape[1::-1]:
            image = imresize(image, size, interpolation=self.interpolation, backend=self.backend)
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scales={self.scales}, interpolation={self.interpolation!r}, '
            f'backend={self.backend!r}, max_long_edge={self.max_long_edge})'
        )
