# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What a pipeline ends with: ``report.md``, ``report.json`` and a figure."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmocr_wsss.artifacts import atomic_path, read_json, write_json
from mmocr_wsss.cam_files import cam_path, full_size, read_cam
from mmocr_wsss.datasets.photos import find_photo, read_photo
from mmocr_wsss.datasets.tag_tables import read_tags
from mmocr_wsss.labels import BACKGROUND_NAME, candidates_from_tags, foreground_classes
from mmocr_wsss.pipeline.layout import Layout
from mmocr_wsss.visualization.prediction_grid import PredictionRow, save_prediction_grid

_ROWS = 6
#: Split -> its photos, for headings.
_SHOWN: dict[str | None, str] = {'train': 'Training photos', 'val': 'Validation photos'}
#: Score files -> what is scored, and the key of its numbers.
_SCORED = {
    'cams': ('CAMs', 'in_advance'),
    'pseudo_masks': ('pseudo masks', 'label_maps'),
    'baseline_train': ('baseline, training photos', 'label_maps'),
    'oc_train': ('baseline + OC loss, training photos', 'label_maps'),
    'baseline_val': ('**baseline, val**', 'label_maps'),
    'oc_val': ('**baseline + OC loss, val**', 'label_maps'),
}


def write_report(cfg: dict[str, Any], layout: Layout) -> None:
    """Write the report of a pipeline whose evaluation is finished.

    Args:
        cfg: settings of the pipeline.
        layout: of its output folder.
    """
    scores = {
        name: read_json(layout.score(name)) for name in _SCORED if layout.score(name).is_file()
    }
    figure = layout.out / 'report.png'
    rows = _rows(cfg, layout)
    if rows:
        names = [BACKGROUND_NAME, *foreground_classes(cfg['data']['classes'])]
        shown = _SHOWN[_shown_split(layout)].lower()
        save_prediction_grid(figure, rows, names, title=_title(scores, shown))
    write_json(layout.out / 'report.json', {name: _numbers(name, scores) for name in scores})
    with atomic_path(layout.out / 'report.md') as path:
        Path(path).write_text(_text(cfg, layout, scores, bool(rows)), encoding='utf-8')


def _text(cfg, layout: Layout, scores: dict, drawn: bool) -> str:
    lines = ['# From tags to a trained segmenter', '', *_sources(cfg), '', *_table(scores), '']
    if classes := _class_table(scores):
        lines += ['## IoU per class, %', '', *classes, '']
    if drawn:
        lines += [
            f'## {_SHOWN[_shown_split(layout)]} with the most OC pixels of the baseline',
            '',
            '![photos, label maps of baseline and with the loss, OC pixels](report.png)',
            '',
        ]
    return '\n'.join(lines)


def _sources(cfg: dict) -> list[str]:
    lines = ['| stage | config |', '|---|---|']
    for stage in ('cam', 'cams', 'affinity', 'baseline', 'oc'):
        lines.append(f'| {stage} | `{"/".join(Path(cfg[stage]).parts[-2:])}` |')
    return lines


def _table(scores: dict) -> list[str]:
    supported = _supported(scores)
    head = f'mIoU, {len(supported)} classes' if supported else 'mIoU, classes with true pixels'
    lines = [f'| | photos | mIoU, all classes | {head} | OC rate |', '|---|---|---|---|---|']
    for name, report in scores.items():
        values = _numbers(name, scores)
        title = _SCORED[name][0]
        if name == 'cams' and values['threshold'] is not None:
            title += f' at threshold {values["threshold"]:g}, given in advance'
        photos = f'{report["num_images"]:,}'
        if known := report['split_of_this_size']:
            photos += f' (the size of {known})'
        lines.append(
            f'| {title} | {photos} | {_percent(values["miou"])} '
            f'| {_percent(values["miou_supported"])} | {_percent(values["oc_rate"])} |'
        )
        if name == 'cams':
            best = report['best_threshold']
            lines.append(
                f'| CAMs at the best threshold, {best["threshold"]:g}: *oracle, chosen on true '
                f'masks* | {photos} | {_percent(best["miou"])} '
                f'| {_percent(report["best_threshold_supported"]["miou_supported"])} | 0.00 |'
            )
    return [
        *lines,
        '',
        (f'Classes of the second mean: {", ".join(supported)}. ' if supported else '')
        + 'The mean over all classes counts 0 for a class without any pixel. OC rate: % of '
        'the valid pixels with a class that the tags of the photo rule out; CAMs are made for '
        'tagged classes only.',
    ]


