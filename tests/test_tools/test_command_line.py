# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Options and messages: what a user gets wrong ends in one line and a non-zero exit."""

import os
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import ROOT, SEAM, SMALL

from mmocr_wsss.command_line import call
from mmocr_wsss.labels import foreground_classes


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_help_is_quick_and_shows_a_command(run_process, tool):
    start = time.perf_counter()
    done = run_process(sys.executable, ROOT / 'tools' / f'{tool}.py', '-h')
    assert done.returncode == 0
    assert f'python tools/{tool}.py configs/ocr/seam_r38_voc.py' in done.stdout
    # Importing torch alone takes longer.
    assert time.perf_counter() - start < 1.5


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh'])
def test_scripts_say_how_to_use_them(run_process, script):
    done = run_process(ROOT / 'tools' / script)
    assert done.returncode == 2 and f'Usage: tools/{script} ' in done.stderr


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['train', 'gone.py'], "there is no config 'gone.py'"),
        (['test', SEAM, 'gone.pth'], "checkpoint: there is no checkpoint 'gone.pth'"),
        (['train', SEAM, '--data-root', 'gone'], "--data-root: there is no folder 'gone'"),
        (['train', SEAM, '--cfg-options', 'max_iters'], 'takes KEY=VALUE, got ['),
        (['test', SEAM, __file__, '--check'], '--check: '),
        (
            ['train', SEAM, '--cfg-options', *SMALL, 'load_from=gone.pth'],
            "load_from: there is no checkpoint 'gone.pth'",
        ),
        (
            ['train', SEAM, '--cfg-options', 'model.backbone.init_cfg.checkpoint=gone.pth'],
            "model.backbone.init_cfg.checkpoint: there is no checkpoint 'gone.pth'",
        ),
        (
            ['train', SEAM, '--launcher', 'slurm', '--cfg-options', *SMALL],
            '--launcher slurm needs a GPU',
        ),
    ],
)
def test_what_is_missing_is_said_in_one_line(run_tool, capsys, monkeypatch, argv, message):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert run_tool(*argv) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('error: ') and message in error


def test_missing_id_list_is_said_in_one_line(run_tool, capsys, tmp_path):
    for folder in ('JPEGImages', 'pseudo_masks'):
        (tmp_path / folder).mkdir()
    options = ['--data-root', tmp_path, '--work-dir', tmp_path / 'work', '--cfg-options', *SMALL]
    assert run_tool('train', SEAM, *options) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('error: ') and 'train_aug.txt' in error


def test_refused_checkpoint_is_said_in_one_line(run_tool, capsys, voc_root, tmp_path):
    bad = tmp_path / 'bad.pth'
    torch.save(dict(state_dict=os.mkdir), bad)
    options = ['--data-root', voc_root, '--work-dir', tmp_path, '--cfg-options', *SMALL]
    assert run_tool('test', SEAM, bad, *options) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('error: ') and 'bad.pth is refused' in error


def test_cuda_asked_for_and_absent(run_tool, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert run_tool('train', SEAM, '--device', 'cuda') == 1
    assert 'error: --device cuda: torch finds no usable GPU' in capsys.readouterr().err


def test_cpu_hides_the_gpu_before_torch_is_imported(run_process):
    code = (
        'import argparse, os, sys; from mmocr_wsss.command_line import prepare_environment; '
        'prepare_environment(argparse.Namespace(device="cpu", local_rank=3)); '
        'env = os.environ; '
        'print(env["CUDA_VISIBLE_DEVICES"], env["LOCAL_RANK"], "torch" in sys.modules)'
    )
    done = run_process(sys.executable, '-c', code, CUDA_VISIBLE_DEVICES='0')
    assert done.stdout.split() == ['-1', '3', 'False']


def test_only_our_own_errors_lose_their_stack_trace(capsys):
    assert call(lambda: 3) == 3
    assert call(lambda: None) == 0
    assert call(lambda: foreground_classes('voc99')) == 1
    assert "error: classes='voc99' must be one of" in capsys.readouterr().err
    with pytest.raises(ValueError, match='invalid literal'):
        call(lambda: int('x'))

    def raised_anew():
        try:
            foreground_classes([])
        except ValueError as error:
            raise type(error)(f'class `D` in registry: {error}') from None

    assert call(raised_anew) == 1
    assert 'error: class `D` in registry: classes must list' in capsys.readouterr().err

    assert call(lambda: Path('/nowhere/file.txt').read_text()) == 1
    assert capsys.readouterr().err == "error: there is no file '/nowhere/file.txt'\n"
