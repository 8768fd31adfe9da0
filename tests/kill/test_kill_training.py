# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Training that is killed again and again ends with the bits of an undisturbed one.

    pytest -m slow tests/kill/test_kill_training.py

Every run is a set of processes of its own; SIGKILL goes to all of them, data workers included,
at moments drawn from a seed: while the program starts, between two checkpoints, and
while a checkpoint is written (its temporary file is there). Takes some minutes.
"""

import random
import time

import pytest
from exact_resume import differing, write_config
from killing import ToolRun

pytestmark = pytest.mark.slow

#: Iterations; one checkpoint every three.
LENGTH = 120
OPTIONS = [f'train_cfg.max_iters={LENGTH}', 'train_cfg.val_interval=20']


@pytest.fixture
def start(repo_root, voc_root, tmp_path):
    """Start a training in ``tmp_path/NAME``; whatever runs at the end of the test is killed."""
    config = write_config(tmp_path)
    started = []

    def run(name, *more, workers=0, processes=1):
        where = ['--data-root', voc_root, '--work-dir', tmp_path / name, '--device', 'cpu']
        options = [*OPTIONS, f'train_dataloader.num_workers={workers}']
        arguments = [config, *where, *more, '--cfg-options', *options]
        started.append(ToolRun(repo_root, 'train', tmp_path / f'{name}.log', arguments, processes))
        return started[-1]

    yield run
    for training in started:
        training.kill()


def temporary_files(work):
    return [path for path in work.glob('.*') if path.suffix == '.pth' or 'checkpoint' in path.name]


def last_checkpoint(work):
    path = work / 'last_checkpoint'
    return path.read_text() if path.exists() else ''


def await_moment(kind, rng, training, work):
    """Return at the moment to kill, or when the training has ended by itself."""

    def await_checkpoint(seconds=None):
        known = last_checkpoint(work)
        training.wait_for(lambda: last_checkpoint(work) != known, seconds)

    if kind == 'start':
        await_checkpoint(seconds=rng.uniform(0, 12))
        return
    for _ in range(rng.randint(1, 2)):
        await_checkpoint()
    if kind == 'between':
        await_checkpoint(seconds=rng.uniform(0, 0.5))
    else:
        before = set(temporary_files(work))
        training.wait_for(lambda: set(temporary_files(work)) - before)
        time.sleep(rng.choice([0, 0, 0.001, 0.003]))


@pytest.mark.parametrize(
    ('workers', 'processes', 'kills', 'seed'),
    [
        pytest.param(0, 1, 12, 0, id='no-workers'),
        pytest.param(2, 1, 12, 1, id='two-workers'),
        pytest.param(2, 2, 5, 2, id='two-processes'),
    ],
)
def test_killed_training_is_bit_equal(start, tmp_path, workers, processes, kills, seed):
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    assert start('whole', workers=workers, processes=processes).wait() == [0] * processes
    rng = random.Random(seed)
    kinds = ['writing', 'between', 'start', 'writing', 'between']
    half_written = 0
    for number in range(kills):
        training = start('killed', '--resume', workers=workers, processes=processes)
        kind = kinds[number % len(kinds)]
        known = set(temporary_files(killed))
        await_moment(kind, rng, training, killed)
        assert training.is_running(), f'run {number} ended before it could be killed'
        training.kill()
        temporary = set(temporary_files(killed))
        half_written += bool(temporary - known)
        at = last_checkpoint(killed).rpartition('/')[2]
        print(f'kill {number} ({kind}): {at}, {len(temporary)} temporary files')
    last = start('killed', '--resume', workers=workers, processes=processes)
    assert last.wait() == [0] * processes
    print(f'{kills} kills, {half_written} of them left a half-written file')
    name = f'iter_{LENGTH}.pth'
    assert differing(whole / name, killed / name) == []
    assert half_written > 0, 'no run was killed while it wrote'
    assert temporary_files(killed) == []
    kept = [{path.name for path in work.glob('iter_*.pth')} for work in (whole, killed)]
    assert kept[0] == kept[1] == {name, f'iter_{LENGTH - 3}.pth'}
