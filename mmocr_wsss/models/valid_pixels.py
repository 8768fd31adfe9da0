# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Which cells of a logit grid count."""

from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F


def valid_pixels(
    data_samples: Sequence[SegDataSample], size: Sequence[int], *, ignore_index: int
) -> Tensor:
    """Cells of a logit grid that show the photo and are not ignored.

    A cell is valid when none of the input pixels it covers is padding or carries
    the ignore label, so neither ever enters the out-of-candidate term.

    Args:
        data_samples: N preprocessed samples of one size (H, W) with ``gt_sem_seg``.
            From ``metainfo``: ``valid_box`` (top, left, height, width), the photo
            within the crop, and ``padding_size`` (left, right, top, bottom), what
            the batch padding added.
        size: (h, w) of the logit grid.
        ignore_index: the ignored label.

    Returns:
        (N, h, w) bool, on the device of the labels.
    """
    invalid = torch.stack([_invalid(sample, ignore_index) for sample in data_samples])
    return F.adaptive_max_pool2d(invalid.float()[:, None], tuple(size))[:, 0] == 0


def _invalid(sample: SegDataSample, ignore_index: int) -> Tensor:
    """(H, W) bool: padding or ignored."""
    label = sample.gt_sem_seg.data.squeeze(0)
    invalid = label == ignore_index
    height, width = label.shape
    left, right, top, bottom = sample.metainfo.get('padding_size', (0, 0, 0, 0))
    boxes = [(top, left, height - top - bottom, width - left - right)]
    if 'valid_box' in sample.metainfo:
        boxes.append(sample.metainfo['valid_box'])
    for y, x, h, w in boxes:
        shown = torch.zeros_like(invalid)
        shown[y : y + h, x : x + w] = True
        invalid |= ~shown
    return invalid
