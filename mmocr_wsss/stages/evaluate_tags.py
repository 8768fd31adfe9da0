# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Label maps against the tags alone: all that can be measured without true masks."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.datasets.tag_tables import read_tags
from mmocr_wsss.labels import BACKGROUND_NAME, IGNORE_ID, candidates_from_tags
from mmocr_wsss.stages.cam_folder import class_names, image_ids, stage_of
from mmocr_wsss.stages.scoring import header, mask_path, read_mask, total


def evaluate_against_tags(
    folder: str | os.PathLike,
    tags: str | os.PathLike | Mapping,
    *,
    list_file: str | os.PathLike | None,
    classes: str | Sequence[str] | None,
    jobs: int,
    background: bool = True,
) -> dict[str, Any]:
    """The out-of-candidate rate of a folder of label maps ``ID.png``, 255 = ignored.

    Args:
        folder: the label maps.
        tags: table of image-level tags (``datasets.tag_tables``).
        list_file, classes, jobs: as for :func:`~mmocr_wsss.stages.evaluate_masks.evaluate_masks`.
        background: whether the background is a candidate of every image.

    Returns:
        JSON values as of ``evaluate_masks``; ``label_maps`` has ``oc_rate`` and ``ignored`` in
        percent of all pixels, and per class ``predicted_pixels`` and ``oc_pixels``. What needs
        true masks is None.

    Raises:
        FileNotFoundError: a folder, list or table is not there.
        ValueError: files are missing or unreadable, or images have no tags: one error for all.
    """
    stage = stage_of(folder)
    names = class_names(classes, stage)
    ids = image_ids(folder, '.png', list_file)
    allowed = candidates_of(tags, names, ids, background)
    score = partial(_counts, str(folder), len(names) + 1, allowed)
    predicted, outside = total(
        score, partial(mask_path, folder), None, ids, where=folder, jobs=jobs
    )
    ignored, seen = int(predicted[-1]), max(int(predicted.sum()), 1)
    table = {
        name: {'predicted_pixels': int(predicted[k]), 'oc_pixels': int(outside[k])}
        for k, name in enumerate([BACKGROUND_NAME, *names])
    }
    report = header(folder, None, list_file, ids, names, None, np.zeros(len(names) + 1, bool))
    report['label_maps'] = {
        'oracle': False,
        'miou': None,
        'miou_supported': None,
        'ignored': 100 * ignored / seen,
        'oc_rate': 100 * int(outside.sum()) / seen,
        'classes': table,
    }
    return report | {'stage': stage}


def candidates_of(
    tags: str | os.PathLike | Mapping, names: Sequence[str], ids: Sequence[str], background: bool
) -> dict[str, np.ndarray]:
    """{id: (C,) bool candidate classes} of the images.

    Raises:
        ValueError: images have no tags.
    """
    table = read_tags(tags, names)
    bad = Offenders(str(tags))
    for image_id in ids:
        if image_id not in table:
            bad.add('image without tags', image_id)
    bad.raise_if_any('Give a table with all images, or leave out --tags.')
    return {image_id: candidates_from_tags(table[image_id], background) for image_id in ids}


def _counts(folder: str, num_classes: int, candidates, image_id: str) -> np.ndarray:
    """(2, C + 1) int64: pixels per class with the ignored ones last, and those out of candidate."""
    histogram = np.bincount(read_mask(mask_path(folder, image_id)).ravel(), minlength=256)
    extra = np.flatnonzero(histogram[num_classes:IGNORE_ID]) + num_classes
    if len(extra):
        raise ValueError(
            f'class ids {extra[:5].tolist()}, but there are {num_classes} classes with background'
        )
    predicted = np.append(histogram[:num_classes], histogram[IGNORE_ID])
    outside = np.append(np.where(candidates[image_id], 0, predicted[:-1]), 0)
    return np.stack([predicted, outside])
