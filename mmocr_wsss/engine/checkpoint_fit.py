# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Whether the weights of a file are those of a network.

MMEngine loads what fits and logs the rest, so a network that found none of its
weights in the file would go to work with random ones.
"""

from mmengine.model import is_model_wrapper
from mmengine.runner import CheckpointLoader
from torch import nn

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.checkpoints.convert import SOURCES

#: Counters of batch norm that only its momentum-free form uses; old files lack them.
_OPTIONAL = 'num_batches_tracked'


def plain_model(model: nn.Module) -> nn.Module:
    """The network inside what distributes it."""
    return model.module if is_model_wrapper(model) else model


def require_fit(model: nn.Module, path: str) -> dict:
    """Load a checkpoint that has every tensor of a network and no other.

    What networks do while they load (position embeddings of another image size)
    is done here as well.

    Args:
        model: wrapped or not; has the tensors of the file afterwards.
        path: checkpoint, read as the runner reads it.

    Returns:
        ``meta`` of the file, such as the classes that it was trained on; empty if it has none.

    Raises:
        ValueError: tensors are missing, unexpected or of another shape.
    """
    found = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    meta = found.get('meta')
    found = found.get('state_dict', found)
    found = {name.removeprefix('module.'): value for name, value in found.items()}
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
        for name in keys.unexpected_keys:
            bad.add('unexpected tensor', name)
    bad.raise_if_any(
        'Check the config and its num_classes. Official files are converted first: python '
        f'tools/model_converters/convert.py {path} OUT --from KIND, KIND one of '
        f'{", ".join(SOURCES)}.'
    )
    return meta if isinstance(meta, dict) else {}
