# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Checkpoints are read without running code from them.

A checkpoint is a pickle, and a pickle can name any function to call. PyTorch's
safe mode refuses all but tensors and plain containers; before torch 2.6 it could
be tricked (CVE-2025-32434), so older ones are refused. MMEngine's training
state needs a little more, and where the safe mode refuses a file some versions
of MMEngine fall back to full unpickling. :func:`guard_checkpoints` closes both
gaps for the running process.
"""

import os
import os.path as osp
import pickle
import re
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

#: Makes torch.load refuse everything outside its allow-list, whoever calls it and however.
FORCE_SAFE_MODE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
#: The first version whose safe mode holds, and which takes pairs of a global and its name.
OLDEST_TORCH = (2, 6)
_STATISTICS = ('min', 'max', 'current', 'mean')


def guard_checkpoints() -> None:
    """From now on, no checkpoint that this process loads can run code.

    Local files go through :func:`load_from_file`; every other source of
    MMEngine (URLs, model zoos) is held to PyTorch's safe mode.

    Raises:
        ValueError: torch is too old to read checkpoints safely.
    """
    _check_torch()
    os.environ[FORCE_SAFE_MODE] = '1'
    CheckpointLoader.register_scheme(prefixes='', loader=load_from_file, force=True)


def check_checkpoint_path(path: str, option: str) -> None:
    """Refuse a local path that is not a file.

    Raises:
        FileNotFoundError: names the option that gave the path.
    """
    if '://' not in path and not osp.isfile(osp.expanduser(path)):
        raise FileNotFoundError(f'{option}: there is no checkpoint {path!r}.')


def check_initial_weights(part: Any, key: str = 'model') -> None:
    """Refuse a model config whose ``init_cfg`` names a checkpoint that is not there.

    Args:
        part: config of the model; its parts are searched at any depth.
        key: where ``part`` stands in the config.

    Raises:
        FileNotFoundError: names the key, the checkpoint and the way out.
    """
    if isinstance(part, dict):
        if part.get('type') == 'Pretrained' and isinstance(part.get('checkpoint'), str):
            try:
                check_checkpoint_path(part['checkpoint'], f'{key}.checkpoint')
            except FileNotFoundError as error:
                raise FileNotFoundError(
                    f'{error} The first lines of the recipe say how to make it; to start from '
                    f'random weights instead: --cfg-options {key}=None'
                ) from error
        part = {f'{key}.{name}': child for name, child in part.items()}
    elif isinstance(part, (list, tuple)):
        part = {f'{key}.{index}': child for index, child in enumerate(part)}
    else:
        return
    for name, child in part.items():
        check_initial_weights(child, name)


def load_from_file(filename: str, map_location: Any = None) -> dict:
    """Read a local checkpoint; admits tensors, numpy arrays and MMEngine's log history.

    ``meta['config']`` is left out: MMEngine would execute it on resume.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file wants anything else to be called, or is no checkpoint;
            torch is too old to read it safely.
    """
    check_checkpoint_path(filename, 'loading')
    _check_torch()
    try:
        with torch.serialization.safe_globals(_allowed()):
            checkpoint = torch.load(
                osp.expanduser(filename), map_location=map_location, weights_only=True
            )
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise ValueError(
            f'{filename} is refused: a checkpoint may hold tensors, numpy arrays and the training '
            f'state of MMEngine, nothing that runs code; {_reason(error)}. '
            'Save its weights alone, with torch.save(model.state_dict(), path).'
        ) from error
    if isinstance(checkpoint, dict) and isinstance(checkpoint.get('meta'), dict):
        checkpoint['meta'].pop('config', None)
    return checkpoint


def _check_torch() -> None:
    """Refuse a torch whose safe mode is not safe, at the start and not after a long training."""
    if tuple(map(int, torch.__version__.split('.')[:2])) < OLDEST_TORCH:
        raise ValueError(
            f'reading and resuming checkpoints needs torch >= 2.6, found {torch.__version__}: '
            'in older versions a checkpoint can run code even in the safe mode '
            '(CVE-2025-32434). Install a newer torch. With this one, the tools of mmseg run our '
            'configs, without such a guard.'
        )


def _allowed() -> list:
    """What a checkpoint of MMEngine needs beyond tensors and plain containers."""
    reconstruct: Any = np.empty(0).__reduce__()[0]
    scalar: Any = np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(kind)) for kind in ('float32', 'float64', 'int64', 'uint32', 'bool')}
    # numpy renamed the module of these two functions; a file may carry either name.
    both_names = [
        (function, f'{module}.multiarray.{function.__name__}')
        for function in (reconstruct, scalar)
        for module in ('numpy.core', 'numpy._core')
    ]
    return [
        *both_names,
        np.ndarray,
        np.dtype,
        *dtypes,
        HistoryBuffer,
        (_statistic, 'builtins.getattr'),
        (_statistic, '__builtin__.getattr'),
    ]


def _statistic(owner: Any, name: str) -> Any:
    """Stands in for ``getattr``: the log history refers to its four statistics and no more."""
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'attribute {name!r} of {owner!r}')
    return getattr(owner, name)


def _reason(error: Exception) -> str:
    """What the file asked for, without PyTorch's advice to switch the safe mode off."""
    named = re.search(r'GLOBAL (\S+)', str(error)) or re.search(r'attribute .*', str(error))
    return (
        f'this one asks for {named.group().removeprefix("GLOBAL ")}'
        if named
        else ('this one cannot be read as a checkpoint')
    )
