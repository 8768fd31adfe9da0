# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Photos that are read whole or not at all."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio

from mmocr_wsss.datasets.photos import decode_photo
from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadPhoto(BaseTransform):
    """Read a photo whole or not at all.

    ``LoadImageFromFile`` of the host fills a truncated file up with grey (OpenCV) or
    makes 16-bit images white (Pillow); files that are kept need the error.

    Required key: ``img_path``. Sets ``img`` (H, W, 3) uint8 BGR, ``img_shape`` and
    ``ori_shape``, both (H, W).

    Args:
        backend_args: as for mmengine's file backends.

    Raises:
        OSError: the file is missing, no image, or truncated.
        ValueError: it has more than 8 bits per channel.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add ``img`` and its sizes."""
        content = fileio.get(results['img_path'], backend_args=self.backend_args)
        image = np.ascontiguousarray(decode_photo(content)[..., ::-1])
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'
