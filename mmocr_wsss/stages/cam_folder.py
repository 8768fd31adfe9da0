# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the tools ask a folder of files: its ids, its classes, its threshold."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmocr_wsss.artifacts import require_file
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
        require_file(argument)
        text = Path(argument).read_text(encoding='utf-8')
        argument = [line.strip() for line in text.splitlines() if line.strip()]
    return foreground_classes(argument)


def background_threshold(argument: float | None, stage: dict | None) -> tuple[float | None, str]:
    """The threshold given in advance and where it comes from; None where nobody gave one."""
    if argument is not None:
        return argument, 'given'
    if stage is not None and stage['background_threshold'] is not None:
        return stage['background_threshold'], STAGE_FILE
    return None, 'nowhere'
