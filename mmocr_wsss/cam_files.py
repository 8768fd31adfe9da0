# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAM files: one ``ID.npz`` per image, and ``stage.json`` that says what made the folder.

A file holds three named arrays and no pickle:

* ``cam`` float16 (k, h, w): one map per tagged class, about [0, 1];
* ``class_ids`` uint8 (k,): their class ids 1..254, ascending;
* ``image_size`` int32 (2,): (H, W) of the photo.

(h, w) is ``cam_grid(image_size, s)`` of one stride s, so stride 1 is full size.
"""

import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch

from mmocr_wsss.artifacts import (
    atomic_path,
    read_json,
    remove_leftovers,
    require_file,
    write_json,
)
from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID

STAGE_FILE = 'stage.json'
#: What stage.json records for later steps, without any effect on the maps.
_FOR_LATER = {'background_threshold'}

_ARRAYS = {'cam': np.float16, 'class_ids': np.uint8, 'image_size': np.int32}
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError)
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
    """``folder/image_id.npz``; the id may hold folders, which stay inside ``folder``.

    Raises:
        ValueError: the id is empty or leads out of the folder.
    """
    parts = PurePosixPath(image_id).parts
    if not parts or parts[0] == '/' or '..' in parts:
        raise ValueError(
            f'image id {image_id!r} must name a file below {folder}; write ids as in the list '
            'file, without a leading / and without ..'
        )
    return Path(folder, f'{image_id}.npz')


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
    arrays = {'cam': cam, 'class_ids': ids.astype(np.uint8), 'image_size': size.astype(np.int32)}
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        np.savez_compressed(file, **arrays)


def read_cam(path: str | os.PathLike) -> CamFile:
    """Read and check a CAM file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is truncated, no CAM file, or breaks a rule of the format.
    """
    arrays = _load(path)
    for name, dtype in _ARRAYS.items():
        if arrays[name].dtype != dtype:
            raise ValueError(
                f'{path}: {name} must be {np.dtype(dtype)}, got {arrays[name].dtype}. {_REMAKE}'
            )
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
    """(k, h, w) float32 to (k, *size) float32, bilinear without aligned corners."""
    if not len(maps):
        return np.zeros((0, *size), np.float32)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[None], tuple(size), mode='bilinear', align_corners=False
    )
    return resized[0].numpy()


def write_stage(folder: str | os.PathLike, facts: dict[str, Any]) -> None:
    """Write ``stage.json``: what made the CAM files of ``folder``.

    Args:
        folder: the CAM folder.
        facts: JSON values; ``background_threshold`` (a number or None) is what later
            steps take for the background unless told otherwise.

    Raises:
        ValueError: ``background_threshold`` is missing or no number.
    """
    path = Path(folder, STAGE_FILE)
    _check_stage(path, facts)
    write_json(path, facts)


def read_stage(folder: str | os.PathLike) -> dict[str, Any]:
    """Read and check ``stage.json`` of a CAM folder.

    Raises:
        FileNotFoundError: the folder has none.
        ValueError: it is no JSON object or lacks ``background_threshold``.
    """
    path = Path(folder, STAGE_FILE)
    facts = read_json(path)
    _check_stage(path, facts)
    return facts


def require_same_stage(
    folder: str | os.PathLike, facts: dict[str, Any], *, option: str, suffix: str = '.npz'
) -> None:
    """Whether CAM files made from ``facts`` may be added to a folder.

    The background threshold does not matter for the maps; a folder without such files
    takes any. ``option`` is how the user gives the folder, for the error; ``suffix`` that
    of the files.

    Raises:
        ValueError: its ``stage.json`` says otherwise, or it has CAM files and none.
    """
    folder = Path(folder)
    if not any(folder.rglob(f'[!.]*{suffix}')):
        return
    if not Path(folder, STAGE_FILE).is_file():
        raise ValueError(
            f'{folder}: holds {suffix} files but no {STAGE_FILE}, so nobody knows what made them. '
            f'Write to another folder ({option}).'
        )
    found, facts = read_stage(folder), json.loads(json.dumps(facts))  # as it will be read back
    compared = [key for key in {**found, **facts} if key not in _FOR_LATER]
    differing = [key for key in compared if found.get(key) != facts.get(key)]
    if differing:
        changes = '; '.join(
            f'{key}: there {found.get(key)!r:.200}, now {facts.get(key)!r:.200}'
            for key in differing
        )
        raise ValueError(
            f'{folder}: holds CAMs that were made in another way ({changes}). Write to another '
            f'folder ({option}), or remove this one to make all anew.'
        )


def open_cam_folder(folder: str | os.PathLike, facts: dict[str, Any]) -> None:
    """Remove what killed processes left in a CAM folder and write its ``stage.json``.

    Temporary files go from subfolders too (ids may hold folders); nobody else may be
    writing to the folder. A ``background_threshold`` that somebody wrote there
    stays unless ``facts`` have one. :func:`require_same_stage` comes first.
    """
    remove_leftovers(folder, subfolders=True)
    if Path(folder, STAGE_FILE).is_file():
        found = read_stage(folder)
        if found | {'background_threshold': None} == facts:
            return
    write_stage(folder, facts)


def _load(path) -> dict[str, np.ndarray]:
    require_file(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            # A plain .npy comes as an array, which is no context manager.
            return {name: archive[name] for name in _ARRAYS}
    except (*_UNREADABLE, AttributeError, TypeError) as error:
        raise ValueError(
            f'{path}: not a complete CAM file with the arrays {", ".join(_ARRAYS)} '
            f'({type(error).__name__}: {error}). {_REMAKE} Pickled .npy dictionaries are '
            'converted by tools/convert_cams.py.'
        ) from error


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
    if class_ids.size and not _are_class_ids(class_ids):
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


def _are_class_ids(ids) -> bool:
    inside = ids.dtype.kind in 'iu' and ids.min() > BACKGROUND_ID and ids.max() < IGNORE_ID
    return bool(inside and (np.diff(ids.astype(np.int64)) > 0).all())


def _check_stage(path, facts) -> None:
    if not isinstance(facts, dict) or 'background_threshold' not in facts:
        raise ValueError(
            f'{path}: must be a JSON object with background_threshold (a number or null), got '
            f'{sorted(facts) if isinstance(facts, dict) else type(facts).__name__}. Make the CAMs '
            'again, or write the file by hand.'
        )
    threshold = facts['background_threshold']
    if threshold is not None and (isinstance(threshold, bool) or not _is_finite(threshold)):
        raise ValueError(
            f'{path}: background_threshold must be a number or null, got {threshold!r}.'
        )


def _is_finite(value) -> bool:
    return isinstance(value, (int, float)) and bool(np.isfinite(value))
