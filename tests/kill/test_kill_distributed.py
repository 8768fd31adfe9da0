# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Two processes of torch.distributed.run: all end, with a message and a checkpoint to go on from.

pytest -m slow tests/kill/test_kill_distributed.py
"""

import os
import signal
import subprocess
import sys
import time

import pytest
from killing import PATIENCE, free_port
from small_recipe import SMALL

pytestmark = pytest.mark.slow


@pytest.fixture
def train(repo_root, voc_root, tmp_path):
    """Start tools/dist_train.sh with two processes; gives it and its log."""
    started = []

    def run(settings, *more):
        base = repo_root / 'configs' / 'ocr' / 'seam_r38_voc.py'
        config = tmp_path / 'mine.py'
        text = f"_base_ = {str(base)!r}\ncustom_imports = dict(imports=['fault_parts'])\n"
        config.write_text(text + settings)
        env = os.environ | {
            'PYTHONPATH': f'{repo_root}:{repo_root / "tests"}',
            'PYTHON': sys.executable,
            'OMP_NUM_THREADS': '1',
            'CUDA_VISIBLE_DEVICES': '-1',
            'PORT': str(free_port()),
        }
        log = tmp_path / 'log.txt'
        command = [
            repo_root / 'tools' / 'dist_train.sh', config, 2, '--data-root', voc_root,
            '--work-dir', tmp_path / 'work', '--cfg-options', *SMALL,
            'default_hooks.checkpoint.interval=1', 'train_cfg.val_interval=10000', *more,
        ]  # fmt: skip
        with log.open('w') as file:
            started.append(
                subprocess.Popen(
                    [str(part) for part in command], cwd=tmp_path, env=env, stdout=file,
                    stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                )
            )  # fmt: skip
        return started[-1], log

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_loss_that_is_nan_ends_all(train, tmp_path):
    process, log = train("default_hooks = dict(poison=dict(type='PoisonAt', step=3, rank=1))",
                         'train_cfg.max_iters=100')  # fmt: skip
    assert process.wait(PATIENCE) == 1
    text = log.read_text()
    assert 'error: iteration 3: every loss must be finite, got loss=nan' in text
    assert 'JPEGImages/2007_' in text and 'iter_2.pth' in text
    assert not (tmp_path / 'work' / 'iter_4.pth').exists()


def test_sigterm_ends_all_and_says_how_to_go_on(train, tmp_path):
    process, log = train('', 'train_cfg.max_iters=100000')
    end = time.monotonic() + PATIENCE
    while not (tmp_path / 'work' / 'last_checkpoint').exists():
        assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert process.wait(PATIENCE) != 0
    print(f'ended after {time.monotonic() - started:.1f} s')
    text = log.read_text()
    assert text.count('stopped by SIGTERM; the last checkpoint is ') == 1, text[-3000:]
    assert 'To go on: the same command with --resume' in text
