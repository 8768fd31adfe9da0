# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAM files: one ``ID.npz`` per image.

A file holds three named arrays and no pickle:

* ``cam`` float16 (k, h, w): one map per tagged class, about [0, 1];
* ``class_ids`` uint8 (k,): their class ids 1..254, ascending;
* ``image_size`` int32 (2,): (H, W) of the photo.

(h, w) is ``cam_grid(image_size, s)`` of one stride s, so stride 1 is full size.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmocr_wsss.artifacts import atomic_path
from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID
from mmocr_wsss.stage_files import image_file, load_arrays

_ARRAYS = {'cam': np.float16, 'class_ids': np.uint8, 'image_size': np.int32}
_REMAKE = 'Remove the file and make it again.'


@dataclass(frozen=True, eq=False)
class CamFile:
    """The content of a CAM file; layout, types and ranges as in the module's docstring."""

    cam: np.ndarray
    class_ids: np.ndarray
    image_size: tuple[int, int]


def cam_grid(image_size: Sequence[int], stride: int) -> tuple[int, int]:
    """(h, w) of a map at ``stride``: H / stride and W / stride, rounded up.

    Raises:
        ValueError: ``stride`` is no positive integer.
    """
    if not isinstance(stride, int) or stride < 1:
        raise ValueError(f'the stride of CAM files must be an integer >= 1, got {stride!r}.')
    height, width = image_size
    return -(-height // stride), -(-width // stride)


def cam_path(folder: str | os.PathLike, image_id: str) -> Path:
    """``folder/image_id.npz``, see :func:`~mmocr_wsss.stage_files.image_file`."""
    return image_file(folder, image_id, '.npz')


def write_cam(
    path: str | os.PathLike,
    cam: np.ndarray,
    class_ids: Sequence[int] | np.ndarray,
    image_size: Sequence[int],
) -> None:
    """Write a CAM file; the same input gives the same bytes.

    Written beside and renamed: no killed process leaves half a file at ``path``.

    Args:
        path: file to write, ``.npz``.
        cam: (k, h, w) float, finite also as float16; k may be 0.
        class_ids: k class ids in 1..254, ascending.
        image_size: (H, W) of the photo.

    Raises:
        ValueError: a rule above is broken.
    """
    # Values beyond float16 become infinite, which the check refuses.
    with np.errstate(over='ignore'):
        cam = np.ascontiguousarray(cam, np.float16)
    ids, size = np.asarray(class_ids), np.asarray(image_size)
    _check(path, cam, ids, size, 'Give write_cam normalised scores of the tagged classes.')
    arrays: dict[str, Any] = {
        'cam': cam,
        'class_ids': ids.astype(np.uint8),
        'image_size': size.astype(np.int32),
    }
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        np.savez_compressed(file, **arrays)


def read_cam(path: str | os.PathLike) -> CamFile:
    """Read and check a CAM file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is truncated, no CAM file, or breaks a rule of the format.
    """
    way_out = f'{_REMAKE} Pickled .npy dictionaries are converted by tools/convert_cams.py.'
    arrays = load_arrays(path, _ARRAYS, 'CAM file', way_out)
    _check(path, arrays['cam'], arrays['class_ids'], arrays['image_size'], _REMAKE)
    height, width = arrays['image_size'].tolist()
    return CamFile(arrays['cam'], arrays['class_ids'], (height, width))


def full_size(cam_file: CamFile) -> np.ndarray:
    """The maps at the size of the photo, (k, H, W) float32.

    Bilinear without aligned corners; maps of full size come back as they are.
    """
    cam = cam_file.cam.astype(np.float32)
    if cam.shape[1:] == cam_file.image_size:
        return cam
    return resize_maps(cam, cam_file.image_size)


def resize_maps(maps: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """(k, h, w) float32 to ``(k, *size)`` float32, bilinear without aligned corners."""
    if not len(maps):
        return np.zeros((0, *size), np.float32)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[None], tuple(size), mode='bilinear', align_corners=False
    )
    return resized[0].numpy()


def _check(path, cam, class_ids, image_size, way_out) -> None:
    """Raise a ValueError for the first rule of the format that the arrays break."""
    for rule, value in _broken_rules(cam, class_ids, image_size):
        raise ValueError(f'{path}: {rule}, got {value}. {way_out}')


def _broken_rules(cam, class_ids, image_size):
    if image_size.shape != (2,) or image_size.dtype.kind not in 'iu' or (image_size < 1).any():
        yield 'image_size must be (H, W), two integers >= 1', image_size.tolist()
        return
    if cam.ndim != 3 or class_ids.shape != cam.shape[:1]:
        shapes = f'cam {cam.shape} and class_ids {class_ids.shape}'
        yield 'cam must be (k, h, w) with one of k class_ids per map', shapes
        return
    if not _is_grid(cam.shape[1:], image_size.tolist()):
        grid = f'{cam.shape[1:]} for image_size {tuple(image_size.tolist())}'
        yield '(h, w) of cam must be the photo divided by one stride, rounded up', grid
    if class_ids.size and not are_class_ids(class_ids):
        yield 'class_ids must be integers in 1..254, ascending, each once', class_ids.tolist()
    if not np.isfinite(cam).all():
        bad = f'{int((~np.isfinite(cam)).sum())} NaN or infinite values'
        yield 'cam must be finite in float16 (below 65520)', bad


def _is_grid(grid, image_size) -> bool:
    """Whether some stride leads from the photo to the grid; strides are tried from below."""
    if min(grid) < 1:
        return False
    stride = -(-image_size[0] // grid[0])
    while cam_grid(image_size, stride)[0] == grid[0] and stride <= max(image_size):
        if cam_grid(image_size, stride)[1] == grid[1]:
            return True
        stride += 1
    return False


def are_class_ids(ids: np.ndarray) -> bool:
    """Whether (k,) values, k > 0, are integers in 1..254, ascending, each once."""
    inside = ids.dtype.kind in 'iu' and ids.min() > BACKGROUND_ID and ids.max() < IGNORE_ID
    return bool(inside and (np.diff(ids.astype(np.int64)) > 0).all())
