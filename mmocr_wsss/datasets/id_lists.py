# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Image ids: from list files and from paths."""

import os
from pathlib import PurePath

from mmocr_wsss.artifacts import Offenders, require_file

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png')


def read_id_list(path: str | os.PathLike) -> tuple[str, ...]:
    """Read the image ids of a list file, in the order of the file.

    Two styles are understood, line by line:

    * one id per line; the id may hold folders (``aachen/000001``);
    * the path style of AffinityNet (PSA) and SEAM, ``/JPEGImages/<id>.jpg
      /SegmentationClassAug/<id>.png``: the id is the file stem of the first
      path. The second path is not used: the masks come from the folder that the
      dataset names.

    Empty lines are skipped.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the list is no text, is empty or repeats an id.
    """
    require_file(path)
    try:
        with open(path, encoding='utf-8') as file:
            ids = [_id_from_line(line.strip()) for line in file if line.strip()]
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path}: an id list must be UTF-8 text with one id per line, got byte '
            f'{error.object[error.start]:#04x} at {error.start}. Is it the right file?'
        ) from error
    if not ids:
        raise ValueError(f'{path}: lists no image id; expected one id per line.')
    bad = Offenders(str(path))
    seen = set()
    for image_id in ids:
        if image_id in seen:
            bad.add('id listed more than once', image_id)
        seen.add(image_id)
    bad.raise_if_any('List every image once (RepeatDataset repeats images).')
    return tuple(ids)


def _id_from_line(line: str) -> str:
    first = line.split()[0]
    if first.startswith('/') or first.lower().endswith(IMAGE_SUFFIXES):
        return PurePath(first).stem
    return line


def strip_image_suffix(name: str) -> str:
    """``name`` without .jpg, .jpeg or .png at its end."""
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in IMAGE_SUFFIXES else name


def possible_ids(path: str) -> list[str]:
    """Ids that may stand for an image file: the stem, then with ever more folders.

    ``/data/img/aachen/0001.png`` gives ``0001``, ``aachen/0001``,
    ``img/aachen/0001``, ``data/img/aachen/0001``.
    """
    parts = [part for part in PurePath(path).with_suffix('').parts if part != os.sep]
    return ['/'.join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
