# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The OC rate over a training, from MMEngine's logs."""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

_LOGS = '*/vis_data/scalars.json'
#: (iteration, OC rate in [0, 1]).
Points = list[tuple[int, float]]


class OutOfCandidateCurve(NamedTuple):
    """One training, ascending by iteration.

    train: of the batches of training, smoothed as the log is. val: of validations.
    """

    label: str
    train: Points
    val: Points


def read_curves(folders: Sequence[str | os.PathLike]) -> list[OutOfCandidateCurve]:
    """The curve of every training folder, labelled by its name (by its path if names repeat).

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: a folder has no log with an OC rate, or a log is not one of MMEngine.
    """
    paths = [Path(folder) for folder in dict.fromkeys(os.fspath(folder) for folder in folders)]
    names = [path.resolve().name for path in paths]
    curves = []
    for path, name in zip(paths, names, strict=True):
        if not path.is_dir():
            raise FileNotFoundError(f'--logs: there is no folder {str(path)!r}.')
        train, val = read_curve(path)
        if not train and not val:
            raise ValueError(
                f'--logs {path}: no oc_rate in {path / _LOGS}. Give the work folder of a '
                'segmentation training whose config has the out-of-candidate loss, or '
                'mmocr_wsss.OutOfCandidateRate in val_evaluator.'
            )
        label = name if names.count(name) == 1 else str(path)
        curves.append(OutOfCandidateCurve(label, train, val))
    return curves


def read_curve(folder: str | os.PathLike) -> tuple[Points, Points]:
    """Rates of training batches and of validations; both empty where nothing is logged.

    A resumed training has a log per start: a later one replaces what earlier ones have from
    its first iteration on. A last line that a kill cut off is left out.

    Raises:
        ValueError: another line is not JSON.
    """
    train: Points = []
    val: Points = []
    for path in sorted(Path(folder).glob(_LOGS)):
        more_train, more_val = _read_log(path)
        first = min((step for step, _ in more_train + more_val), default=math.inf)
        start = min((step for step, _ in more_train), default=math.inf)
        train = [point for point in train if point[0] < start] + more_train
        val = [point for point in val if point[0] < first] + more_val
    return train, val


def _read_log(path: Path) -> tuple[Points, Points]:
    train: Points = []
    val: Points = []
    latest = 0  # iteration; validations of epoch-based loops are logged by their epoch
    for line in _lines(path):
        rate, step, training = line.get('oc_rate'), line.get('step'), 'loss' in line
        if not isinstance(step, int):
            continue
        latest = max(latest, step) if training else latest
        if isinstance(rate, (int, float)) and math.isfinite(rate):
            (train if training else val).append((max(step, latest), float(rate)))
    return train, val


def _lines(path: Path) -> list[dict[str, Any]]:
    texts = path.read_text(encoding='utf-8').splitlines()
    lines = []
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
        except ValueError as error:
            if number == len(texts):
                break
            raise ValueError(
                f'{path}, line {number}: not JSON ({error}). Logs of MMEngine have one object per '
                'line; give another folder to --logs, or move this file away.'
            ) from error
        if isinstance(line, dict):
            lines.append(line)
    return lines
