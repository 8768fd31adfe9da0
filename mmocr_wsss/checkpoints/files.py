# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Read PyTorch weight files without running what is in them, write them atomically."""

import os
import zipfile
from typing import Any

import torch
from torch import Tensor

from mmocr_wsss.artifacts import atomic_path, require_file

#: Keys under which training scripts wrap the state dict.
_WRAPPERS = ('state_dict', 'model')


class _Inert:
    """Stands for every Python object of a checkpoint that is not a tensor or plain data."""

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass


def read_weights(path: str | os.PathLike) -> dict[str, Tensor]:
    """State dict of a PyTorch checkpoint, on the CPU.

    Nothing of the file is executed: it is read with ``weights_only=True``, and
    other Python objects of a training checkpoint (settings, log buffers) become
    inert placeholders. An outer dict with ``state_dict`` or ``model`` and the
    prefix ``module.`` of parallel training are removed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a PyTorch file, cannot be read safely, or
            holds something else than named tensors.
    """
    require_file(path)
    content = _load(path)
    for key in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not content:
        raise ValueError(f'{path}: expected a state dict, got {type(content).__name__}.')
    odd = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if odd:
        raise ValueError(
            f'{path}: a state dict holds tensors only, but {len(odd)} of {len(content)} entries '
            f'are something else, for example {odd[:5]}.'
        )
    if all(key.startswith('module.') for key in content):
        content = {key.removeprefix('module.'): value for key, value in content.items()}
    return dict(content)


def _load(path: str | os.PathLike):
    try:
        inert: list[Any] = [(_Inert, name) for name in _foreign_names(path)]
        if not inert:
            return torch.load(path, map_location='cpu', weights_only=True)
        with torch.serialization.safe_globals(inert):
            return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # the reader fails in many ways on foreign bytes
        raise ValueError(
            f'{path}: not a PyTorch weight file that can be read safely '
            f'({type(error).__name__}). Save it as a plain state dict: '
            "torch.save(model.state_dict(), FILE). An MXNet file needs '--from r38_mxnet'."
        ) from error


def _foreign_names(path: str | os.PathLike) -> list[str]:
    """Python names in a zip-format checkpoint that ``weights_only`` would refuse."""
    find = getattr(torch.serialization, 'get_unsafe_globals_in_checkpoint', None)
    return find(path) if find is not None and zipfile.is_zipfile(path) else []


def save_weights(path: str | os.PathLike, state_dict: dict[str, Tensor], meta: dict) -> None:
    """Write ``{'state_dict', 'meta'}``; readable with ``weights_only=True``.

    The same weights give the same bytes.
    """
    _save(path, {'state_dict': state_dict, 'meta': meta})


def save_official(
    path: str | os.PathLike, state_dict: dict[str, Tensor], wrapper: str | None = None
) -> None:
    """Write a state dict as the official repositories do: bare, or under the key ``wrapper``."""
    _save(path, state_dict if wrapper is None else {wrapper: state_dict})


def _save(path: str | os.PathLike, data: dict) -> None:
    # Given a name, torch would write that of the temporary file into the archive.
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        torch.save(data, file)
