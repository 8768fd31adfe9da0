# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What is measured of a finished run, as JSON values."""

import json
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.experiments.sources import Sources
from mmocr_wsss.functional.pixel_fates import FATES, pixel_fates
from mmocr_wsss.labels import foreground_classes
from mmocr_wsss.stages.evaluate_masks import evaluate_masks
from mmocr_wsss.stages.evaluate_tags import candidates_of
from mmocr_wsss.stages.scoring import mask_path, read_mask

#: Of ``evaluate_masks``, in percent.
_KEPT = (
    'miou_supported', 'miou', 'background_iou', 'foreground_miou', 'background_as_foreground',
    'foreground_as_background', 'foreground_as_other', 'oc_rate',
)  # fmt: skip


def measure(
    label_maps: Path, restricted: Path | None, work_dir: Path, sources: Sources, min_pixels: int
) -> dict[str, Any]:
    """All numbers of a run.

    Args:
        label_maps: predictions of the measured photos.
        restricted: those of the validation photos, restricted to predicted tags; None: not made.
        work_dir: of the training, for its logs.
        sources: lists, true masks and tags.
        min_pixels: true validation pixels that make a class supported.

    Returns:
        ``val`` and ``train`` (measures in percent, with ``iou`` per class), ``restricted`` (the
        same or None), ``curve`` ([iteration, OC rate of the batch] pairs) and ``iter_seconds``.
    """
    score = partial(_score, sources=sources, min_pixels=min_pixels)
    logged = read_log(work_dir)
    return dict(
        val=score(label_maps, sources.val_list),
        train=score(label_maps, sources.train_measured_list),
        restricted=None if restricted is None else score(restricted, sources.val_list),
        curve=[[line['step'], round(line['oc_rate'], 6)] for line in logged],
        iter_seconds=statistics.median(line['time'] for line in logged) if logged else None,
    )


def count_fates(before: Path, after: Path, sources: Sources) -> dict[str, int]:
    """What becomes of the baseline's pixels of the validation photos: {fate: pixels}."""
    ids = read_id_list(sources.val_list)
    classes = foreground_classes(sources.data['classes'])
    candidates = candidates_of(sources.tags, classes, ids, background=True)
    counts = np.zeros(len(FATES), np.int64)
    for i in ids:
        first, second, truth = (
            read_mask(mask_path(folder, i)) for folder in (before, after, sources.true_masks)
        )
        counts += pixel_fates(first, second, truth, candidates[i])
    return dict(zip(FATES, counts.tolist(), strict=True))


def _score(folder: Path, ids: Path, sources: Sources, min_pixels: int) -> dict[str, Any]:
    report = evaluate_masks(
        folder,
        sources.true_masks,
        list_file=ids,
        classes=sources.data['classes'],
        min_pixels=min_pixels,
        jobs=1,
        tags=sources.tags,
    )
    values = report['label_maps']
    table = {name: round(row['iou'], 4) for name, row in values['classes'].items()}
    scores = {name: round(values[name], 4) for name in _KEPT}
    return scores | dict(supported=report['supported_classes'], iou=table)


def read_log(work_dir: Path) -> list[dict[str, Any]]:
    """Lines of the training log by iteration; of an iteration logged twice the last counts."""
    lines = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for text in path.read_text(encoding='utf-8').splitlines():
            line = json.loads(text)
            if 'oc_rate' in line and 'loss' in line:
                lines[line['step']] = line
    return [lines[step] for step in sorted(lines)]
