# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From ``results.jsonl`` to the pages that show what was found."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmocr_wsss.artifacts import atomic_path, read_json, require_file, write_json
from mmocr_wsss.experiments.grid import Grid, Settings, read_grid
from mmocr_wsss.experiments.results import read_results
from mmocr_wsss.experiments.summary import Pairs, summarise
from mmocr_wsss.experiments.tables import fill_page, tables
from mmocr_wsss.visualization.evidence_plots import save_curves, save_gains

#: Added to PAGE, they name what stands beside PAGE.md.
NUMBERS, LINES = '.json', '_runs.jsonl'
GAINS, CURVES = '_gains.png', '_curves.png'


def write_evidence(config: str, results: str, page: str, step_ratios: dict[str, float]) -> int:
    """Make the tables of a page anew, and numbers and figures beside it.

    The lines of the runs are copied there, so that everything can be made again from
    the folder alone (``results`` = ``PAGE_runs.jsonl``).

    Args:
        config: of the experiment.
        results: file with the lines.
        page: the Markdown file that explains them, ``PAGE.md``.
        step_ratios: as for ``summarise``; empty: those of the present ``PAGE.json``.

    Returns:
        Number of runs.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: the page and the tables do not fit, or the main comparison is not there.
    """
    grid = read_grid(config)
    require_file(page)
    require_file(results)
    numbers = _beside(page, NUMBERS)
    if not step_ratios and numbers.is_file():
        step_ratios = read_json(numbers)['step_ratios']
    found = present_lines(grid, results)
    evidence = summarise(grid, Pairs(found), step_ratios)
    text = fill_page(Path(page).read_text(encoding='utf-8'), tables(evidence), page)
    lines = ''.join(json.dumps(line, ensure_ascii=False) + '\n' for line in found.values())
    _write(_beside(page, LINES), lines)
    write_json(numbers, evidence)
    _write(Path(page), text)
    save_gains(_beside(page, GAINS), evidence)
    save_curves(_beside(page, CURVES), evidence)
    return len(found)


def read_step_ratios(items: Sequence[str]) -> dict[str, float]:
    """``NAME=FILE`` strings as {name: ratio}, from files of ``benchmarks/loss.py --out``.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: an item or a file has another form.
    """
    ratios = {}
    for item in items:
        name, equals, path = item.partition('=')
        content: Any = read_json(path) if equals else None
        try:
            ratios[name] = round(float(content['step']['step_ratio']), 4)
        except (TypeError, KeyError, ValueError):
            raise ValueError(
                f'--step-ratio takes NAME=FILE with a file of benchmarks/loss.py --out, got '
                f'{item!r}.'
            ) from None
    return ratios


def present_lines(grid: Grid, results: str) -> dict[tuple[Settings, int], dict[str, Any]]:
    """The lines of the grid's runs, by settings and seed, in the order of the grid.

    A line belongs to settings by what it says of them. Of several (masks, weights or
    common settings changed in between) the last one counts.
    """
    by_settings = {}
    for result in read_results(results).values():
        by_settings[_identity(result), result['seed']] = result
    found = {}
    for settings, seed in grid.runs():
        if line := by_settings.get((_of(settings), seed)):
            found[settings, seed] = line
    return found


def _identity(line: dict[str, Any]) -> str:
    return json.dumps([line[key] for key in ('masks', 'share', 'both', 'oc')], sort_keys=True)


def _of(settings: Settings) -> str:
    oc = None if settings.oc is None else dict(settings.oc)
    return json.dumps([settings.masks, settings.share, dict(settings.both), oc], sort_keys=True)


def _beside(page: str, ending: str) -> Path:
    return Path(page).with_name(Path(page).stem + ending)


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        Path(temporary).write_text(text, encoding='utf-8')
