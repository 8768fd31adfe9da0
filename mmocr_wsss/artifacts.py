# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Files between stages: reading validates, writing is atomic."""

import contextlib
import errno
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from mmocr_wsss.pickled_arrays import load_pickled_arrays

__all__ = [
    'Offenders',
    'atomic_path',
    'load_pickled_arrays',
    'read_json',
    'remove_leftovers',
    'require_file',
    'require_writable',
    'sha256_of_file',
    'write_json',
    'write_png',
]

MAX_EXAMPLES = 5
_ROOM = 1 << 16  # bytes that a disk must have left to be worth a start
_TEMPORARY = re.compile(r'\..+\.[0-9a-f]{32}(\.[^.]*)?')


class Offenders:
    """Collects what breaks a rule, so that one error reports all of it.

    Args:
        where: the file or object that is checked; the error starts with it.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self._examples: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._examples)

    def add(self, rule: str, example: object) -> None:
        """Note one offender; ``rule`` names the group that it is counted in."""
        self._examples.setdefault(rule, []).append(str(example))

    def raise_if_any(self, way_out: str, *, show_all: bool = False) -> None:
        """Raise a ValueError with the count and the first examples of every group.

        ``show_all`` is for what costs long to find again: a line per example.
        """
        if not self:
            return
        lines = []
        for rule, examples in self._examples.items():
            if show_all:
                lines += [f'  {len(examples)} x {rule}:', *(f'    {text}' for text in examples)]
                continue
            shown = ', '.join(examples[:MAX_EXAMPLES])
            dots = ', ...' if len(examples) > MAX_EXAMPLES else ''
            lines.append(f'  {len(examples)} x {rule}: {shown}{dots}')
        raise ValueError('\n'.join([f'{self.where}:', *lines, way_out]))


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[str]:
    """Yield a temporary name beside ``path``; it becomes ``path`` if the block succeeds.

    The name starts with a dot and keeps the suffix. Missing folders are made.
    If the block raises, ``path`` is as it was and the temporary file is gone. An error
    of the disk that names no file, such as a full one, names ``path``.
    """
    folder, name = os.path.split(os.fspath(path))
    os.makedirs(folder or '.', exist_ok=True)
    stem, suffix = os.path.splitext(name)
    temporary = os.path.join(folder, f'.{stem}.{uuid.uuid4().hex}{suffix}')
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno and error.filename in (None, temporary):
            error.filename = os.fspath(path)
        raise


def remove_leftovers(folder: str | os.PathLike, *, subfolders: bool = False) -> None:
    """Remove the temporary files of :func:`atomic_path` that killed processes left in a folder.

    Subfolders are left alone unless asked for. Nobody else may be writing to the folder.
    """
    for inner, _, names in os.walk(os.fspath(folder)):
        for name in names:
            if _TEMPORARY.fullmatch(name):
                os.unlink(os.path.join(inner, name))
        if not subfolders:
            return


def write_json(path: str | os.PathLike, data: Any) -> None:
    """Write UTF-8 JSON, keys in the order of ``data``, a newline at the end."""
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary, open(temporary, 'w', encoding='utf-8') as file:
        file.write(text + '\n')


def read_json(path: str | os.PathLike) -> Any:
    """Read UTF-8 JSON.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the text is not JSON, or an object repeats a key (the
            standard reader would silently keep the last value).
    """
    require_file(path)
    repeated = Offenders(str(path))

    def object_from(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            seen = set()
            for key, _ in pairs:
                if key in seen:
                    repeated.add('key given more than once', key)
                seen.add(key)
        return table

    try:
        with open(path, encoding='utf-8') as file:
            data = json.load(file, object_pairs_hook=object_from)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path}: not a UTF-8 JSON file ({error}).') from error
    repeated.raise_if_any('Keep one entry per key.')
    return data


def write_png(
    path: str | os.PathLike, ids: np.ndarray, palette: list[list[int]] | None = None
) -> None:
    """Write class ids as an 8-bit PNG: grey without, palette mode with ``palette``.

    Args:
        path: file to write.
        ids: (H, W) uint8 class ids.
        palette: up to 256 RGB triples in 0..255, indexed by class id.

    Raises:
        ValueError: ``ids`` is not a 2-D uint8 array.
    """
    if ids.ndim != 2 or ids.dtype != np.uint8:
        raise ValueError(
            f'{path}: class ids must be a (H, W) uint8 array, got {ids.dtype} {ids.shape}.'
        )
    image = Image.fromarray(np.ascontiguousarray(ids))
    if palette is not None:
        # A shorter palette would make Pillow store fewer bits and cut larger ids.
        black = [[0, 0, 0]] * (256 - len(palette))
        image.putpalette([value for colour in [*palette, *black] for value in colour])
    with atomic_path(path) as temporary:
        image.save(temporary, format='PNG')


def require_file(path: str | os.PathLike) -> None:
    """Raise a FileNotFoundError that says how the path was understood."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{path}: no such file (looked at {os.path.abspath(path)}).')


def require_writable(path: str | os.PathLike, option: str, *, folder: bool = True) -> None:
    """Whether results can be written, tried out before the work: a file is made and removed.

    Args:
        path: folder of results, which is made, or the file to write.
        option: how the user gives it, for the error.
        folder: whether ``path`` is a folder.

    Raises:
        ValueError: the folder cannot be made or written to, or the disk is full.
    """
    where = os.fspath(path) if folder else os.path.dirname(os.fspath(path)) or '.'
    try:
        if not folder and os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, 'it is a folder')
        with atomic_path(os.path.join(where, 'writable')) as temporary:
            with open(temporary, 'wb') as file:
                file.write(bytes(_ROOM))
            raise _NotKept
    except _NotKept:
        return
    except OSError as error:
        raise ValueError(
            f'{option}: results cannot be written to {os.fspath(path)!r} ({error.strerror}). Make '
            'room or change its rights, or choose another place.'
        ) from error


class _NotKept(Exception):
    """Ends a trial, so that its file goes."""


def sha256_of_file(path: str | os.PathLike) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits; reads it in pieces."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()
