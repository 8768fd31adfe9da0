# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What an experiment compares: pairs of a training without and with the loss, and their seeds."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmocr_wsss.artifacts import require_file

#: Where the pseudo masks of a run come from, by what is done with the pipeline's CAMs.
MASKS = ('walk', 'cam', 'crf', 'true')
MAIN = 'main'
_KEYS = {'pipeline', 'config', 'common', 'groups', 'seeds', 'train_photos', 'min_pixels'}
_ROW_KEYS = {'masks', 'share', 'both', 'oc', 'loss'}
_GROUP_KEYS = {'title', 'rows', 'default'}


class Settings(NamedTuple):
    """What is trained.

    masks: one of ``MASKS``. share: of the training photos, in (0, 1]. options: ``KEY=VALUE``
    pairs of the config for both sides of a pair, as (key, value). oc: pairs for the side
    with the loss, or None: the side without.
    """

    masks: str
    share: float
    both: tuple[tuple[str, Any], ...]
    oc: tuple[tuple[str, Any], ...] | None

    @property
    def name(self) -> str:
        """Readable, fit for a folder; of a list the different items."""
        parts = ['baseline' if self.oc is None else 'oc']
        parts += [] if self.masks == 'walk' else [self.masks]
        parts += [] if self.share == 1 else [f'share-{self.share:g}']
        for key, value in (*self.both, *(self.oc or ())):
            if isinstance(value, tuple):
                value = '-'.join(str(item) for item in dict.fromkeys(value))
            parts.append(f'{key.rsplit(".", 1)[-1]}-{value}')
        return re.sub(r'[^\w.=-]+', '-', '_'.join(parts)).strip('-')

    def baseline(self) -> 'Settings':
        """The other side of the pair."""
        return self._replace(oc=None)


class Row(NamedTuple):
    """A line of a table: its label and the settings of the side with the loss."""

    label: str
    settings: Settings


class Group(NamedTuple):
    """Rows that differ in one thing; ``default`` is the label of what the code uses."""

    name: str
    title: str
    rows: tuple[Row, ...]
    default: str | None


class Grid(NamedTuple):
    """An experiment.

    pipeline: config of the pipeline that makes the masks. config: of the segmenter with the
    loss. common: config settings of all runs. seeds: group name -> number of seeds.
    train_photos: training photos whose OC rate is measured. min_pixels: true validation
    pixels that make a class supported.
    """

    path: Path
    pipeline: str
    config: str
    common: dict[str, Any]
    groups: dict[str, Group]
    seeds: dict[str, int]
    train_photos: int
    min_pixels: int

    def runs(self, names: Sequence[str] | None = None) -> list[tuple[Settings, int]]:
        """All (settings, seed) that the groups need, each once, a baseline before what it pairs.

        Seed by seed, so that a part of the runs is a whole comparison with fewer seeds.

        Args:
            names: of groups; None: all.
        """
        chosen = list(self.groups) if names is None else list(names)
        order: dict[tuple[Settings, int], None] = {}
        for seed in range(max(self.seeds[name] for name in chosen)):
            for name in chosen:
                for row in self.groups[name].rows if seed < self.seeds[name] else ():
                    order[row.settings.baseline(), seed] = None
                    order[row.settings, seed] = None
        return list(order)


def read_grid(path: str | os.PathLike) -> Grid:
    """Read an experiment config.

    Raises:
        FileNotFoundError: the config or one that it names is not there.
        ValueError: a setting is missing, unknown or out of range.
    """
    require_file(path)
    raw = dict(Config.fromfile(path).to_dict())
    _require_keys(f'{path}', raw, _KEYS, _KEYS)
    groups = {
        name: _group(f'{path}: groups.{name}', name, entry) for name, entry in raw['groups'].items()
    }
    if MAIN not in groups or [row.label for row in groups[MAIN].rows] != ['oc']:
        raise ValueError(f"{path}: groups.{MAIN} must have one row, 'oc': the main comparison.")
    seeds = {name: raw['seeds'].get(name, raw['seeds'].get('ablation')) for name in groups}
    wrong = {n: count for n, count in seeds.items() if not isinstance(count, int) or count < 1}
    if wrong:
        raise ValueError(f'{path}: seeds must be integers >= 1 per group, got {wrong}.')
    configs = Path(path).resolve().parents[1]
    for key in ('pipeline', 'config'):
        require_file(configs / raw[key])
    return Grid(
        Path(path).resolve(),
        str(configs / raw['pipeline']),
        str(configs / raw['config']),
        raw['common'],
        groups,
        seeds,
        raw['train_photos'],
        raw['min_pixels'],
    )


def _group(where: str, name: str, entry: Mapping) -> Group:
    _require_keys(where, entry, _GROUP_KEYS, {'title', 'rows'})
    rows = tuple(
        Row(label, _settings(f'{where}.rows[{label!r}]', row))
        for label, row in entry['rows'].items()
    )
    default = entry.get('default')
    if default is not None and default not in entry['rows']:
        raise ValueError(f'{where}.default: {default!r} is none of {list(entry["rows"])}.')
    return Group(name, entry['title'], rows, default)


def _settings(where: str, row: Mapping) -> Settings:
    _require_keys(where, row, _ROW_KEYS, set())
    masks, share = row.get('masks', 'walk'), row.get('share', 1.0)
    if masks not in MASKS:
        raise ValueError(f'{where}.masks must be one of {list(MASKS)}, got {masks!r}.')
    if not 0 < share <= 1:
        raise ValueError(f'{where}.share must lie in (0, 1], got {share!r}.')
    loss = {f'model.loss_oc.{key}': value for key, value in row.get('loss', {}).items()}
    both, oc = row.get('both', {}), {**loss, **row.get('oc', {})}
    for key, value in {**both, **oc}.items():
        items = value if isinstance(value, (list, tuple)) else [value]
        if not all(isinstance(item, (bool, int, float, str)) for item in items):
            raise ValueError(
                f'{where}: {key} must be a number, a truth value, a string or a list of such, got '
                f'{value!r}. Name what lies inside, such as model.loss_oc.margin.'
            )
    return Settings(masks, float(share), _pairs(both), _pairs(oc))


def _pairs(options: Mapping) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (key, tuple(value) if isinstance(value, list) else value)
        for key, value in sorted(options.items())
    )


def _require_keys(where: str, found: Mapping, known: set[str], needed: set[str]) -> None:
    unknown, missing = sorted(set(found) - known), sorted(needed - set(found))
    if unknown or missing:
        raise ValueError(
            f'{where} has the settings {sorted(known)}; unknown {unknown}, missing {missing}.'
        )
