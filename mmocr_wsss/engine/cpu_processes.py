# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Runs on CPUs: ``--device cpu``, and several processes without a GPU (``--launcher pytorch``).

MMEngine's own start-up selects a CUDA device whatever the backend, but leaves an
existing process group alone, so the group is opened here beforehand.
"""

import gc
from collections.abc import Callable
from functools import wraps

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


def closes_process_group(run: Callable) -> Callable:
    """Decorate a function that runs a job: the process group is closed after it, whoever opened it.

    ``destroy_process_group`` only forgets the group: gloo's threads live until nothing refers to
    it, and the model wrapper of a runner does. One that lets go of a tensor while the interpreter
    ends takes the process down ("terminate called without an active exception", pytorch issue
    190489). So this waits for them, once the variables of ``run`` are gone.

    Args:
        run: its result must not hold the runner. After an error the traceback holds it: then
            nothing waits, the other processes may be gone.
    """

    @wraps(run)
    def closed(*args, **kwargs):
        try:
            return run(*args, **kwargs)
        finally:
            _close_process_group()

    return closed


def _close_process_group() -> None:
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    group = distributed.group.WORLD
    distributed.destroy_process_group()
    gc.collect()  # a runner and its hooks refer to each other
    # Last of all: Python's reference waits without the interpreter lock, which the threads may
    # need (pytorch pull request 154976).
    del group


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
