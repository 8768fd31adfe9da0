# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Runs on CPUs: ``--device cpu``, and several processes without a GPU (``--launcher pytorch``).

MMEngine's own start-up selects a CUDA device whatever the backend, but leaves an
existing process group alone, so the group is opened here beforehand.
"""

from mmengine.config import Config
from mmengine.device import utils as device_utils
from torch import distributed


def keep_on_cpu() -> None:
    """Make MMEngine run on the CPU, also where it found an accelerator other than CUDA.

    It looks for one once, when it is imported, and knows more kinds (``mps``,
    ``npu``, ``mlu``, ...) than an environment variable could hide.
    """
    device_utils.DEVICE = 'cpu'


def start_cpu_processes(cfg: Config, launcher: str) -> None:
    """Open a gloo process group and make the config fit for it; does nothing for ``'none'``.

    ``SyncBN`` becomes ``BN``, which each process estimates from its own share, so
    ``SyncBuffersHook`` is added: it averages the estimates before every
    validation, and all processes score the same model.

    Args:
        cfg: the final config; changed in place.
        launcher: value of ``--launcher``.

    Raises:
        ValueError: a launcher that cannot start processes without a GPU.
    """
    if launcher == 'none':
        return
    if launcher != 'pytorch':
        raise ValueError(
            f'--launcher {launcher} needs a GPU in every process and none is visible. '
            'On CPUs start the processes with tools/dist_train.sh or tools/dist_test.sh.'
        )
    distributed.init_process_group('gloo')
    wrapper = cfg.get('model_wrapper_cfg') or dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    cfg.model_wrapper_cfg = dict(wrapper, device_ids=None)
    if _sync_to_plain_bn(cfg._cfg_dict):
        hooks = list(cfg.get('custom_hooks') or [])
        if not any(hook.get('type') == 'SyncBuffersHook' for hook in hooks):
            cfg.custom_hooks = [*hooks, dict(type='SyncBuffersHook')]


def stop_processes() -> None:
    """Close the process group, whoever opened it."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _sync_to_plain_bn(node) -> bool:
    """Replace the type ``SyncBN`` at any depth; true where there was one."""
    found = False
    if isinstance(node, dict):
        if node.get('type') == 'SyncBN':
            node['type'] = 'BN'
            found = True
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for child in node:
            found |= _sync_to_plain_bn(child)
    return found
