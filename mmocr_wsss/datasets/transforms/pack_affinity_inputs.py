# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What AffinityNet is trained on."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.structures import DataSample

from mmocr_wsss.functional.affinity import affinity_label_map, pooled
from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackAffinityInputs(BaseTransform):
    """Labels of confident pixels on the feature grid, packed for ``mmocr_wsss.AffinityNet``.

    Required keys: ``img`` (H, W, 3), ``crf_scores`` (H, W, 2 (k + 1)), ``img_path``,
    ``img_id``. Result: ``inputs`` (3, H, W) float32; ``data_samples`` with
    ``affinity_label`` (H / stride, W / stride) uint8: 0 background, 1..k positions of
    the image's classes, 255 ignored.

    Args:
        stride: pixels of a feature cell; scores are averaged over it.

    Raises:
        ValueError: the sides are no multiples of ``stride``.

    Reference: ``voc12/data.py`` of jiwoon-ahn/psa.
    """

    def __init__(self, stride: int = 8) -> None:
        self.stride = stride

    def transform(self, results: dict) -> dict:
        """Give ``inputs`` and ``data_samples`` in place of the results."""
        scores = torch.from_numpy(np.ascontiguousarray(results['crf_scores'].transpose(2, 0, 1)))
        if any(side % self.stride for side in scores.shape[1:]):
            raise ValueError(
                f'crops must have sides that are multiples of {self.stride}, got '
                f'{tuple(scores.shape[1:])}.'
            )
        low, high = pooled(scores[None], self.stride)[0].chunk(2)
        sample = DataSample(metainfo=dict(img_path=results['img_path'], img_id=results['img_id']))
        sample.set_data(dict(affinity_label=affinity_label_map(low, high)))
        image = np.ascontiguousarray(results['img'].transpose(2, 0, 1), dtype=np.float32)
        return dict(inputs=torch.from_numpy(image), data_samples=sample)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(stride={self.stride})'
