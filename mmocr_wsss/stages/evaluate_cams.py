# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAM files or label maps against true masks.

What is chosen on the true masks carries ``oracle: true``: the best threshold and
power show what the maps hold, but a method that has no masks could not choose them.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.cam_files import cam_path, full_size, read_cam
from mmocr_wsss.functional.cam_sweep import (
    cut_index,
    cut_points,
    sweep_confusions,
    sweep_histogram,
    threshold_of_power,
)
from mmocr_wsss.functional.confusion import (
    class_counts,
    class_iou,
    confusion_matrix,
    false_ratios,
    measures,
    supported_classes,
)
from mmocr_wsss.labels import BACKGROUND_NAME
from mmocr_wsss.stage_files import image_file
from mmocr_wsss.stages.cam_folder import background_threshold, class_names, image_ids, stage_of
from mmocr_wsss.stages.process_pool import map_chunks

#: The official scripts try 0.00 .. 0.59; 40 more cost nothing.
THRESHOLDS = tuple(step / 100 for step in range(100))
#: Powers ("alpha") of the background score (1 - max)^power; the field uses 1 .. 32.
POWERS = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 28, 32)

_WAY_OUT = (
    'Every image needs a file and a true mask of the same size. Check the folders and the class '
    'list, or give --ids with the images to evaluate.'
)


class Job(NamedTuple):
    """What a process needs to score images: the two folders and the number of classes."""

    folder: str
    masks: str
    num_classes: int
    cuts: np.ndarray | None


def evaluate_cams(
    cam_folder: str | os.PathLike,
    masks: str | os.PathLike,
    *,
    list_file: str | os.PathLike | None,
    classes: str | Sequence[str] | None,
    threshold: float | None,
    min_pixels: int,
    jobs: int,
) -> dict[str, Any]:
    """Score a folder of CAM files at every background score in one pass.

    Args:
        cam_folder: folder of CAM files ``ID.npz``.
        masks: folder of true masks ``ID.png``, 255 = ignored.
        list_file: ids to evaluate; None: all CAM files.
        classes: as in :func:`~mmocr_wsss.stages.cam_folder.class_names`.
        threshold: background threshold chosen in advance; None: that of ``stage.json``.
        min_pixels: true pixels that make a class supported, > 0.
        jobs: processes.

    Returns:
        JSON values: what was read, ``in_advance`` (None without a threshold),
        ``best_threshold``, ``best_threshold_supported`` and ``best_power`` with all
        measures and a table per class, and ``curves``.

    Raises:
        FileNotFoundError: a folder or list is not there.
        ValueError: files are missing, unreadable or do not fit: one error for all.
    """
    _require_pixels(min_pixels)
    stage = stage_of(cam_folder)
    names = class_names(classes, stage)
    chosen, source = background_threshold(threshold, stage)
    cuts = cut_points([*THRESHOLDS, *([] if chosen is None else [chosen])], POWERS)
    ids = image_ids(cam_folder, '.npz', list_file)
    job = Job(str(cam_folder), str(masks), len(names) + 1, cuts)
    confusions = sweep_confusions(_total(_cam_histogram, cam_path, job, ids, jobs))
    describe = partial(_describe, names=names, min_pixels=min_pixels)
    report = _header(cam_folder, masks, list_file, ids, names, min_pixels, confusions[0])
    report |= {'stage': stage, 'in_advance': None}
    if chosen is not None:
        (index,) = cut_index(cuts, [chosen])
        facts = {'threshold': chosen, 'source': source, 'oracle': False}
        report['in_advance'] = facts | describe(confusions[index])
    return report | _oracle(confusions, cuts, describe, min_pixels)


def evaluate_masks(
    folder: str | os.PathLike,
    masks: str | os.PathLike,
    *,
    list_file: str | os.PathLike | None,
    classes: str | Sequence[str] | None,
    min_pixels: int,
    jobs: int,
) -> dict[str, Any]:
    """Score a folder of label maps ``ID.png``; arguments and errors as for CAMs."""
    _require_pixels(min_pixels)
    stage = stage_of(folder)
    names = class_names(classes, stage)
    ids = image_ids(folder, '.png', list_file)
    job = Job(str(folder), str(masks), len(names) + 1, None)
    confusion = _total(_mask_confusion, _mask_path, job, ids, jobs)
    report = _header(folder, masks, list_file, ids, names, min_pixels, confusion)
    report['label_maps'] = {'oracle': False} | _describe(confusion, names, min_pixels)
    return report | {'stage': stage}


