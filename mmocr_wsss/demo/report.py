# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the demo shows at its end: a table and a figure."""

from pathlib import Path

import numpy as np
from PIL import Image

from mmocr_wsss.artifacts import read_json
from mmocr_wsss.datasets.synthetic_scenes import SYNTHETIC_CLASSES
from mmocr_wsss.labels import BACKGROUND_NAME, candidates_from_tags, tags_from_names
from mmocr_wsss.visualization.prediction_grid import PredictionRow, save_prediction_grid

#: Names of the two runs and what they are called in print.
TITLES = {'baseline': 'baseline', 'oc': 'baseline + OC loss'}
_CLASS_NAMES = (BACKGROUND_NAME, *SYNTHETIC_CLASSES)


def table(results: dict) -> str:
    """The printed table: mIoU and OC rate of both runs.

    Args:
        results: per run ``val_miou`` in percent, ``val_oc_rate`` and ``train_oc_rate``
            as shares.
    """
    rule = '-' * 68
    head = f'{"":20}{"mIoU, val":>14}{"OC rate, val":>16}{"OC rate, train":>18}'
    return '\n'.join(['', head, rule, *(_line(run, results[run]) for run in TITLES), rule, ''])


def _line(run: str, row: dict) -> str:
    miou = f'{row["val_miou"]:.2f} %'
    rates = [f'{row[key]:.2%}'.replace('%', ' %') for key in ('val_oc_rate', 'train_oc_rate')]
    return f'{TITLES[run]:20}{miou:>14}{rates[0]:>16}{rates[1]:>18}'


def draw(out: Path, results: dict, num_rows: int) -> None:
    """Write ``figure.png``: val scenes with the most OC pixels of the baseline.

    One scene per set of tags, so that the rows differ.

    Args:
        out: the demo's folder; both runs have been evaluated.
        results: as for :func:`table`.
        num_rows: at most; there may be fewer sets of tags.
    """
    tags = read_json(out / 'dataset' / 'image_tags.json')
    ids = sorted(path.stem for path in (out / 'baseline' / 'predictions').glob('*.png'))
    rows = {image_id: _row(out, image_id, tags[image_id]) for image_id in ids}
    ids.sort(key=lambda image_id: -_oc_count(rows[image_id]))
    chosen = {}
    for image_id in ids:
        chosen.setdefault(tuple(tags[image_id]), image_id)
    chosen = list(chosen.values())[:num_rows]
    first, second = (results[run] for run in TITLES)
    title = (
        f'Synthetic val scenes: OC rate {first["val_oc_rate"]:.2%} \u2192 '
        f'{second["val_oc_rate"]:.2%}, mIoU {first["val_miou"]:.1f} \u2192 '
        f'{second["val_miou"]:.1f} (shown: the most OC pixels of the baseline)'
    )
    save_prediction_grid(
        out / 'figure.png', [rows[image_id] for image_id in chosen], _CLASS_NAMES, title=title
    )


def _oc_count(row: PredictionRow) -> int:
    return int((~row.candidates[row.baseline]).sum())


def _row(out: Path, image_id: str, names: list[str]) -> PredictionRow:
    masks = {
        'baseline': out / 'baseline' / 'predictions',
        'rectified': out / 'oc' / 'predictions',
        'truth': out / 'dataset' / 'SegmentationClass',
    }
    return PredictionRow(
        image=np.array(Image.open(out / 'dataset' / 'JPEGImages' / f'{image_id}.jpg')),
        candidates=candidates_from_tags(tags_from_names(names, SYNTHETIC_CLASSES)),
        **{key: np.array(Image.open(path / f'{image_id}.png')) for key, path in masks.items()},
    )
