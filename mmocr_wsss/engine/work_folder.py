# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A work folder belongs to one training at a time, and can be written to."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from mmocr_wsss.artifacts import require_writable

#: Says in the work folder who trains there.
LOCK = '.training.lock'
#: Where launchers put the number of a process; a training without launcher has none.
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')


@contextlib.contextmanager
def training_in(work_dir: str | os.PathLike) -> Iterator[None]:
    """Hold a work folder for the length of the block; of several processes the first does.

    The lock is one of POSIX: it ends with the process, however that ends, and data workers do
    not inherit it.

    Raises:
        ValueError: the folder cannot be written to, or another process trains in it.
    """
    if int(next((os.environ[name] for name in _RANKS if os.environ.get(name)), 0)):
        yield
        return
    require_writable(work_dir, '--work-dir')
    path = Path(work_dir, LOCK)
    with open(path, 'a+', encoding='utf-8') as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            file.seek(0)
            raise ValueError(
                f'--work-dir: {file.read().strip() or "another process"} trains in {work_dir}, and '
                'two would overwrite the checkpoints of each other. Wait for it or stop it, or '
                'choose another folder.'
            ) from None
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
        file.flush()
        yield
