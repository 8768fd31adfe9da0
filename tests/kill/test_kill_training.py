# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Training that is killed again and again ends with the bits of an undisturbed one.

    pytest -m slow tests/kill/test_kill_training.py

Every run is a set of processes of its own; SIGKILL goes to all of them, data workers included,
at moments drawn from a seed: while the program starts, between two checkpoints, and
while a checkpoint is written (its temporary file is there). Takes some minutes.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest
from exact_resume import differing, write_config

pytestmark = pytest.mark.slow

#: Iterations; one checkpoint every three.
LENGTH = 120
OPTIONS = [f'train_cfg.max_iters={LENGTH}', 'train_cfg.val_interval=20']
#: Seconds after which a run is taken for stuck.
PATIENCE = 300


class Training:
    """The processes of one run of ``tools/train.py``."""

    def __init__(self, repo_root, log, arguments, processes):
        command = [sys.executable, repo_root / 'tools' / 'train.py', *arguments]
        if processes > 1:
            command += ['--launcher', 'pytorch']
        shared = os.environ | {
            'PYTHONPATH': str(repo_root),
            'OMP_NUM_THREADS': '1',
            'CUDA_VISIBLE_DEVICES': '-1',
            'MASTER_ADDR': '127.0.0.1',
            'MASTER_PORT': str(free_port()),
            'WORLD_SIZE': str(processes),
        }
        self.log = log.open('a')
        self.processes = [
            subprocess.Popen(
                [str(part) for part in command],
                cwd=log.parent,
                env=shared | {'RANK': str(rank), 'LOCAL_RANK': str(rank)},
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for rank in range(processes)
        ]

    def is_running(self):
        return all(process.poll() is None for process in self.processes)

    def wait(self):
        return [process.wait(PATIENCE) for process in self.processes]

    def kill(self):
        """SIGKILL to each process and its data workers; they share its session."""
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                assert process.poll() is not None
        self.wait()
        self.log.close()


def free_port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


@pytest.fixture
def start(repo_root, voc_root, tmp_path):
    """Start a training in ``tmp_path/NAME``; whatever runs at the end of the test is killed."""
    config = write_config(tmp_path)
    started = []

    def run(name, *more, workers=0, processes=1):
        where = ['--data-root', voc_root, '--work-dir', tmp_path / name, '--device', 'cpu']
        options = [*OPTIONS, f'train_dataloader.num_workers={workers}']
        arguments = [config, *where, *more, '--cfg-options', *options]
        started.append(Training(repo_root, tmp_path / f'{name}.log', arguments, processes))
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
    deadline = time.monotonic() + PATIENCE

    def wait_for(condition):
        while not condition() and training.is_running():
            assert time.monotonic() < deadline, 'the training is stuck'
            time.sleep(0.0003)

    if kind == 'start':
        time.sleep(rng.uniform(0, 12))
        return
    for _ in range(rng.randint(1, 2)):
        known = last_checkpoint(work)
        wait_for(lambda known=known: last_checkpoint(work) != known)
    if kind == 'between':
        time.sleep(rng.uniform(0, 0.5))
    else:
        before = set(temporary_files(work))
        wait_for(lambda: set(temporary_files(work)) - before)
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
        await_moment(kinds[number % len(kinds)], rng, training, killed)
        assert training.is_running(), f'run {number} ended before it could be killed'
        training.kill()
        half_written += bool(temporary_files(killed))
        print(f'kill {number}: {last_checkpoint(killed)}, {temporary_files(killed)}')
    last = start('killed', '--resume', workers=workers, processes=processes)
    assert last.wait() == [0] * processes
    name = f'iter_{LENGTH}.pth'
    assert differing(whole / name, killed / name) == []
    assert half_written > 0, 'no run was killed while it wrote'
    assert temporary_files(killed) == []
    kept = [{path.name for path in work.glob('iter_*.pth')} for work in (whole, killed)]
    assert kept[0] == kept[1] == {name, f'iter_{LENGTH - 3}.pth'}
