# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""``expected_results`` of a config: what was measured with it, and what papers report.

An entry is one of::

    ('mIoU', 48.13, 0.3)  # measured: metric, value, two-sided tolerance
    dict(metric='mIoU', published=64.5, split='val', source='SEAM paper')
    dict(metric='mIoU', published_gain=3.3, source='OCR paper')  # over the baseline

``split`` is the name of the list that was scored, without folder and suffix; without it the
source does not say. A measured entry must hold; a published one is shown beside what a run gives.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.logging import print_log

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.engine.config_edits import nodes

_REQUIRED, _OPTIONAL = ('metric', 'source'), ('split',)
_VALUES = ('published', 'published_gain')
_WAY_OUT = (
    "Write ('mIoU', 48.13, 0.3), that is (metric, value, tolerance), for a number of a logged run, "
    "or dict(metric='mIoU', published=64.5, split='val', source='SEAM paper') for one of a paper."
)


class Measured(NamedTuple):
    """A number of a logged run; ``tolerance`` is absolute, two-sided and inclusive."""

    metric: str
    value: float
    tolerance: float


class Published(NamedTuple):
    """A number of a paper. With ``gain`` it is the difference to the baseline's."""

    metric: str
    value: float
    source: str
    split: str | None
    gain: bool


def read_expected_results(cfg: Config) -> list[Measured | Published]:
    """The checked entries of a config, in order.

    Raises:
        ValueError: there are none, or some are malformed (one error for all).
    """
    given = cfg.get('expected_results')
    if not given:
        raise ValueError(
            f'{cfg.filename} has no expected_results (a dataset.json of other data in --data-root '
            f'takes those of the config away). {_WAY_OUT}'
        )
    bad = Offenders(f'{cfg.filename}: expected_results')
    if not isinstance(given, (list, tuple)):
        bad.add('must be a list of entries', f'{given!r:.100}')
        given = []
    entries = []
    for number, entry in enumerate(given):
        problems = list(_problems(entry))
        for problem in problems:
            bad.add(problem, f'entry {number}, {entry!r:.120}')
        if not problems:
            entries.append(_entry(entry))
    bad.raise_if_any(_WAY_OUT)
    return entries


def _problems(entry: Any) -> Iterator[str]:
    """The rules that an entry breaks."""
    if isinstance(entry, Mapping):
        yield from _published_problems(entry)
    elif isinstance(entry, (list, tuple)) and len(entry) == 3:
        metric, value, tolerance = entry
        if not _is_text(metric):
            yield 'the metric must be the name that the evaluator gives it'
        if not _is_number(value):
            yield 'the value must be a finite number'
        if not _is_number(tolerance) or tolerance < 0:
            yield 'the tolerance must be a finite number >= 0'
    else:
        yield 'must have three parts or be a dict'


def _published_problems(entry: Mapping) -> Iterator[str]:
    unknown = sorted(set(entry) - {*_REQUIRED, *_OPTIONAL, *_VALUES})
    if unknown:
        yield f'unknown key {", ".join(map(str, unknown))}'
    for key in _REQUIRED:
        if not _is_text(entry.get(key)):
            yield f'{key} must be a text'
    if entry.get('split') is not None and not _is_text(entry['split']):
        yield 'split must be the name of a list, like val'
    values = [entry[key] for key in _VALUES if key in entry]
    if len(values) != 1:
        yield f'must have one of {" and ".join(_VALUES)}'
    elif not _is_number(values[0]):
        yield 'the published number must be finite'


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _entry(entry: Mapping | Sequence) -> Measured | Published:
    if not isinstance(entry, Mapping):
        return Measured(*entry)
    gain = 'published_gain' in entry
    value = entry['published_gain' if gain else 'published']
    return Published(entry['metric'], value, entry['source'], entry.get('split'), gain)


def report_expected_results(cfg: Config, metrics: Mapping[str, float], command: str) -> list[str]:
    """Log what papers report beside what a run gave; judge it by the measured entries.

    Args:
        cfg: config of the run.
        metrics: {name: value} as the evaluators return them.
        command: what ran, for the advice where no entry is measured.

    Returns:
        One line per measured entry that is not met.
    """
    expected = read_expected_results(cfg)
    measured = [entry for entry in expected if isinstance(entry, Measured)]
    published = [entry for entry in expected if isinstance(entry, Published)]
    lines = compare_with_published(metrics, published, scored_list(cfg))
    if not measured:
        lines.append(how_to_measure(cfg, metrics, command))
    for line in lines:
        print_log(f'expected_results: {line}', 'current')
    return check_expected_results(metrics, measured)


def check_expected_results(
    metrics: Mapping[str, float], expected: Sequence[tuple[str, float, float]]
) -> list[str]:
    """Compare measured metrics with measured entries.

    Args:
        metrics: {name: value} as the evaluators return them.
        expected: (name, value, tolerance) triples; the tolerance is absolute,
            two-sided and inclusive.

    Returns:
        One line per triple that is not met; empty when all are.
    """
    faults = []
    for name, value, tolerance in expected:
        if name not in metrics:
            faults.append(f'{name} was not measured; there are {sorted(metrics)}')
        # Written so that NaN is a fault.
        elif not math.fabs(metrics[name] - value) <= tolerance:
            faults.append(f'{name} is {metrics[name]:g}, expected {value:g} +- {tolerance:g}')
    return faults


def compare_with_published(
    metrics: Mapping[str, float], published: Sequence[Published], scored: str | None
) -> list[str]:
    """A line per published entry: its number, what the run gave, and the difference.

    Args:
        metrics: as in :func:`check_expected_results`.
        published: entries of a config.
        scored: name of the list that the run scored; None: not known.
    """
    lines = []
    for metric, value, source, split, gain in published:
        number = f'a gain of {value:+g} over the baseline' if gain else f'{value:g}'
        where = f' on {split}' if split else ''
        line = f'{metric}: published {number}{where} ({source}); '
        if metric not in metrics:
            line += f'not measured, there are {sorted(metrics)}'
        elif split and scored and split != scored:
            line += f'this run scored {scored}, so they are not compared'
        elif gain:
            line += f'measured {metrics[metric]:g}, to be compared with the baseline on this list'
        else:
            difference = metrics[metric] - value
            line += f'measured {metrics[metric]:g}, difference {difference:+.2f}'
        lines.append(line)
    return lines


def how_to_measure(cfg: Config, metrics: Mapping[str, float], command: str) -> str:
    """What to write so that the next run is checked; for configs without a measured entry."""
    seed = (cfg.get('randomness') or {}).get('seed')
    names = dict.fromkeys(entry.metric for entry in read_expected_results(cfg))
    lines = [
        f'    ({name!r}, {metrics[name]:.2f}, TOLERANCE),  # {command}; seed {seed}'
        for name in names
        if name in metrics
    ]
    return '\n'.join(
        [
            f'nothing was checked: no entry of expected_results in {cfg.filename} is measured. If '
            'the checkpoint is that of a whole run of this config, add',
            *(lines or ['    (METRIC, VALUE, TOLERANCE),  # the command and the seed']),
            'to the list, with the seed of the training (that of the config is shown) and the '
            'distance between runs with other seeds as TOLERANCE; keep the log.',
        ]
    )


def scored_list(cfg: Config) -> str | None:
    """Name of the list that a test reads, like ``val``; None where it reads not just one."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset')
    names = {node['ann_file'] for node in nodes(dataset) if node.get('ann_file')}
    return PurePosixPath(names.pop()).stem if len(names) == 1 else None
