# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""At every moment there is a whole checkpoint to resume from, and nothing is left behind."""

import os
import uuid

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import CheckpointHook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from torch import nn
from torch.utils.data import Dataset

from mmocr_wsss.engine import atomic_checkpoint_hook
from mmocr_wsss.engine.atomic_checkpoint_hook import AtomicCheckpointHook, AtomicLocalBackend
from mmocr_wsss.engine.latest_checkpoint import latest_checkpoint
from mmocr_wsss.engine.safe_checkpoint import load_from_file


class Killed(BaseException):
    """Stands for the end of the process."""


class Numbers(Dataset):
    metainfo = {'classes': ('a',)}

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {'inputs': torch.full((2,), float(index))}


class Line(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)
        for parameter in self.layer.parameters():
            nn.init.constant_(parameter, 0.5)

    def forward(self, inputs, mode='tensor'):
        value = self.layer(torch.stack(inputs))
        return {'loss': value.square().mean()} if mode == 'loss' else list(value)


class Steps(BaseMetric):
    """A score that gets better with every validation."""

    default_prefix = 'line'

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {'acc': float(Steps.runner.iter)}


def train(work, kind='mmocr_wsss.AtomicCheckpointHook', resume=False, iterations=5, keep=2, **hook):
    Visualizer._instance_dict.clear()
    loader = dict(batch_size=2, num_workers=0)
    cfg = dict(
        default_scope='mmengine',
        work_dir=str(work),
        randomness=dict(seed=0),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=2),
        val_cfg=dict(),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
        default_hooks=dict(
            checkpoint=dict(
                type=kind, by_epoch=False, interval=1, max_keep_ckpts=keep, save_best='line/acc',
                **hook,
            )
        ),
        log_level='ERROR',
        # MMEngine shares its messages between runs of one name, by default the second.
        experiment_name=uuid.uuid4().hex,
        resume=resume,
    )  # fmt: skip
    runner = Runner(
        model=Line(),
        train_dataloader=dict(
            dataset=Numbers(), sampler=dict(type='InfiniteSampler', shuffle=True), **loader
        ),
        val_dataloader=dict(
            dataset=Numbers(), sampler=dict(type='DefaultSampler', shuffle=False), **loader
        ),
        val_evaluator=[Steps()],
        cfg=Config(cfg, format_python_code=False),
        **{key: value for key, value in cfg.items() if key != 'default_scope'},
        default_scope='mmengine',
    )
    Steps.runner = runner
    runner.train()
    return runner


def files(work):
    return sorted(
        path.name for path in work.iterdir() if 'pth' in path.name or 'checkpoint' in path.name
    )


def weights(work, name='iter_5.pth'):
    return load_from_file(str(work / name))['state_dict']


def die_at(monkeypatch, moment):
    """The process ends instead of its ``moment``-th renaming or removal of a file."""
    count = [0]

    def dying(original):
        def step(*args, **kwargs):
            if os.fspath(args[-1]).endswith(('.pth', 'last_checkpoint')):
                count[0] += 1
                if count[0] == moment:
                    raise Killed
            return original(*args, **kwargs)

        return step

    for name in ('replace', 'remove'):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    work = tmp_path_factory.mktemp('whole')
    train(work)
    return work


def test_files_and_messages_are_those_of_the_stock_hook(whole, tmp_path):
    train(tmp_path, kind='CheckpointHook')
    best = 'best_line_acc_iter_5.pth'
    assert files(whole) == files(tmp_path) == [best, 'iter_4.pth', 'iter_5.pth', 'last_checkpoint']
    assert (whole / 'last_checkpoint').read_text() == str(whole / 'iter_5.pth')
    ours, stock = (
        load_from_file(str(work / 'iter_5.pth'))['message_hub']['runtime_info']
        for work in (whole, tmp_path)
    )
    assert ours.keys() == stock.keys()
    assert ours['best_score'] == stock['best_score'] == 5.0
    assert ours['keep_ckpt_ids'] == stock['keep_ckpt_ids'] == [4, 5]


