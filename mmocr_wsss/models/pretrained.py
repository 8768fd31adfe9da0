# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Check of ``init_cfg=dict(type='Pretrained', ...)`` that names what a file lacks."""

import os.path as osp

from torch import nn

from mmocr_wsss.checkpoints.files import read_weights

_WHERE = 'model.backbone.init_cfg.checkpoint'


def check_pretrained(backbone: nn.Module, init_cfg: object, *, way_out: str) -> None:
    """Refuse a checkpoint that lacks tensors of the backbone or has others of its names.

    The host loads such files without complaint. The backbone's own load hooks are
    applied first, so tensors that it can derive are not missing. Does nothing
    where ``init_cfg`` is not of type ``Pretrained`` or names a URL.

    Args:
        backbone: module with ``init_cfg``; its weights are overwritten.
        init_cfg: may have a ``prefix``, the part of the file that is the backbone.
        way_out: how to make such a file; ``{path}`` stands for the path.

    Raises:
        FileNotFoundError: the checkpoint file does not exist.
        ValueError: it cannot be read, lacks tensors (their number and the first
            names are listed), or their shapes differ.
    """
    if not isinstance(init_cfg, dict) or init_cfg.get('type') != 'Pretrained':
        return
    path, prefix = init_cfg['checkpoint'], init_cfg.get('prefix')
    if '://' in path:
        return
    way_out = way_out.format(path=path)
    if not osp.isfile(path):
        raise FileNotFoundError(f'{_WHERE}: there is no file {path}. {way_out}')
    try:
        state = read_weights(path)
    except ValueError as error:
        raise ValueError(f'{_WHERE}: {error} {way_out}') from error
    start = prefix.rstrip('.') + '.' if prefix else ''
    own = {key.removeprefix(start): v for key, v in state.items() if key.startswith(start)}
    try:
        missing = backbone.load_state_dict(own, strict=False).missing_keys
    except RuntimeError as error:
        raise ValueError(
            f'{_WHERE}: {path} does not fit the backbone. {error} {way_out}'
        ) from error
    missing = sorted(start + key for key in missing if not key.endswith('num_batches_tracked'))
    if missing:
        total = sum(not key.endswith('num_batches_tracked') for key in backbone.state_dict())
        raise ValueError(
            f'{_WHERE}: {path} lacks {len(missing)} of {total} tensors of the backbone, '
            f'for example {missing[:5]}. {way_out}'
        )
