# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""One file per image, made by several processes; what is there already is kept."""

import errno
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.stages.process_pool import map_chunks

#: No file can be written any more: the disk is full, or may be read only.
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def make_files(
    one: Callable[[str], None],
    target: Callable[[str], Path],
    ids: Sequence[str],
    *,
    where: str | os.PathLike,
    overwrite: bool,
    jobs: int,
) -> tuple[int, int]:
    """Call ``one(image_id)`` for every image whose file is not there.

    A bar with the time left goes to the error stream. A fault does not stop the
    others; all are one error at the end.

    Args:
        one: writes the file of an image, whole or not at all; picklable if ``jobs`` > 1.
        target: the file of an image.
        ids: image ids.
        where: what is read, for the error.
        overwrite: make files anew that are there.
        jobs: processes.

    Returns:
        Numbers of files made and of files that were there.

    Raises:
        ValueError: ``one`` raised a ValueError or OSError; ``jobs`` is not positive.
        OSError: the disk is full or read only; at once, since it is not about one image.
    """
    todo = [image_id for image_id in ids if overwrite or not target(image_id).is_file()]
    bad = Offenders(str(where))
    for faults in map_chunks(partial(_each, one), todo, jobs=jobs) if todo else ():
        for fault in faults:
            bad.add('file that cannot be used', fault)
    bad.raise_if_any(
        'All others are done; mend these and run the same command again.', show_all=True
    )
    return len(todo), len(ids) - len(todo)


def _each(one, ids: Sequence[str]) -> list[str]:
    faults = []
    for image_id in ids:
        try:
            one(image_id)
        except (ValueError, OSError) as error:
            if getattr(error, 'errno', None) in _DISK:
                raise
            faults.append(f'{image_id}: {error}')
    return faults
