# Copyright (c) mmocr_wsss contributors. All rights reserved.
import os

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader

from mmocr_wsss.engine import safe_checkpoint
from mmocr_wsss.engine.safe_checkpoint import (
    FORCE_SAFE_MODE,
    check_initial_weights,
    guard_checkpoints,
    load_from_file,
)


class Attack:
    """Creates the file ``path`` when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


class Reach:
    """Asks for an attribute that leads out of the allowed classes."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


@pytest.fixture
def guarded(monkeypatch):
    """The guard for the length of one test."""
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    monkeypatch.setenv(FORCE_SAFE_MODE, '0')
    guard_checkpoints()


def test_training_state_of_mmengine_survives(tmp_path):
    hub = MessageHub.get_instance('test_safe_checkpoint')
    for step in (0.5, 0.25):
        hub.update_scalar('train/loss', step)
    hub.update_info('iter', 2)
    hub.update_info('numpy', np.float64(1.5))
    saved = dict(
        state_dict=dict(weight=torch.arange(3.0)),
        message_hub=hub.state_dict(),
        meta=dict(iter=2, config='raise SystemExit', cfg='kept', names=('a', 'b')),
    )
    torch.save(saved, tmp_path / 'own.pth')
    loaded = load_from_file(str(tmp_path / 'own.pth'), 'cpu')
    assert loaded['state_dict']['weight'].tolist() == [0, 1, 2]
    history = loaded['message_hub']['log_scalars']['train/loss']
    assert history.data[0].tolist() == [0.5, 0.25] and history.mean() == 0.375
    # MMEngine executes meta['config'] on resume.
    assert loaded['meta'] == dict(iter=2, cfg='kept', names=('a', 'b'))


@pytest.mark.parametrize('key', ['state_dict', 'meta', 'message_hub'])
def test_code_is_refused_and_not_run(tmp_path, guarded, key):
    torch.save({key: Attack(tmp_path / 'ran')}, tmp_path / 'bad.pth')
    with pytest.raises(ValueError, match=r'bad.pth is refused.*asks for posix.mkdir'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'bad.pth'))
    assert not (tmp_path / 'ran').exists()


def test_every_other_reader_is_held_to_the_safe_mode(tmp_path, guarded):
    torch.save(Attack(tmp_path / 'ran'), tmp_path / 'bad.pth')
    with pytest.raises(Exception, match='mkdir'):  # this reader asks for full unpickling
        torch.hub.load_state_dict_from_url((tmp_path / 'bad.pth').as_uri(), tmp_path / 'cache')
    assert not (tmp_path / 'ran').exists()


def test_getattr_is_limited_to_the_statistics(tmp_path):
    torch.save(Reach(), tmp_path / 'reach.pth')
    with pytest.raises(ValueError, match="refused.*attribute '__init__'"):
        load_from_file(str(tmp_path / 'reach.pth'))


def test_allow_list_ends_with_the_load(tmp_path):
    torch.save(dict(weight=torch.zeros(1)), tmp_path / 'a.pth')
    load_from_file(str(tmp_path / 'a.pth'))
    assert not {HistoryBuffer, safe_checkpoint._statistic} & set(
        torch.serialization.get_safe_globals()
    )


@pytest.mark.parametrize('content', [b'', b'not a checkpoint', b'PK\x03\x04 cut off'])
def test_a_file_that_is_no_checkpoint(tmp_path, content):
    (tmp_path / 'x.pth').write_bytes(content)
    with pytest.raises(ValueError, match='x.pth is refused.*cannot be read as a checkpoint'):
        load_from_file(str(tmp_path / 'x.pth'))


@pytest.mark.parametrize(
    ('version', 'old'), [('2.5.1+cpu', True), ('1.13.1', True), ('2.6.0', False), ('2.10.0', False)]
)
def test_a_torch_without_a_safe_mode_is_refused_at_the_start(tmp_path, monkeypatch, version, old):
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    monkeypatch.setenv(FORCE_SAFE_MODE, '0')
    torch.save(dict(weight=torch.zeros(1)), tmp_path / 'a.pth')
    monkeypatch.setattr(torch, '__version__', version)
    for read in (guard_checkpoints, lambda: load_from_file(str(tmp_path / 'a.pth'))):
        if old:
            with pytest.raises(ValueError, match=rf'needs torch >= 2.6, found {version[:5]}'):
                read()
        else:
            read()


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no checkpoint '.*gone.pth'"):
        load_from_file(str(tmp_path / 'gone.pth'))
    model = dict(heads=[dict(init_cfg=[dict(type='Pretrained', checkpoint='gone.pth')])])
    with pytest.raises(
        FileNotFoundError,
        match=r"^model.heads.0.init_cfg.0.checkpoint: .*'gone.pth'.*init_cfg.0=None",
    ):
        check_initial_weights(model)
    model['heads'][0]['init_cfg'][0]['checkpoint'] = 'torchvision://resnet50'
    check_initial_weights(model)
