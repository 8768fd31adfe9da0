# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the random walk starts from: a photo and its CAMs."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.structures import DataSample

from mmocr_wsss.cam_files import full_size, read_cam
from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadCAM(BaseTransform):
    """Read the CAM file of a photo; put it before the photo is loaded.

    Required key: ``stage_file``. Added keys: ``cam`` (k, H, W) float32 at the size of
    the photo, ``class_ids`` (k,) uint8.
    """

    def transform(self, results: dict) -> dict:
        """Add ``cam`` and ``class_ids``."""
        cam_file = read_cam(results['stage_file'])
        results['cam'], results['class_ids'] = full_size(cam_file), cam_file.class_ids
        return results


@TRANSFORMS.register_module()
class PackWalkInputs(BaseTransform):
    """Pack a photo and its CAMs for ``mmocr_wsss.RandomWalkLoop``.

    Required keys: ``img`` (H, W, 3) uint8 as it was loaded, ``cam``, ``class_ids``,
    ``img_path``, ``img_id``. Result: ``inputs`` (3, H, W) uint8; ``data_samples`` with
    ``cam`` (k, H, W), ``class_ids`` (k,) and the metainfo ``img_path``, ``img_id`` and
    ``ori_shape``.

    Raises:
        ValueError: CAMs and photo differ in size.
    """

    def transform(self, results: dict) -> dict:
        """Give ``inputs`` and ``data_samples`` in place of the results."""
        cam, size = results['cam'], results['img'].shape[:2]
        if cam.shape[1:] != size:
            raise ValueError(
                f'{results["stage_file"]}: the CAMs are those of a photo of {cam.shape[1:]}, '
                f'{results["img_path"]} is {size}. Make the CAMs again from these photos.'
            )
        sample = DataSample(
            metainfo=dict(img_path=results['img_path'], img_id=results['img_id'], ori_shape=size)
        )
        class_ids = torch.from_numpy(results['class_ids'].astype(np.int64))
        sample.set_data(dict(cam=torch.from_numpy(cam), class_ids=class_ids))
        image = np.ascontiguousarray(results['img'].transpose(2, 0, 1))
        return dict(inputs=torch.from_numpy(image), data_samples=sample)
