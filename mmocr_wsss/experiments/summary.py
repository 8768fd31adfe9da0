# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From the lines of an experiment to the numbers of its tables: ``evidence.json``."""

import statistics
from collections.abc import Callable, Mapping
from typing import Any

from mmocr_wsss.experiments.grid import MAIN, Grid, Row
from mmocr_wsss.functional.paired import PairedDifference, paired_difference
from mmocr_wsss.functional.pixel_fates import FATES

#: Measures of the detailed table of the main comparison, and how they are called.
MEASURES = {
    'miou_supported': 'mIoU, supported classes',
    'miou': 'mIoU, all classes',
    'background_iou': 'IoU of the background',
    'foreground_miou': 'mIoU of the foreground classes',
    'background_as_foreground': 'background taken for foreground',
    'foreground_as_background': 'foreground taken for background',
    'foreground_as_other': 'foreground taken for another class',
    'oc_rate': 'OC rate',
}


class Pairs:
    """The lines of baseline and loss that share settings and seed.

    Args:
        lines: of ``results.jsonl``, those that belong to the present grid.
    """

    def __init__(self, lines: Mapping[tuple[Any, int], dict[str, Any]]) -> None:
        self.lines = lines

    def of(self, row: Row) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """(baseline, loss) of every seed that has both, by seed."""
        pairs = {}
        for (settings, seed), line in self.lines.items():
            before = self.lines.get((row.settings.baseline(), seed))
            if settings == row.settings and before is not None:
                pairs[seed] = (before, line)
        return [pairs[seed] for seed in sorted(pairs)]


def summarise(grid: Grid, pairs: Pairs, step_ratios: Mapping[str, float]) -> dict[str, Any]:
    """All numbers of the evidence, as JSON values; in percent unless named otherwise.

    A row of an ablation that has not been run is None.

    Args:
        grid: the experiment.
        pairs: its results.
        step_ratios: seconds of a training step with the loss over one without, by config;
            the one of the grid's config enters ``main``.

    Raises:
        ValueError: the main comparison has no pair.
    """
    main = pairs.of(grid.groups[MAIN].rows[0])
    if not main:
        raise ValueError(
            f'{grid.path}: there is no finished pair of the main comparison. Run '
            'tools/experiments/run.py with --groups main first.'
        )
    return {
        'main': _main(main, step_ratios.get('experiment')),
        'step_ratios': dict(step_ratios),
        'measures': _measures(main),
        'classes': _classes(main),
        'restricted': _restricted(main),
        'fates': _fates(main),
        'curves': _curves(main),
        'ablations': {
            name: {
                'title': group.title,
                'default': group.default,
                'rows': {
                    row.label: _row(found) if (found := pairs.of(row)) else None
                    for row in group.rows
                },
            }
            for name, group in grid.groups.items()
            if name != MAIN
        },
        'runs': {
            'number': len(pairs.lines),
            'hours': round(sum(line['seconds'] for line in pairs.lines.values()) / 3600, 2),
            'code': sorted({line['code'] for line in pairs.lines.values()}),
            'torch': sorted({line['torch'] for line in pairs.lines.values()}),
            'threads': sorted({line['threads'] for line in pairs.lines.values()}),
        },
    }


def _main(pairs: list, step_ratio: float | None) -> dict[str, Any]:
    row = _row(pairs)
    return {
        'seeds': row['seeds'],
        'delta_miou_mean': row['delta_miou_mean'],
        'ci_low': row['ci_low'],
        'ci_high': row['ci_high'],
        'miou_baseline': row['miou_baseline'],
        'miou_ocr': row['miou_ocr'],
        'oc_rate_baseline': row['oc_rate_baseline'],
        'oc_rate_ocr': row['oc_rate_ocr'],
        'step_ratio': step_ratio,
        'oc_rate_train_baseline': row['oc_rate_train_baseline'],
        'oc_rate_train_ocr': row['oc_rate_train_ocr'],
        'deltas': row['deltas'],
        'supported': pairs[0][0]['val']['supported'],
    }


