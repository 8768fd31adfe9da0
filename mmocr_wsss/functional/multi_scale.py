# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Steps of a multi-scale test, each in the form of SEAM and in that of MCTformer.

Layout: images (1, 3, H, W), scores (N, C, H, W).
"""

from collections.abc import Sequence
from functools import reduce

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def resize_opencv_cubic(image: Tensor, *, scale: float) -> Tensor:
    """Resize a normalised image as SEAM's segmentation test does.

    OpenCV's bicubic without antialiasing; sides are rounded to the nearest integer.

    Args:
        image: (1, 3, H, W) float32.
        scale: factor on both sides.

    Returns:
        (1, 3, h, w), dtype and device of ``image``.

    Raises:
        ValueError: the result would have no pixel.
    """
    _check_size(image, scale)
    array = np.ascontiguousarray(image[0].permute(1, 2, 0).cpu().numpy())
    # fx and fy, not a size: OpenCV then samples at exactly 1 / scale.
    array = cv2.resize(array, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return torch.from_numpy(array).permute(2, 0, 1)[None].contiguous().to(image)


def resize_torch_bilinear(image: Tensor, *, scale: float) -> Tensor:
    """Resize a normalised image as MCTformer's segmentation test does.

    Bilinear with aligned corners; sides are ``int(side * scale)``. Arguments,
    result and errors as in :func:`resize_opencv_cubic`.
    """
    size = _check_size(image, scale)
    return F.interpolate(image, size=size, mode='bilinear', align_corners=True)


def softmax_of_mean(logits: Sequence[Tensor]) -> Tensor:
    """Class probabilities of the mean logits of all scales: (N, C, H, W) each and returned."""
    return (reduce(torch.add, logits) / len(logits)).softmax(dim=1)


def max_of_softmax(logits: Sequence[Tensor]) -> Tensor:
    """Per class and pixel the largest probability of all scales.

    Args:
        logits: maps of one shape (N, C, H, W).

    Returns:
        (N, C, H, W) in [0, 1]; sums to 1 or more over C.
    """
    scores = logits[0].softmax(dim=1)
    for other in logits[1:]:
        scores = torch.maximum(scores, other.softmax(dim=1))
    return scores


def _check_size(image: Tensor, scale: float) -> tuple[int, int]:
    height, width = image.shape[-2:]
    size = int(height * scale), int(width * scale)
    if min(size) < 1:
        raise ValueError(f'scale {scale} leaves no pixel of an image of {height} x {width}.')
    return size
