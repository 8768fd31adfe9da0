# Copyright (c) mmocr_wsss contributors. All rights reserved.
import pytest
from mmengine.config import Config

from mmocr_wsss.engine import cpu_processes
from mmocr_wsss.engine.cpu_processes import start_cpu_processes


@pytest.fixture
def opened(monkeypatch):
    """Backends asked for; no group is opened."""
    backends = []
    monkeypatch.setattr(
        cpu_processes.distributed, 'init_process_group', lambda backend: backends.append(backend)
    )
    return backends


def config(**more):
    norm = dict(type='SyncBN', requires_grad=True)
    return Config(
        dict(model=dict(norm=norm, heads=[dict(norm=dict(norm)), dict(type='X')]), **more)
    )


def test_sync_bn_becomes_bn_and_its_buffers_are_averaged(opened):
    cfg = config(custom_hooks=[dict(type='Mine')], find_unused_parameters=True)
    start_cpu_processes(cfg, 'pytorch')
    assert opened == ['gloo']
    assert cfg.model.norm == cfg.model.heads[0].norm == dict(type='BN', requires_grad=True)
    assert [hook.type for hook in cfg.custom_hooks] == ['Mine', 'SyncBuffersHook']
    assert cfg.model_wrapper_cfg == dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=True,
        device_ids=None,
    )


def test_a_config_keeps_its_own_wrapper_and_hook(opened):
    cfg = config(
        custom_hooks=[dict(type='SyncBuffersHook')],
        model_wrapper_cfg=dict(type='Mine', device_ids=[0]),
    )
    start_cpu_processes(cfg, 'pytorch')
    assert cfg.model_wrapper_cfg == dict(type='Mine', device_ids=None)
    assert len(cfg.custom_hooks) == 1


def test_one_process_changes_nothing(opened):
    cfg = config()
    start_cpu_processes(cfg, 'none')
    assert not opened and cfg.model.norm.type == 'SyncBN'
    assert 'model_wrapper_cfg' not in cfg


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_other_launchers_need_a_gpu(opened, launcher):
    with pytest.raises(ValueError, match=f'{launcher} needs a GPU.*dist_train.sh'):
        start_cpu_processes(config(), launcher)
    assert not opened
