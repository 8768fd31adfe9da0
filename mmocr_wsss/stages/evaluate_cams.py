# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAM files against true masks.

What is chosen on the true masks carries ``oracle: true``: the best threshold and
power show what the maps hold, but a method that has no masks could not choose them.
"""

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mmocr_wsss.cam_files import cam_path, full_size, read_cam
from mmocr_wsss.functional.cam_sweep import (
    cut_index,
    cut_points,
    sweep_confusions,
    sweep_histogram,
    threshold_of_power,
)
from mmocr_wsss.functional.confusion import class_iou
from mmocr_wsss.stages.cam_folder import (
    background_threshold,
    class_names,
    image_ids,
    require_folder,
    stage_of,
)
from mmocr_wsss.stages.scoring import (
    choose_supported,
    describe,
    header,
    mask_path,
    read_mask,
    require_pixels,
    total,
)

THRESHOLDS = tuple(step / 100 for step in range(100))
#: Powers ("alpha") of the background score (1 - max)^power; the field uses 1 .. 32.
POWERS = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 28, 32)


def evaluate_cams(
    cam_folder: str | os.PathLike,
    masks: str | os.PathLike,
    *,
    list_file: str | os.PathLike | None,
    classes: str | Sequence[str] | None,
    threshold: float | None,
    min_pixels: int,
    jobs: int,
    supported: Sequence[str] | None = None,
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
        supported: classes with a mean of their own; None: by ``min_pixels``.

    Returns:
        JSON values: what was read, ``in_advance`` (None without a threshold),
        ``best_threshold``, ``best_threshold_supported`` and ``best_power`` with all
        measures and a table per class, and ``curves``.

    Raises:
        FileNotFoundError: a folder or list is not there.
        ValueError: files are missing, unreadable or do not fit: one error for all.
    """
    require_pixels(min_pixels)
    require_folder(masks)
    stage = stage_of(cam_folder)
    names = class_names(classes, stage)
    given, source = background_threshold(threshold, stage)
    cuts = cut_points([*THRESHOLDS, *([] if given is None else [given])], POWERS)
    ids = image_ids(cam_folder, '.npz', list_file)
    score = partial(_cam_histogram, str(cam_folder), str(masks), len(names) + 1, cuts)
    path_of = partial(cam_path, cam_folder)
    histogram = total(score, path_of, masks, ids, where=cam_folder, jobs=jobs)
    confusions = sweep_confusions(histogram)
    chosen = choose_supported(confusions, names, supported, min_pixels)
    measure = partial(describe, names=names, supported=chosen)
    least = min_pixels if supported is None else None
    report = header(cam_folder, masks, list_file, ids, names, least, chosen)
    report |= {'stage': stage, 'in_advance': None}
    if given is not None:
        (index,) = cut_index(cuts, [given])
        facts = {'threshold': given, 'source': source, 'oracle': False}
        report['in_advance'] = facts | measure(confusions[index])
    return report | _oracle(confusions, cuts, measure, chosen)


def _cam_histogram(folder, masks, num_classes, cuts, image_id: str) -> np.ndarray:
    cam_file = read_cam(cam_path(folder, image_id))
    truth = read_mask(mask_path(masks, image_id))
    return sweep_histogram(full_size(cam_file), cam_file.class_ids, truth, cuts, num_classes)


def _oracle(confusions, cuts, measure, chosen) -> dict[str, Any]:
    """What is best on the true masks, and the curves it was taken from."""
    borders = [float(threshold_of_power(power)) for power in POWERS]
    iou = class_iou(confusions)
    mean, supported = iou.mean(axis=1), iou[:, chosen]
    supported_mean = supported.mean(axis=1) if supported.size else np.zeros(len(iou))
    at, of = cut_index(cuts, THRESHOLDS), cut_index(cuts, borders)
    result = {}
    for key, curve in (
        ('best_threshold', mean[at]),
        ('best_threshold_supported', supported_mean[at]),
    ):
        best = int(curve.argmax())
        facts = {'threshold': THRESHOLDS[best], 'oracle': True}
        result[key] = facts | measure(confusions[at[best]])
    best = int(mean[of].argmax())
    facts = {'power': POWERS[best], 'same_as_threshold': float(borders[best]), 'oracle': True}
    result['best_power'] = facts | measure(confusions[of[best]])
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
