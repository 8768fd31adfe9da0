# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Pictures of CAM files."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from mmocr_wsss.artifacts import Offenders, atomic_path
from mmocr_wsss.cam_files import cam_path, full_size, read_cam
from mmocr_wsss.datasets.photos import find_photo, read_photo
from mmocr_wsss.labels import BACKGROUND_NAME
from mmocr_wsss.stages.cam_folder import (
    background_threshold,
    class_names,
    image_ids,
    require_folder,
    stage_of,
)
from mmocr_wsss.stages.process_pool import map_chunks
from mmocr_wsss.visualization.cam_grid import draw_cam_grid


def show_cams(
    cam_folder: str | os.PathLike,
    images: str | os.PathLike,
    out: str | os.PathLike,
    *,
    list_file: str | os.PathLike | None,
    num_images: int | None,
    img_suffix: str | None,
    classes: str | Sequence[str] | None,
    threshold: float | None,
) -> int:
    """Write ``OUT/ID.png`` for some CAM files: photo, heat maps, seed.

    Args:
        cam_folder: folder of CAM files.
        images: folder of the photos.
        out: folder to write to.
        list_file: ids to choose from; None: all CAM files.
        num_images: take so many, evenly from the ids; None: all.
        img_suffix: how photos end; None: as in ``stage.json``, or one of the usual ways.
        classes: as in :func:`~mmocr_wsss.stages.cam_folder.class_names`.
        threshold: background threshold of the seed; None: that of ``stage.json``.

    Returns:
        Number of pictures.

    Raises:
        FileNotFoundError: a folder or list is not there.
        ValueError: no threshold or classes are known, or files are missing or do not
            fit: one error for all.
    """
    require_folder(images)
    stage = stage_of(cam_folder)
    names = (BACKGROUND_NAME, *class_names(classes, stage))
    chosen, _ = background_threshold(threshold, stage)
    if chosen is None:
        raise ValueError(f'{cam_folder}: no background_threshold in stage.json; give --threshold.')
    ids = _evenly(image_ids(cam_folder, '.npz', list_file), num_images)
    suffix = img_suffix or (stage or {}).get('img_suffix')
    photo_of = partial(find_photo, str(images), suffix=suffix)
    draw = partial(_draw_images, str(cam_folder), photo_of, str(out), names, chosen)
    bad = Offenders(f'{cam_folder} on {images}')
    for faults in map_chunks(draw, ids, jobs=1):
        for fault in faults:
            bad.add('image that cannot be shown', fault)
    bad.raise_if_any('All others are drawn. Check the folders, the class list and --ids.')
    return len(ids)


def _evenly(ids: Sequence[str], count: int | None) -> Sequence[str]:
    if count is None or count >= len(ids):
        return ids
    if count < 1:
        raise ValueError(f'--num must be >= 1, got {count}.')
    return [ids[k * len(ids) // count] for k in range(count)]


def _draw_images(cam_folder, photo_of, out, names, threshold, ids) -> list[str]:
    faults = []
    for image_id in ids:
        try:
            cam_file = read_cam(cam_path(cam_folder, image_id))
            picture = draw_cam_grid(
                read_photo(photo_of(image_id)),
                full_size(cam_file),
                cam_file.class_ids,
                names,
                background_threshold=threshold,
                title=image_id,
            )
        except (ValueError, OSError) as error:
            faults.append(f'{image_id} ({error})')
            continue
        with atomic_path(Path(out, f'{image_id}.png')) as temporary:
            Image.fromarray(picture).save(temporary)
    return faults
