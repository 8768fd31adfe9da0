# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Whether the weights of a file are those of a network.

MMEngine loads what fits and logs the rest, so a network that found none of its
weights in the file would go to work with random ones.
"""

from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import CheckpointLoader
from torch import nn

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.checkpoints.convert import SOURCES

#: Counters of batch norm that only its momentum-free form uses; old files lack them.
_OPTIONAL = 'num_batches_tracked'


def plain_model(model: nn.Module) -> nn.Module:
    """The network inside what distributes it or tests it at several scales."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.get_submodule('module')
    return model


def require_fit(model: nn.Module, path: str, *, extra: bool = False) -> dict:
    """Load a checkpoint that has every tensor of a network and, unless ``extra``, no other.

    What networks do while they load (position embeddings of another image size)
    is done here as well.

    Args:
        model: wrapped or not; has the tensors of the file afterwards.
        path: checkpoint, read as the runner reads it.
        extra: whether the file may have more, such as heads that only training needs.

    Returns:
        ``meta`` of the file, such as the classes that it was trained on; empty if it has none.

    Raises:
        ValueError: tensors are missing, unexpected or of another shape.
    """
    found, meta = _read(path)
    bad = Offenders(f'{path} does not fit the model of the config')
    try:
        keys = plain_model(model).load_state_dict(found, strict=False)
    except RuntimeError as error:  # torch lists all shapes that differ
        for line in str(error).splitlines()[1:]:
            bad.add('tensor of another shape', line.strip())
    else:
        for name in keys.missing_keys:
            if not name.endswith(_OPTIONAL):
                bad.add('missing tensor', name)
        for name in keys.unexpected_keys if bad or not extra else ():
            bad.add('unexpected tensor', name)
    bad.raise_if_any(
        'Check the config and its num_classes. Official files are converted first: python '
        f'tools/model_converters/convert.py {path} OUT --from KIND, KIND one of '
        f'{", ".join(SOURCES)}.'
    )
    return meta


def require_overlap(model: nn.Module, path: str, option: str) -> None:
    """Refuse a checkpoint to start from of which not one tensor fits; others may be left over.

    Raises:
        ValueError: names the file, and some tensors of both.
    """
    found, _ = _read(path)
    wanted = plain_model(model).state_dict()
    if not any(name in found and found[name].shape == wanted[name].shape for name in wanted):
        raise ValueError(
            f'{option}: no tensor of {path} has a name and shape of the model, so training would '
            f'start from random weights: there {sorted(found)[:3]}, wanted {sorted(wanted)[:3]}. '
            'Check the config; official files are converted first, by '
            'tools/model_converters/convert.py.'
        )


def _read(path: str) -> tuple[dict, dict]:
    """Tensors by name, without the prefix of what distributed the network, and ``meta``."""
    found = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    if not isinstance(found, dict) or not isinstance(found.get('state_dict', found), dict):
        raise ValueError(
            f'{path}: a checkpoint must be a dict of tensors, got {type(found).__name__}. Save it '
            'with torch.save(model.state_dict(), path).'
        )
    meta, found = found.get('meta'), found.get('state_dict', found)
    tensors = {name.removeprefix('module.'): value for name, value in found.items()}
    return tensors, meta if isinstance(meta, dict) else {}
