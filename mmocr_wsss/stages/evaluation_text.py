# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The report of an evaluation as text for a terminal."""

from typing import Any

ORACLE = "oracle: chosen on true masks; do not report as a method's result without saying so"


def evaluation_text(report: dict[str, Any]) -> str:
    """Lines for what :func:`~mmocr_wsss.stages.evaluate_cams.evaluate_cams` returns."""
    lines = [
        f'{report["folder"]} against {report["masks"]}: {report["num_images"]} images'
        + (f' of {report["list"]}' if report['list'] else ''),
        'split: ' + split_text(report),
        f'supported: {len(report["supported_classes"])} of {report["num_classes"]} classes, '
        + (
            'as given'
            if report['min_pixels'] is None
            else f'those with >= {report["min_pixels"]} true pixels'
        ),
    ]
    if 'label_maps' in report:
        scored = {'label maps': report['label_maps']}
        lines += _block('Label maps', report['label_maps'])
        lines += _label_map_lines(report['label_maps'])
    else:
        scored = {'in advance': report['in_advance'], 'oracle': report['best_threshold']}
        lines += [*_in_advance(report['in_advance']), *_best(report)]
    return '\n'.join([*lines, '', *_table({k: v for k, v in scored.items() if v})])


def tag_text(report: dict[str, Any]) -> str:
    """Lines for what :func:`~mmocr_wsss.stages.evaluate_tags.evaluate_against_tags` returns."""
    result = report['label_maps']
    width = max(len(name) for name in result['classes'])
    lines = [
        f'{report["folder"]} against the tags, no true masks: {report["num_images"]} images'
        + (f' of {report["list"]}' if report['list'] else ''),
        f'OC rate {_number(result["oc_rate"])} % of all pixels; ignored by the maps: '
        f'{_number(result["ignored"])} %',
        '',
        f'{"class":{width}} {"predicted":>12} {"OC pixels":>12}',
    ]
    lines += [
        f'{name:{width}} {row["predicted_pixels"]:>12,} {row["oc_pixels"]:>12,}'
        for name, row in result['classes'].items()
    ]
    return '\n'.join(lines)


def split_text(report: dict[str, Any]) -> str:
    """The split that numbers were computed on, by its size: 1,464 and 10,582 differ by points."""
    size = f'{report["num_images"]:,} images'
    known = report['split_of_this_size']
    return f'{size}, the size of {known}' if known else f'{size}, not the size of a published split'


def _label_map_lines(result: dict) -> list[str]:
    return [
        f'  precision {_number(result["precision"])}, recall {_number(result["recall"])} (mean '
        f'over classes); ignored by the maps: {_number(result["ignored"])} % of the valid pixels, '
        'missed in the recall and left out of the rest',
        f'  OC rate {_number(result["oc_rate"])} %'
        + (' (give --tags)' if result['oc_rate'] is None else ''),
    ]


def _in_advance(result: dict | None) -> list[str]:
    if result is None:
        return [
            '',
            'No threshold was chosen in advance: give --threshold, or set background_threshold in '
            'stage.json.',
        ]
    return _block(f'Threshold {result["threshold"]:g} ({result["source"]})', result)


def _best(report: dict) -> list[str]:
    threshold, power = report['best_threshold'], report['best_power']
    supported, curves = report['best_threshold_supported'], report['curves']
    lines = _block(f'Best threshold {threshold["threshold"]:g} [{ORACLE}]', threshold)
    if threshold['threshold'] == curves['thresholds'][-1]:
        lines.append('  The last threshold is the best one; a higher one may be better.')
    lines += [
        '',
        f'Best threshold for the supported classes {supported["threshold"]:g} [{ORACLE}]',
        f'  mIoU supported {_number(supported["miou_supported"])}',
    ]
    same = f'same as threshold {power["same_as_threshold"]:.4f}'
    lines += _block(f'Best background power {power["power"]:g}, {same} [{ORACLE}]', power)
    curve = zip(curves['thresholds'], curves['miou'], strict=True)
    lines += ['', 'mIoU by threshold [oracle]']
    values = [f'{t:.2f} {miou:5.2f}' for t, miou in list(curve)[::5]]
    lines += ['  ' + '   '.join(values[start : start + 5]) for start in range(0, len(values), 5)]
    return lines


def _block(title: str, result: dict) -> list[str]:
    shown = {name: _number(value) for name, value in result.items() if name != 'classes'}
    return [
        '',
        title,
        f'  mIoU {shown["miou"]}, supported {shown["miou_supported"]}, foreground '
        f'{shown["foreground_miou"]}, background {shown["background_iou"]}',
        f'  FP {shown["false_positives"]}, FN {shown["false_negatives"]} (mean over classes, % of '
        'the union)',
        f'  over-activation {shown["over_activation"]}, under-activation '
        f'{shown["under_activation"]} (foreground classes with a hit; '
        f'{result["foreground_classes_never_hit"]} never hit)',
        f'  wrong pixels, % of all: background taken for foreground '
        f'{shown["background_as_foreground"]}, foreground for background '
        f'{shown["foreground_as_background"]}, for another class {shown["foreground_as_other"]}',
    ]


#: Columns of the table: measure -> heading; a result may lack the last two.
_COLUMNS = {
    'iou': 'IoU',
    'false_positives': 'FP',
    'false_negatives': 'FN',
    'precision': 'prec.',
    'recall': 'recall',
}


def _table(scored: dict[str, dict]) -> list[str]:
    first = next(iter(scored.values()))['classes']
    width = max(len(name) for name in first)
    heads, keys_of = [], {}
    for title, result in scored.items():
        row = next(iter(result['classes'].values()))
        keys_of[title] = [key for key in _COLUMNS if key in row]
        names = ' '.join(f'{_COLUMNS[key]:>6}' for key in keys_of[title])
        heads.append((f'{title:^{len(names)}}', names))
    lines = [
        f'{"":{width}} {"":>12} | ' + ' | '.join(title for title, _ in heads),
        f'{"class":{width}} {"true pixels":>12} | ' + ' | '.join(names for _, names in heads),
    ]
    for name, row in first.items():
        cells = [f'{name:{width}} {row["true_pixels"]:>12,}']
        for title, result in scored.items():
            values = (result['classes'][name][key] for key in keys_of[title])
            cells.append(' '.join(f'{value:6.2f}' for value in values))
        lines.append(' | '.join(cells))
    return lines


def _number(value: Any) -> str:
    return '-' if value is None else f'{value:.2f}' if isinstance(value, float) else str(value)
