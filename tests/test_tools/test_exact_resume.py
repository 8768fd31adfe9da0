# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A training that was stopped and resumed ends with the bits of an undisturbed one.

The stop is a raised error here; processes are killed in ``tests/kill``.
"""

import pytest
from exact_resume import differing, write_config
from mmengine.config import Config
from mmengine.hooks import CheckpointHook

from mmocr_wsss.datasets.transforms import SeedTransforms
from mmocr_wsss.engine import AtomicCheckpointHook, IterationSeedHook


class Stopped(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def stop_at(monkeypatch):
    """Make the training end before an iteration (None: run through)."""
    moment = [None]
    host_hook = CheckpointHook.before_train_iter

    def step(self, runner, *args, **kwargs):
        if runner.iter == moment[0]:
            raise Stopped
        host_hook(self, runner, *args, **kwargs)

    monkeypatch.setattr(AtomicCheckpointHook, 'before_train_iter', step)
    return lambda iteration: moment.__setitem__(0, iteration)


@pytest.fixture
def train(run_tool, voc_root, tmp_path, monkeypatch):
    config = write_config(tmp_path)
    # Every checkpoint holds the config; formatting it nicely is half the time of such short runs.
    monkeypatch.setattr(Config, 'pretty_text', Config.text)

    def run(name, *more, options=()):
        work = tmp_path / name
        where = ['--data-root', voc_root, '--work-dir', work, '--device', 'cpu', *more]
        chosen = ['--cfg-options', *options] if options else []
        assert run_tool('train', config, *where, *chosen) == 0
        return work

    return run


def interrupted(train, stop_at, *moments):
    """Train with a stop before each iteration of ``moments``, every other time with workers."""
    for number, moment in enumerate((*moments, None)):
        options = [f'train_dataloader.num_workers={2 * (number % 2)}']
        stop_at(moment)
        if moment is None:
            return train('stopped', '--resume', options=options)
        with pytest.raises(Stopped):
            train('stopped', '--resume', options=options)


def test_resumed_training_is_bit_equal(train, stop_at):
    whole = train('whole')
    # Before the first checkpoint, between two, right behind one.
    stopped = interrupted(train, stop_at, 2, 5, 6)
    assert differing(whole / 'iter_8.pth', stopped / 'iter_8.pth') == []
    files = [sorted(path.name for path in work.glob('*.pth')) for work in (whole, stopped)]
    assert files[0] == files[1]
    assert {'iter_8.pth', 'iter_6.pth'} <= set(files[0]) and 'iter_3.pth' not in files[0]
    # The comparison can tell two trainings apart.
    assert len(differing(whole / 'iter_6.pth', whole / 'iter_8.pth')) > 100


@pytest.mark.parametrize('missing', ['before_train_iter', 'transform'])
def test_both_seeds_are_needed(train, stop_at, monkeypatch, missing):
    if missing == 'transform':
        monkeypatch.setattr(SeedTransforms, 'transform', lambda self, results: results)
    else:
        monkeypatch.setattr(IterationSeedHook, missing, lambda *args, **kwargs: None)
    whole = train('whole')
    stopped = interrupted(train, stop_at, 7)
    assert len(differing(whole / 'iter_8.pth', stopped / 'iter_8.pth')) > 50


def test_another_seed_is_refused(train, stop_at, capsys):
    stop_at(4)
    with pytest.raises(Stopped):
        train('stopped')
    with pytest.raises(AssertionError):
        train('stopped', '--resume', options=['randomness.seed=5'])
    error = capsys.readouterr().err
    assert 'the checkpoint was trained with the seed 0, this run shuffles with 5' in error
    assert '--cfg-options randomness.seed=0' in error