def read_mask(path: str | os.PathLike) -> np.ndarray:
    """(H, W) uint8 class ids of a grey or palette PNG (indices, not colours)."""
    with Image.open(path) as image:
        if image.mode not in ('L', 'P'):
            raise ValueError(
                f'{path}: a mask must be an 8-bit grey or palette image of class ids, got mode '
                f'{image.mode!r}.'
            )
        return np.asarray(image)


def _require_pixels(min_pixels: int) -> None:
    if min_pixels < 1:
        raise ValueError(f'--min-pixels must be >= 1, got {min_pixels}.')


def _mask_path(folder: str, image_id: str) -> Path:
    return image_file(folder, image_id, '.png')


def _total(score: Callable, path_of: Callable, job: Job, ids: Sequence[str], jobs: int):
    """Sum of ``score(job, image_id)``; whatever is wrong with any image is one error."""
    bad = Offenders(f'{job.folder} against {job.masks}')
    for image_id in ids:
        for rule, path in (
            ('missing file', path_of(job.folder, image_id)),
            ('missing true mask', _mask_path(job.masks, image_id)),
        ):
            if not path.is_file():
                bad.add(rule, path)
    bad.raise_if_any(_WAY_OUT)
    total = 0
    for part, faults in map_chunks(partial(_score_images, score, job), ids, jobs=jobs):
        total = total + part
        for fault in faults:
            bad.add('image that cannot be scored', fault)
    bad.raise_if_any(_WAY_OUT)
    return total


def _score_images(score: Callable, job: Job, ids: Sequence[str]) -> tuple[Any, list[str]]:
    total, faults = 0, []
    for image_id in ids:
        try:
            total = total + score(job, image_id)
        except (ValueError, OSError) as error:
            faults.append(f'{image_id} ({error})')
    return total, faults


def _cam_histogram(job: Job, image_id: str) -> np.ndarray:
    cam_file = read_cam(cam_path(job.folder, image_id))
    truth = read_mask(_mask_path(job.masks, image_id))
    return sweep_histogram(
        full_size(cam_file), cam_file.class_ids, truth, job.cuts, job.num_classes
    )


def _mask_confusion(job: Job, image_id: str) -> np.ndarray:
    prediction, truth = (read_mask(_mask_path(f, image_id)) for f in (job.folder, job.masks))
    return confusion_matrix(prediction, truth, job.num_classes)


def _header(folder, masks, list_file, ids, names, min_pixels, confusion) -> dict[str, Any]:
    names = [BACKGROUND_NAME, *names]
    supported = supported_classes(confusion, min_pixels)
    return {
        'folder': str(folder),
        'masks': str(masks),
        'list': None if list_file is None else str(list_file),
        'num_images': len(ids),
        'num_classes': len(names),
        'min_pixels': min_pixels,
        'supported_classes': [n for n, s in zip(names, supported, strict=True) if s],
    }


def _describe(confusion: np.ndarray, names: Sequence[str], min_pixels: int) -> dict[str, Any]:
    """All measures of one confusion, and a table with a row per class."""
    columns = [class_iou(confusion), *false_ratios(confusion), class_counts(confusion).true]
    keys = ('iou', 'false_positives', 'false_negatives', 'true_pixels')
    rows = zip(*(column.tolist() for column in columns), strict=True)
    table = {
        name: dict(zip(keys, row, strict=True))
        for name, row in zip([BACKGROUND_NAME, *names], rows, strict=True)
    }
    return measures(confusion, min_pixels) | {'classes': table}


def _oracle(confusions, cuts, describe, min_pixels) -> dict[str, Any]:
    """What is best on the true masks, and the curves it was taken from."""
    borders = [threshold_of_power(power) for power in POWERS]
    iou = class_iou(confusions)
    mean, supported = iou.mean(axis=1), iou[:, supported_classes(confusions, min_pixels)]
    supported_mean = supported.mean(axis=1) if supported.size else np.zeros(len(iou))
    at, of = cut_index(cuts, THRESHOLDS), cut_index(cuts, borders)
    result = {}
    for key, curve in (
        ('best_threshold', mean[at]),
        ('best_threshold_supported', supported_mean[at]),
    ):
        best = int(curve.argmax())
        facts = {'threshold': THRESHOLDS[best], 'oracle': True}
        result[key] = facts | describe(confusions[at[best]])
    best = int(mean[of].argmax())
    facts = {'power': POWERS[best], 'same_as_threshold': float(borders[best]), 'oracle': True}
    result['best_power'] = facts | describe(confusions[of[best]])
    result['curves'] = {
        'oracle': True,
        'thresholds': list(THRESHOLDS),
        'miou': mean[at].tolist(),
        'miou_supported': supported_mean[at].tolist(),
        'powers': list(POWERS),
        'power_miou': mean[of].tolist(),
        'power_miou_supported': supported_mean[of].tolist(),
    }
    return result
