# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What all evaluations share: which images, against which masks, which measures."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.functional.confusion import (
    class_counts,
    class_iou,
    false_ratios,
    measures,
    supported_classes,
)
from mmocr_wsss.labels import BACKGROUND_NAME
from mmocr_wsss.stage_files import image_file
from mmocr_wsss.stages.process_pool import map_chunks

WAY_OUT = (
    'Every image needs a file and a true mask of the same size. Check the folders and the class '
    'list, or give --ids with the images to evaluate.'
)
WAY_OUT_OF_TAGS = (
    'Every image needs a label map. Check the folder and the class list, or give --ids with the '
    'images to evaluate.'
)
#: Numbers of images of the splits that published numbers refer to.
SPLITS = {
    1449: 'PASCAL VOC 2012 val',
    1464: 'PASCAL VOC 2012 train',
    10582: 'PASCAL VOC 2012 train_aug',
    40137: 'MS COCO 2014 val, images with objects',
    40504: 'MS COCO 2014 val',
    82081: 'MS COCO 2014 train, images with objects',
    82783: 'MS COCO 2014 train',
}


def read_mask(path: str | os.PathLike) -> np.ndarray:
    """(H, W) uint8 class ids of a grey or palette PNG (indices, not colours).

    Raises:
        ValueError: the image is of another kind.
    """
    with Image.open(path) as image:
        if image.mode not in ('L', 'P'):
            raise ValueError(
                f'{path}: a mask must be an 8-bit grey or palette image of class ids, got mode '
                f'{image.mode!r}.'
            )
        return np.asarray(image)


def mask_path(folder: str | os.PathLike, image_id: str) -> Path:
    """The true or predicted mask of an image."""
    return image_file(folder, image_id, '.png')


def total(
    score: Callable[[str], Any],
    path_of: Callable[[str], Path],
    masks: str | os.PathLike | None,
    ids: Sequence[str],
    *,
    where: str | os.PathLike,
    jobs: int,
) -> Any:
    """Sum of ``score(image_id)``; whatever is wrong with any image is one error.

    Args:
        score: gives something to add up; picklable if ``jobs`` > 1.
        path_of: the file that is scored.
        masks: folder of the true masks; None: none are needed.
        ids: images.
        where: folder that is scored, for the error.
        jobs: processes.

    Raises:
        ValueError: files are missing, unreadable or do not fit.
    """
    bad = Offenders(f'{where} against {masks}' if masks is not None else str(where))
    for image_id in ids:
        needed = {'missing file': path_of(image_id)}
        if masks is not None:
            needed['missing true mask'] = mask_path(masks, image_id)
        for rule, path in needed.items():
            if not path.is_file():
                bad.add(rule, path)
    way_out = WAY_OUT if masks is not None else WAY_OUT_OF_TAGS
    bad.raise_if_any(way_out)
    summed = 0
    for part, faults in map_chunks(partial(_score_images, score), ids, jobs=jobs):
        summed = summed + part
        for fault in faults:
            bad.add('image that cannot be scored', fault)
    bad.raise_if_any(way_out)
    return summed


def _score_images(score: Callable, ids: Sequence[str]) -> tuple[Any, list[str]]:
    summed, faults = 0, []
    for image_id in ids:
        try:
            summed = summed + score(image_id)
        except (ValueError, OSError) as error:
            faults.append(f'{image_id} ({error})')
    return summed, faults


def choose_supported(
    confusion: np.ndarray, names: Sequence[str], given: Sequence[str] | None, min_pixels: int
) -> np.ndarray:
    """(C,) bool: the classes with a mean of their own, named or with enough true pixels.

    Args:
        confusion: (..., C, C).
        names: the K foreground classes.
        given: names, with or without the background; None: by ``min_pixels``.
        min_pixels: true pixels that make a class supported, > 0.

    Raises:
        ValueError: a name is no class.
    """
    if given is None:
        return supported_classes(confusion, min_pixels)
    known = [BACKGROUND_NAME, *names]
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f'--supported: {unknown} are no classes; those are {known}.')
    return np.array([name in given for name in known])


def require_pixels(min_pixels: int) -> None:
    """Raise a ValueError for a useless ``--min-pixels``."""
    if min_pixels < 1:
        raise ValueError(f'--min-pixels must be >= 1, got {min_pixels}.')


def header(folder, masks, list_file, ids, names, min_pixels, supported) -> dict[str, Any]:
    """What was scored, as JSON values; ``min_pixels`` None where the classes were named."""
    names = [BACKGROUND_NAME, *names]
    return {
        'folder': str(folder),
        'masks': None if masks is None else str(masks),
        'list': None if list_file is None else str(list_file),
        'num_images': len(ids),
        'split_of_this_size': SPLITS.get(len(ids)),
        'num_classes': len(names),
        'min_pixels': min_pixels,
        'supported_classes': [n for n, s in zip(names, supported, strict=True) if s],
    }


def describe(confusion: np.ndarray, names: Sequence[str], supported: np.ndarray) -> dict[str, Any]:
    """All measures of one (C, C) confusion, and a table with a row per class."""
    columns = [class_iou(confusion), *false_ratios(confusion), class_counts(confusion).true]
    keys = ('iou', 'false_positives', 'false_negatives', 'true_pixels')
    rows = zip(*(column.tolist() for column in columns), strict=True)
    table = {
        name: dict(zip(keys, row, strict=True))
        for name, row in zip([BACKGROUND_NAME, *names], rows, strict=True)
    }
    return measures(confusion, supported) | {'classes': table}
