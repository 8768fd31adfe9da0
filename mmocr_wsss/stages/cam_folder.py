# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the tools ask a folder of files: its ids, its classes, its threshold."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.labels import CLASS_SETS, foreground_classes
from mmocr_wsss.stage_files import STAGE_FILE, read_stage


def image_ids(
    folder: str | os.PathLike, suffix: str, list_file: str | os.PathLike | None
) -> tuple[str, ...]:
    """The ids of a list file, or of all files of a folder with this suffix, sorted.

    Raises:
        FileNotFoundError: the folder or the list is not there.
        ValueError: the list is malformed, or the folder has no such file.
    """
    folder = require_folder(folder)
    if list_file is not None:
        return read_id_list(list_file)
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob(f'*{suffix}'))
    # A name with a leading dot is what a killed process left behind.
    ids = [p.removesuffix(suffix) for p in paths if not os.path.basename(p).startswith('.')]
    if not ids:
        raise ValueError(f'{folder}: holds no {suffix} file. Check the folder, or give a list.')
    return tuple(sorted(ids))


def require_folder(folder: str | os.PathLike) -> Path:
    """The folder as a path; a FileNotFoundError says how it was understood."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder}: no such folder (looked at {folder.resolve()}).')
    return folder


def stage_of(folder: str | os.PathLike) -> dict[str, Any] | None:
    """The ``stage.json`` of a folder; None where the folder has none."""
    require_folder(folder)
    return read_stage(folder) if Path(folder, STAGE_FILE).is_file() else None


def class_names(argument: str | Sequence[str] | None, stage: dict | None) -> tuple[str, ...]:
    """The K foreground class names.

    Args:
        argument: a class set, the path of a file with one name per line, or a list of
            names; None: the ``classes`` of ``stage``.
        stage: what :func:`stage_of` gave.

    Raises:
        FileNotFoundError: ``argument`` is neither a class set nor a file.
        ValueError: no classes are known, or they are malformed.
    """
    if argument is None:
        argument = (stage or {}).get('classes')
        if argument is None:
            raise ValueError(
                f'the classes are not known: no {STAGE_FILE} with classes there. Give --classes '
                f'({", ".join(CLASS_SETS)}, or a file of names).'
            )
    if isinstance(argument, str) and argument not in CLASS_SETS:
        if not Path(argument).is_file():
            raise FileNotFoundError(
                f'--classes {argument}: neither one of {", ".join(CLASS_SETS)} nor a file with a '
                f'name per line (looked at {Path(argument).resolve()}).'
            )
        text = Path(argument).read_text(encoding='utf-8')
        argument = [line.strip() for line in text.splitlines() if line.strip()]
    return foreground_classes(argument)


def require_share(value: float, option: str) -> None:
    """Raise a ValueError unless a score of the background lies in [0, 1], as those of CAMs do."""
    if not 0 <= value <= 1:
        raise ValueError(
            f'{option} must be within 0..1, the range of CAMs, got {value}. Published: 0.2 to 0.5.'
        )


def background_threshold(argument: float | None, stage: dict | None) -> tuple[float | None, str]:
    """The threshold given in advance and where it comes from; None where nobody gave one.

    Raises:
        ValueError: the one given is no score of a CAM.
    """
    if argument is not None:
        require_share(argument, '--threshold')
        return argument, 'given'
    if stage is not None and stage['background_threshold'] is not None:
        return stage['background_threshold'], STAGE_FILE
    return None, 'nowhere'
