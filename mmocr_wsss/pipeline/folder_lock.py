# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""One run at a time in an output folder."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from mmocr_wsss.artifacts import remove_leftovers


@contextlib.contextmanager
def only_one(out: Path) -> Iterator[int]:
    """Hold the lock of an output folder; commands inherit it, so orphans hold it too.

    Raises:
        ValueError: another run holds it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with open(out / '.lock', 'a') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f'{out}: another run is at work in this folder, or a command that it left behind '
                f'still is (fuser {out}/.lock names it). Wait for it or stop it.'
            ) from None
        remove_leftovers(out)
        remove_leftovers(out / 'stages')
        yield file.fileno()
