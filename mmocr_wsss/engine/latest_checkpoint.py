# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Which checkpoint ``--resume`` goes on from."""

import logging
import os
import os.path as osp
import re
import zipfile

from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint

_NAME = re.compile(r'(?:iter|epoch)_(\d+)\.pth')


def latest_checkpoint(work_dir: str) -> str | None:
    """The checkpoint named in ``work_dir/last_checkpoint``; None where there is no such file.

    A named checkpoint that is missing or cut off (a stock ``CheckpointHook`` was
    killed while it wrote, a folder was moved) is replaced by the newest whole
    one beside it, with a warning.

    Raises:
        ValueError: none of them is whole.
    """
    named = find_latest_checkpoint(work_dir)
    if named is None or '://' in named or _is_whole(named):
        return named
    folder = osp.dirname(named)
    folder = folder if folder and osp.isdir(folder) else work_dir
    numbers = {name: _NAME.fullmatch(name) for name in os.listdir(folder)}
    steps = sorted((int(match[1]), name) for name, match in numbers.items() if match)
    for _, name in reversed(steps):
        path = osp.join(folder, name)
        if _is_whole(path):
            print_log(
                f'--resume: {work_dir}/last_checkpoint names {named!r}, which is missing or '
                f'cut off; going on from {path}.',
                'current',
                logging.WARNING,
            )
            return path
    raise ValueError(
        f'--resume: {work_dir}/last_checkpoint names {named!r}, which is missing or cut off, and '
        f'there is no whole iter_*.pth or epoch_*.pth in {folder}. Name another one with '
        '--cfg-options load_from=PATH, or start again without --resume.'
    )


def _is_whole(path: str) -> bool:
    """Whether the file is there and has its end: a zip archive lists its content there."""
    return osp.isfile(path) and zipfile.is_zipfile(path)
