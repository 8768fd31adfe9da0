# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Label maps against true masks: pseudo masks, or the predictions of a segmenter."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from mmocr_wsss.functional.confusion import label_map_counts, precision_and_recall
from mmocr_wsss.stages.cam_folder import class_names, image_ids, require_folder, stage_of
from mmocr_wsss.stages.evaluate_tags import candidates_of
from mmocr_wsss.stages.scoring import (
    choose_supported,
    describe,
    header,
    mask_path,
    read_mask,
    require_pixels,
    total,
)


def evaluate_masks(
    folder: str | os.PathLike,
    masks: str | os.PathLike,
    *,
    list_file: str | os.PathLike | None,
    classes: str | Sequence[str] | None,
    min_pixels: int,
    jobs: int,
    supported: Sequence[str] | None = None,
    tags: str | os.PathLike | Mapping | None = None,
    background: bool = True,
) -> dict[str, Any]:
    """Score a folder of label maps ``ID.png``, 255 = ignored by the map.

    IoU, precision and the other ratios are over pixels that both masks label; the recall
    counts ignored pixels as missed, and their share is given.

    Args:
        folder: the label maps.
        masks, list_file, classes, min_pixels, jobs: as for CAMs.
        supported: classes with a mean of their own; None: by ``min_pixels``.
        tags: table of image-level tags (``datasets.tag_tables``), for ``oc_rate``, the
            share of valid pixels with a class that the image's tags rule out.
        background: whether the background is a candidate of every image.

    Returns:
        JSON values: what was read, and ``label_maps`` with all measures and a
        table per class.

    Raises:
        FileNotFoundError: a folder, list or table is not there.
        ValueError: files are missing, unreadable or do not fit: one error for all.
    """
    require_pixels(min_pixels)
    require_folder(masks)
    stage = stage_of(folder)
    names = class_names(classes, stage)
    ids = image_ids(folder, '.png', list_file)
    candidates = None if tags is None else candidates_of(tags, names, ids, background)
    score = partial(_counts, str(folder), str(masks), len(names) + 1, candidates)
    counts = total(score, partial(mask_path, folder), masks, ids, where=folder, jobs=jobs)
    confusion = counts[:-1, :-1]
    chosen = choose_supported(confusion, names, supported, min_pixels)
    least = min_pixels if supported is None else None
    report = header(folder, masks, list_file, ids, names, least, chosen)
    report['label_maps'] = (
        {'oracle': False}
        | describe(confusion, names, chosen)
        | _shares(counts, oc=tags is not None)
    )
    precision, recall = precision_and_recall(counts)
    for number, row in enumerate(report['label_maps']['classes'].values()):
        row |= {
            'true_pixels': int(counts[number].sum()),
            'ignored_pixels': int(counts[number, -1]),
            'precision': float(precision[number]),
            'recall': float(recall[number]),
        }
    return report | {'stage': stage}


def _counts(folder, masks, num_classes, candidates, image_id: str) -> np.ndarray:
    prediction, truth = (read_mask(mask_path(f, image_id)) for f in (folder, masks))
    allowed = None if candidates is None else candidates[image_id]
    return label_map_counts(prediction, truth, num_classes, allowed)


def _shares(counts: np.ndarray, oc: bool) -> dict[str, float | None]:
    """Shares of all valid pixels in percent: ignored, and out of candidate."""
    valid = max(int(counts[:-1].sum()), 1)
    precision, recall = precision_and_recall(counts)
    return {
        'precision': float(precision.mean()),
        'recall': float(recall.mean()),
        'ignored': 100 * int(counts[:-1, -1].sum()) / valid,
        'oc_rate': 100 * int(counts[-1].sum()) / valid if oc else None,
    }
