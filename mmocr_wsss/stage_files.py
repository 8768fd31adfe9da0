# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Folders that stages hand over: a file per image; ``stage.json`` says what made them."""

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmocr_wsss.artifacts import read_json, remove_leftovers, require_file, write_json

STAGE_FILE = 'stage.json'
#: What stage.json records for later steps, without any effect on the files.
_FOR_LATER = {'background_threshold'}
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError)


def image_file(folder: str | os.PathLike, image_id: str, suffix: str) -> Path:
    """``folder/image_id.suffix``; the id may hold folders, which stay inside ``folder``.

    Raises:
        ValueError: the id is empty or leads out of the folder.
    """
    parts = PurePosixPath(image_id).parts
    if not parts or parts[0] == '/' or '..' in parts:
        raise ValueError(
            f'image id {image_id!r} must name a file below {folder}; write ids as in the list '
            'file, without a leading / and without ..'
        )
    return Path(folder, f'{image_id}{suffix}')


def write_stage(folder: str | os.PathLike, facts: dict[str, Any]) -> None:
    """Write ``stage.json``: what made the files of ``folder``.

    Args:
        folder: the folder.
        facts: JSON values; ``background_threshold`` (a number or None) is what later
            steps take for the background unless told otherwise.

    Raises:
        ValueError: ``background_threshold`` is missing or no number.
    """
    path = Path(folder, STAGE_FILE)
    _check_stage(path, facts)
    write_json(path, facts)


def read_stage(folder: str | os.PathLike) -> dict[str, Any]:
    """Read and check ``stage.json`` of a folder.

    Raises:
        FileNotFoundError: the folder has none.
        ValueError: it is no JSON object or lacks ``background_threshold``.
    """
    path = Path(folder, STAGE_FILE)
    facts = read_json(path)
    _check_stage(path, facts)
    return facts


def origin(folder: str | os.PathLike) -> dict[str, Any]:
    """The ``stage.json`` of a folder that another stage reads, as that one notes it.

    Without what has no effect on the files, so that it may change. Errors as for
    :func:`read_stage`.
    """
    facts = read_stage(folder)
    return {key: value for key, value in facts.items() if key not in _FOR_LATER}


def require_same_stage(
    folder: str | os.PathLike, facts: dict[str, Any], *, option: str, suffix: str = '.npz'
) -> None:
    """Whether files made from ``facts`` may be added to a folder.

    The background threshold does not matter for the files; a folder without such files
    takes any. ``option`` is how the user gives the folder, for the error; ``suffix`` that
    of the files.

    Raises:
        ValueError: its ``stage.json`` says otherwise, or it has such files and none.
    """
    folder = Path(folder)
    if not any(folder.rglob(f'[!.]*{suffix}')):
        return
    if not Path(folder, STAGE_FILE).is_file():
        raise ValueError(
            f'{folder}: holds {suffix} files but no {STAGE_FILE}, so nobody knows what made them. '
            f'Write to another folder ({option}).'
        )
    found, facts = read_stage(folder), json.loads(json.dumps(facts))  # as it will be read back
    compared = [key for key in {**found, **facts} if key not in _FOR_LATER]
    differing = [key for key in compared if found.get(key) != facts.get(key)]
    if differing:
        changes = '; '.join(
            f'{key}: there {found.get(key)!r:.200}, now {facts.get(key)!r:.200}'
            for key in differing
        )
        raise ValueError(
            f'{folder}: holds files that were made in another way ({changes}). Write to another '
            f'folder ({option}), or remove this one to make all anew.'
        )


def open_stage_folder(folder: str | os.PathLike, facts: dict[str, Any]) -> None:
    """Remove what killed processes left in a folder and write its ``stage.json``.

    Temporary files go from subfolders too (ids may hold folders); nobody else may be
    writing to the folder. A ``background_threshold`` that somebody wrote there
    stays unless ``facts`` have one. :func:`require_same_stage` comes first.
    """
    remove_leftovers(folder, subfolders=True)
    if Path(folder, STAGE_FILE).is_file():
        found = read_stage(folder)
        if found | {'background_threshold': None} == facts:
            return
    write_stage(folder, facts)


def load_arrays(
    path: str | os.PathLike, dtypes: Mapping[str, type], kind: str, way_out: str
) -> dict[str, np.ndarray]:
    """Named arrays of an ``.npz`` file, without pickle, in the order of ``dtypes``.

    Args:
        path: file to read.
        dtypes: array name -> its dtype.
        kind: what the file should be, and ``way_out`` how to mend it, for the error.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is truncated, lacks an array, or one has another dtype.
    """
    require_file(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            # A plain .npy comes as an array, which is no context manager.
            arrays = {name: archive[name] for name in dtypes}
    except (*_UNREADABLE, AttributeError, TypeError) as error:
        raise ValueError(
            f'{path}: not a complete {kind} with the arrays {", ".join(dtypes)} '
            f'({type(error).__name__}: {error}). {way_out}'
        ) from error
    for name, dtype in dtypes.items():
        if arrays[name].dtype != dtype:
            raise ValueError(
                f'{path}: {name} must be {np.dtype(dtype)}, got {arrays[name].dtype}. {way_out}'
            )
    return arrays


def _check_stage(path, facts) -> None:
    if not isinstance(facts, dict) or 'background_threshold' not in facts:
        raise ValueError(
            f'{path}: must be a JSON object with background_threshold (a number or null), got '
            f'{sorted(facts) if isinstance(facts, dict) else type(facts).__name__}. Make the files '
            'again, or write the file by hand.'
        )
    threshold = facts['background_threshold']
    if threshold is not None and (isinstance(threshold, bool) or not _is_finite(threshold)):
        raise ValueError(
            f'{path}: background_threshold must be a number or null, got {threshold!r}.'
        )


def _is_finite(value) -> bool:
    return isinstance(value, (int, float)) and bool(np.isfinite(value))
