# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Out-of-candidate rectification for weakly supervised semantic segmentation.

A plug-in for mmseg and mmpretrain. Importing it checks the installed hosts and
loads nothing else; configs name our classes as ``type='mmocr_wsss.X'``.
"""

import difflib
import os.path as osp
from pathlib import Path

from mmocr_wsss.hosts import check_hosts

__version__ = '0.1.0'
__all__ = ['OutOfCandidateLoss', 'config_path']

check_hosts()


def config_path(name: str) -> str:
    """Absolute path of a config that the package ships, for use in ``_base_``.

    MMEngine evaluates the ``_base_`` expression of a config before anything
    else, so a config anywhere on disk can inherit ours, from a wheel, an
    editable install or a checkout::

        _base_ = __import__('mmocr_wsss').config_path('ocr/seam_r38_voc.py')

    Args:
        name: path below the folder ``configs``, with ``/`` and the suffix.

    Raises:
        FileNotFoundError: no such config; the message lists the closest names.
    """
    here = Path(__file__).resolve().parent
    roots = [root for root in (here / '.mim' / 'configs', here.parent / 'configs') if root.is_dir()]
    for root in roots:
        path = osp.normpath(root / name)
        if path.startswith(f'{root}{osp.sep}') and osp.isfile(path):
            return path
    shipped = sorted({path.relative_to(root).as_posix() for root in roots for path in _py(root)})
    close = difflib.get_close_matches(name, shipped, n=5, cutoff=0.7)
    close += [known for known in shipped if osp.basename(known) == osp.basename(name)]
    raise FileNotFoundError(
        f'mmocr_wsss ships no config {name!r}; '
        + (f'did you mean one of {sorted(set(close))}?' if close else f'it ships {shipped}.')
    )


def _py(root: Path) -> list[Path]:
    return list(root.glob('**/*.py'))


def __getattr__(name: str):
    # Lazy: the loss needs torch, and a config's `_base_` only needs config_path.
    if name == 'OutOfCandidateLoss':
        from mmocr_wsss.models.losses import OutOfCandidateLoss

        return OutOfCandidateLoss
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