def _row(pairs: list) -> dict[str, Any]:
    def both(value: Callable[[dict], float]) -> tuple[list[float], list[float]]:
        return [value(before) for before, _ in pairs], [value(after) for _, after in pairs]

    miou = both(lambda line: line['val']['miou_supported'])
    whole = both(lambda line: line['val']['miou'])
    rate = both(lambda line: line['val']['oc_rate'])
    train = both(lambda line: line['train']['oc_rate'])
    delta = paired_difference(*miou)
    return {
        'seeds': delta.seeds,
        'delta_miou_mean': _rounded(delta.mean),
        **_interval(delta),
        'deltas': [_rounded(after - before) for before, after in zip(*miou, strict=True)],
        'miou_baseline': _mean(miou[0]),
        'miou_ocr': _mean(miou[1]),
        'delta_miou_all_mean': _rounded(paired_difference(*whole).mean),
        'oc_rate_baseline': _mean(rate[0]),
        'oc_rate_ocr': _mean(rate[1]),
        'oc_rate_train_baseline': _mean(train[0]),
        'oc_rate_train_ocr': _mean(train[1]),
    }


def _measures(pairs: list) -> dict[str, Any]:
    return {
        key: _compared([(before['val'][key], after['val'][key]) for before, after in pairs])
        for key in MEASURES
    }


def _classes(pairs: list) -> dict[str, Any]:
    names = pairs[0][0]['val']['supported']
    return {
        name: _compared([(b['val']['iou'][name], a['val']['iou'][name]) for b, a in pairs])
        for name in names
    }


def _restricted(pairs: list) -> dict[str, Any] | None:
    """The baseline against itself with predictions restricted to predicted tags."""
    compared = [(b['val'], b['restricted']) for b, _ in pairs if b['restricted']]
    if not compared:
        return None
    return {
        key: _compared([(before[key], after[key]) for before, after in compared])
        for key in ('miou_supported', 'miou', 'oc_rate')
    }


def _fates(pairs: list) -> dict[str, float]:
    """Shares in percent of all valid pixels, summed over seeds."""
    totals = {name: sum(after['fates'][name] for _, after in pairs) for name in FATES}
    return {name: _rounded(100 * totals[name] / totals['valid'], 3) for name in FATES[1:]}


def _curves(pairs: list) -> dict[str, list]:
    """[iteration, mean OC rate in percent over seeds] of the training batches."""
    curves = {}
    for side, name in enumerate(('baseline', 'oc')):
        # Before the branch the run with the loss is the baseline.
        points: dict[int, list[float]] = {}
        for pair in pairs:
            joined = dict(map(tuple, pair[0]['curve'])) if side == 0 else _joined(*pair)
            for step, rate in joined.items():
                points.setdefault(step, []).append(100 * rate)
        curves[name] = [[step, _mean(rates)] for step, rates in sorted(points.items())]
    return curves


def _joined(before: dict, after: dict) -> dict[int, float]:
    early = {step: rate for step, rate in before['curve'] if step <= after['branch']}
    return early | dict(map(tuple, after['curve']))


def _compared(values: list[tuple[float, float]]) -> dict[str, Any]:
    before, after = zip(*values, strict=True)
    delta = paired_difference(before, after)
    return {
        'baseline': _mean(before),
        'oc': _mean(after),
        'delta': _rounded(delta.mean),
        **_interval(delta),
    }


def _interval(delta: PairedDifference) -> dict[str, float | None]:
    return {
        'ci_low': None if delta.low is None else _rounded(delta.low),
        'ci_high': None if delta.high is None else _rounded(delta.high),
    }


def _mean(values) -> float:
    return _rounded(statistics.fmean(values))


def _rounded(value: float, digits: int = 2) -> float:
    return round(value, digits) + 0.0  # no -0.0