@pytest.mark.parametrize('moment', range(1, 27))
def test_a_kill_at_any_step_leaves_a_whole_checkpoint(whole, tmp_path, monkeypatch, moment):
    with monkeypatch.context() as patch:
        die_at(patch, moment)
        try:
            train(tmp_path, keep=1)
        except Killed:
            pass
        else:
            assert moment == 26, 'the 25 steps of five saves are all tried'
    last = latest_checkpoint(str(tmp_path))
    if last is not None:
        assert (tmp_path / 'last_checkpoint').read_text() == last
        best = load_from_file(last)['message_hub']['runtime_info'].get('best_ckpt')
        assert best is None or os.path.isfile(best)
    train(tmp_path, resume=True, keep=1)
    assert all(torch.equal(a, weights(whole)[key]) for key, a in weights(tmp_path).items())
    kept = [name for name in files(tmp_path) if not name.startswith('best_')]
    assert kept == ['iter_5.pth', 'last_checkpoint']


def test_the_stock_hook_needs_replacing(tmp_path, monkeypatch):
    # It removes the oldest checkpoint before it writes the new one.
    removed = []
    monkeypatch.setattr(os, 'remove', lambda path: removed.append(sorted(os.listdir(tmp_path))))
    train(tmp_path, kind='CheckpointHook', iterations=3)
    assert 'iter_3.pth' not in removed[0]
    assert not issubclass(CheckpointHook, AtomicCheckpointHook)


def test_leftovers_of_a_killed_process_are_cleared_and_nothing_else(tmp_path):
    ours = [f'.iter_9.{"0a" * 16}.pth', f'.last_checkpoint.{"f1" * 16}']
    others = ['.iter_9.pth', '.hidden', f'iter_7.{"0a" * 16}.pth', 'notes.txt']
    for name in (*ours, *others):
        (tmp_path / name).write_text('x')
    train(tmp_path, iterations=1)
    assert set(others) <= set(os.listdir(tmp_path))
    assert not set(ours) & set(os.listdir(tmp_path))


def test_checkpoints_may_lie_elsewhere_or_go_through_another_backend(tmp_path):
    work, out = tmp_path / 'work', tmp_path / 'out'
    runner = train(work, out_dir=str(out))
    assert sorted(os.listdir(out / 'work')) == [
        'best_line_acc_iter_5.pth', 'iter_4.pth', 'iter_5.pth',
    ]  # fmt: skip
    assert (work / 'last_checkpoint').read_text() == str(out / 'work' / 'iter_5.pth')
    (hook,) = (hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook))
    assert type(hook.file_backend) is AtomicLocalBackend
    runner = train(tmp_path / 'other', backend_args=dict(backend='local'))
    (hook,) = (hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook))
    assert hook.backend_args == dict(backend='local')
    assert files(tmp_path / 'other')[1:3] == ['iter_4.pth', 'iter_5.pth']


def test_every_process_takes_the_buffers_that_are_saved(tmp_path, monkeypatch):
    sent = []
    monkeypatch.setattr(atomic_checkpoint_hook, 'broadcast', sent.append)
    monkeypatch.setattr(Line, 'buffers', lambda self: iter(['first', 'second']))
    train(tmp_path, iterations=1)
    assert sent[:2] == ['first', 'second']


def test_backend_removes_after_the_block_or_not_at_all(tmp_path):
    backend = AtomicLocalBackend()
    backend.put_text('old', tmp_path / 'a')
    with pytest.raises(Killed), backend.removing_last():
        backend.remove(tmp_path / 'a')
        raise Killed
    assert (tmp_path / 'a').read_text() == 'old'
    with backend.removing_last():
        backend.remove(tmp_path / 'a')
        backend.put(b'new', tmp_path / 'folder' / 'b')
        assert (tmp_path / 'a').exists()
    assert not (tmp_path / 'a').exists()
    backend.remove(tmp_path / 'folder' / 'b')
    assert os.listdir(tmp_path / 'folder') == []