def _supported(scores: dict) -> list[str]:
    """The classes of the second mean, if they are the same in every row."""
    first, *others = [report['supported_classes'] for report in scores.values()]
    return first if all(names == first for names in others) else []


def _numbers(name: str, scores: dict) -> dict[str, Any]:
    """The figures of a row; None where there are none."""
    values = scores[name][_SCORED[name][1]] or {}
    keys = ('threshold', 'miou', 'miou_supported', 'oc_rate')
    numbers = {key: values.get(key) for key in keys}
    if name == 'cams':
        numbers['oc_rate'] = 0.0
    return {'num_images': scores[name]['num_images'], **numbers}


def _class_table(scores: dict) -> list[str]:
    columns = {
        _SCORED[name][0].strip('*'): report[_SCORED[name][1]]['classes']
        for name, report in scores.items()
        if report[_SCORED[name][1]] and report['masks'] is not None
    }
    if not columns:
        return []
    names = next(iter(columns.values()))
    lines = ['| class | ' + ' | '.join(columns) + ' |', '|---' * (len(columns) + 1) + '|']
    for name in names:
        if not any(column[name]['true_pixels'] for column in columns.values()):
            continue
        cells = [f'{column[name]["iou"]:.2f}' for column in columns.values()]
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    return lines


def _title(scores: dict, shown: str) -> str:
    split = 'val' if 'baseline_val' in scores else 'train'
    before, after = (_numbers(f'{name}_{split}', scores) for name in ('baseline', 'oc'))
    miou = (before['miou_supported'], after['miou_supported'])
    both = ' \u2192 '.join(map(_percent, miou))
    measured = '' if None in miou else f'mIoU {both}, '
    return (
        f'{split}: {measured}OC rate {_percent(before["oc_rate"])} % \u2192 '
        f'{_percent(after["oc_rate"])} % (shown: {shown}, most OC pixels of the baseline)'
    )


def _percent(value: float | None) -> str:
    return '-' if value is None else f'{value:.2f}'


def _rows(cfg: dict, layout: Layout) -> list[PredictionRow]:
    """Photos that both segmenters labelled, one per set of tags, most OC pixels first."""
    split = _shown_split(layout)
    if split is None:
        return []
    folder, data = layout.predictions(f'baseline_{split}'), cfg['data']
    background = data.get('background', True)
    tags = read_tags(str(Path(data['root'], data['tags'])), data['classes'])
    counts = {}
    for path in sorted(folder.glob('*.png')):
        candidates = candidates_from_tags(tags[path.stem], background)
        outside = int((~candidates[np.asarray(Image.open(path))]).sum())
        counts.setdefault(candidates.tobytes(), []).append((-outside, path.stem))
    chosen = sorted(min(group) for group in counts.values())[:_ROWS]
    return [_row(cfg, layout, split, image_id, tags[image_id]) for _, image_id in chosen]


def _row(cfg: dict, layout: Layout, split: str, image_id: str, tags: np.ndarray) -> PredictionRow:
    data, root = cfg['data'], Path(cfg['data']['root'])
    images, truth = data['images'], data['true_masks'] if data['scored_list'] else None
    masks = {
        'baseline': layout.predictions(f'baseline_{split}'),
        'rectified': layout.predictions(f'oc_{split}'),
    }
    if split == 'val':
        images, truth = data.get('val_images') or images, data['val_masks']
    else:
        masks['pseudo_mask'] = layout.stage('pseudo_masks') / 'files'
    if truth:
        masks['truth'] = root / truth
    photo = read_photo(find_photo(root / images, image_id, data.get('img_suffix')))
    arrays = {
        name: np.asarray(Image.open(folder / f'{image_id}.png')) for name, folder in masks.items()
    }
    if split == 'train':
        arrays['cam'] = _cam(layout, image_id, len(tags) + 1, photo.shape[:2])
    candidates = candidates_from_tags(tags, data.get('background', True))
    return PredictionRow(image=photo, candidates=candidates, **arrays)


def _cam(layout: Layout, image_id: str, num_classes: int, size: tuple[int, int]) -> np.ndarray:
    """(C, H, W) CAMs, 0 for classes without one."""
    cam_file = read_cam(cam_path(layout.stage('cams') / 'files', image_id))
    cam = np.zeros((num_classes, *size), np.float32)
    cam[cam_file.class_ids] = full_size(cam_file)
    return cam


def _shown_split(layout: Layout) -> str | None:
    """The split whose photos the figure shows."""
    splits = ('train', 'val')
    there = (split for split in splits if layout.predictions(f'baseline_{split}').is_dir())
    return next(there, None)
