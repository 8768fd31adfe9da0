# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAM files from and to the pickled ``.npy`` dictionaries of the field.

The official code of PSA, SEAM and MCTformer writes ``ID.npy`` with one pickled
dictionary {0-based class index: float32 (H, W)} of the tagged classes, at the size
of the photo.
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mmocr_wsss
from mmocr_wsss.artifacts import atomic_path, load_pickled_arrays
from mmocr_wsss.cam_files import (
    CamFile,
    cam_grid,
    cam_path,
    full_size,
    read_cam,
    resize_maps,
    write_cam,
)
from mmocr_wsss.datasets.photos import find_photo, read_photo
from mmocr_wsss.labels import IGNORE_ID, class_ids_from_tags, tag_indices_from_class_ids
from mmocr_wsss.stage_files import image_file, open_stage_folder, require_same_stage
from mmocr_wsss.stages.cam_folder import (
    class_names,
    image_ids,
    require_folder,
    require_share,
    stage_of,
)
from mmocr_wsss.stages.file_jobs import make_files


def read_pickled_cam(path: str | os.PathLike, image_size: tuple[int, int] | None) -> CamFile:
    """Read one dictionary of the field without running anything from it.

    Args:
        path: ``ID.npy``.
        image_size: (H, W) of the photo; None: that of the maps.

    Returns:
        ``cam`` is float32 (k, H, W); classes ascend.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such dictionary, the maps are not of one size or not of
            the photo's, or there is neither a map nor a photo that tells the size.
    """
    maps = {_class_index(path, key): value for key, value in load_pickled_arrays(path).items()}
    shapes = {np.shape(value) for value in maps.values()}
    if image_size is None and not shapes:
        raise ValueError(
            f'{path}: holds no map, so the size of the photo is not known. Give --images with '
            'the folder of the photos.'
        )
    size = image_size or next(iter(shapes))
    if shapes - {tuple(size)} or len(size) != 2:
        raise ValueError(
            f'{path}: every map must be (H, W) as the photo, got shapes {sorted(shapes)}'
            + (f' for a photo of {tuple(image_size)}.' if image_size else '.')
        )
    cam = np.zeros((len(maps), *size), np.float32)
    tags = np.zeros(max(maps, default=-1) + 1, bool)
    for row, index in zip(cam, sorted(maps), strict=True):
        row[:] = maps[index]
        tags[index] = True
    return CamFile(cam, class_ids_from_tags(tags), tuple(size))


def write_pickled_cam(path: str | os.PathLike, cam_file: CamFile) -> None:
    """Write the dictionary of the field, at full size."""
    indices = tag_indices_from_class_ids(cam_file.class_ids).tolist()
    maps = dict(zip(indices, full_size(cam_file), strict=True))
    with atomic_path(path) as temporary:
        np.save(temporary, np.asarray(maps))


def import_cams(
    source: str | os.PathLike,
    out: str | os.PathLike,
    *,
    list_file: str | os.PathLike | None,
    images: str | os.PathLike | None,
    img_suffix: str | None,
    classes: str | Sequence[str] | None,
    threshold: float | None,
    stride: int,
    overwrite: bool,
    jobs: int,
) -> tuple[int, int]:
    """Write ``OUT/ID.npz`` for every ``SOURCE/ID.npy``, and ``stage.json``.

    Args:
        source: folder of pickled dictionaries.
        out: CAM folder.
        list_file: ids to convert; None: all files.
        images: folder of the photos, needed for images without tags only; sizes are
            checked against it.
        img_suffix: how photos end; None: one of the usual ways.
        classes: as in :func:`~mmocr_wsss.stages.cam_folder.class_names`, for
            ``stage.json``; None: not known.
        threshold: background threshold for ``stage.json``; None: not known.
        stride: of the written maps; 1 is full size.
        overwrite: write files anew that are there.
        jobs: processes.

    Returns:
        Numbers of files written and of files that were there.

    Raises:
        FileNotFoundError: a folder or list is not there.
        ValueError: the folder holds CAMs made otherwise, or files are faulty: one
            error for all.
    """
    cam_grid((1, 1), stride)  # refuses a stride below 1
    if threshold is not None:
        require_share(threshold, '--threshold')
    facts = dict(
        stage='cam',
        version=mmocr_wsss.__version__,
        converted_from=os.path.realpath(source),
        stride=stride,
        background_threshold=threshold,
    )
    if classes is not None:
        facts['classes'] = list(class_names(classes, None))
    if images is not None:
        require_folder(images)
    ids = image_ids(source, '.npy', list_file)
    require_same_stage(out, facts, option='OUT')
    open_stage_folder(out, facts)
    one = partial(_import_one, str(source), images, img_suffix, str(out), facts)
    target = partial(cam_path, out)
    return make_files(one, target, ids, where=source, overwrite=overwrite, jobs=jobs)


def export_cams(
    source: str | os.PathLike,
    out: str | os.PathLike,
    *,
    list_file: str | os.PathLike | None,
    overwrite: bool,
    jobs: int,
) -> tuple[int, int]:
    """Write ``OUT/ID.npy`` at full size for every ``SOURCE/ID.npz``; as for import.

    ``OUT/stage.json`` is that of the source, and where the source is.
    """
    ids = image_ids(source, '.npz', list_file)
    facts = stage_of(source) or {'background_threshold': None}
    facts = facts | {'converted_from': os.path.realpath(source)}
    require_same_stage(out, facts, option='OUT', suffix='.npy')
    open_stage_folder(out, facts)
    one = partial(_export_one, str(source), str(out))
    target = partial(_npy_path, out)
    return make_files(one, target, ids, where=source, overwrite=overwrite, jobs=jobs)


def _import_one(source, images, img_suffix, out, facts: dict, image_id: str) -> None:
    path = _npy_path(source, image_id)
    size = None
    if images is not None:
        size = read_photo(find_photo(images, image_id, img_suffix)).shape[:2]
    cam_file = read_pickled_cam(path, size)
    known = len(facts.get('classes', ())) or None
    if known and cam_file.class_ids.max(initial=0) > known:
        raise ValueError(
            f'{path}: class indices must be below {known}, the number of classes, got '
            f'{tag_indices_from_class_ids(cam_file.class_ids)[-1]}. Check --classes.'
        )
    grid = cam_grid(cam_file.image_size, facts['stride'])
    cam = cam_file.cam if facts['stride'] == 1 else resize_maps(cam_file.cam, grid)
    write_cam(cam_path(out, image_id), cam, cam_file.class_ids, cam_file.image_size)


def _export_one(source: str, out: str, image_id: str) -> None:
    write_pickled_cam(_npy_path(out, image_id), read_cam(cam_path(source, image_id)))


def _npy_path(folder: str | os.PathLike, image_id: str) -> Path:
    return image_file(folder, image_id, '.npy')


def _class_index(path, key: Any) -> int:
    """A key as it is if it is an index; the layouts of other code have names."""
    if (
        isinstance(key, (int, np.integer))
        and not isinstance(key, bool)
        and 0 <= key < IGNORE_ID - 1
    ):
        return int(key)
    raise ValueError(
        f'{path}: keys must be 0-based class indices as PSA, SEAM and MCTformer write them, got '
        f'{key!r}.'
    )
