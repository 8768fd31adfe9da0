# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Options and messages: what a user gets wrong ends in one line and a non-zero exit."""

import contextlib
import os
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
from conftest import ROOT, SEAM, SMALL
from mmengine.config import Config

from mmocr_wsss.command_line import call
from mmocr_wsss.labels import foreground_classes

#: A config without expected_results.
SEGFORMER = ROOT / 'configs' / 'ocr' / 'segformer_mit-b0_voc.py'
#: Runs a tool as a command does, then tells which of the slow imports it made.
SLOW_IMPORTS = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
finally:
    print('imported:', sorted({'torch', 'mmengine', 'numpy'} & set(sys.modules)))
"""


@pytest.mark.parametrize('tool', ['train', 'test'])
@pytest.mark.parametrize(('options', 'code'), [(['-h'], 0), (['--launcher', 'wrong'], 2)])
def test_options_are_parsed_before_anything_slow_is_imported(run_process, tool, options, code):
    path = ROOT / 'tools' / f'{tool}.py'
    done = run_process(sys.executable, '-c', SLOW_IMPORTS, path, *options)
    assert done.returncode == code and 'imported: []' in done.stdout
    assert (f'python tools/{tool}.py configs/ocr/seam_r38_voc.py' in done.stdout) == (code == 0)


def example(tool):
    """Commands in the docstring of a tool, split as a shell does."""
    text = (ROOT / 'tools' / f'{tool}.py').read_text().split('"""')[1].replace('\\\n', ' ')
    return [shlex.split(line) for line in re.findall(r'(?:python )?tools/.*', text)]


def test_examples_fit_the_configs():
    cfg = Config.fromfile(SEAM)
    (train, distributed), (test, cams), (tags,) = map(example, ('train', 'test', 'prepare_tags'))
    for command in (train, distributed, test):
        assert 'configs/ocr/seam_r38_voc.py' in command
    assert 'configs/cam/seam_r38_voc.py' in cams
    for command in (train, distributed):
        assert command[command.index('--data-root') + 1] == cfg.data_root
    assert tags[3] == f'{cfg.data_root}/{cfg.train_dataloader.dataset.tags}'
    # The published batch.
    text = (ROOT / 'tools' / 'train.py').read_text()
    processes, images = int(distributed[2]), cfg.train_dataloader.batch_size
    assert processes * images == cfg.auto_scale_lr.base_batch_size
    assert f'{processes} processes x {images} images' in text


def test_work_dir_tells_the_baseline_from_its_twin(run_tool, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmocr_wsss.engine.launch.training_in', contextlib.nullcontext)
    folders = {}
    for kind in ('segmentation', 'ocr'):
        path = ROOT / 'configs' / kind / 'seam_r38_voc.py'
        monkeypatch.setattr(
            'mmocr_wsss.engine.launch.build_runner',
            lambda cfg, launcher, kind=kind: folders.update({kind: cfg.work_dir}) or Nothing(),
        )
        assert run_tool('train', path, '--cfg-options', 'model.backbone.init_cfg=None') == 0
    assert folders == {kind: f'work_dirs/{kind}/seam_r38_voc' for kind in folders}
    # Also where the path has no folder, and as the example of the other tool says.
    monkeypatch.chdir(path.parent)
    assert run_tool('train', path.name, '--cfg-options', 'model.backbone.init_cfg=None') == 0
    assert folders['ocr'] == 'work_dirs/ocr/seam_r38_voc'
    assert example('test')[0][3].startswith(folders['ocr'] + '/')
    config = ['--cfg-options', 'model.backbone.init_cfg=None', 'work_dir=mine']
    assert run_tool('train', path, *config) == 0 and folders['ocr'] == 'mine'
    assert run_tool('train', path, '--work-dir', 'yours', *config) == 0
    assert folders['ocr'] == 'yours'


class Nothing:
    """Stands in for a runner."""

    hooks = ()

    def register_hook(self, *_):
        pass

    def train(self):
        pass


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ([], True),
        (['train_dataloader.batch_size=10'], False),
        (['optim_wrapper.accumulative_counts=2'], False),
        (['auto_scale_lr.enable=True'], False),
    ],
)
def test_another_batch_than_the_schedule_belongs_to_is_said(
    run_tool, monkeypatch, tmp_path, options, said
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmocr_wsss.engine.launch.build_runner', lambda *_: Nothing())
    texts = []
    monkeypatch.setattr('mmocr_wsss.engine.launch.print_log', lambda text, *_: texts.append(text))
    options = ['--cfg-options', 'model.backbone.init_cfg=None', *options]
    assert run_tool('train', ROOT / 'configs' / 'ocr' / 'seam_r38_voc.py', *options) == 0
    warnings = [text for text in texts if 'images per update' in text]
    assert len(warnings) == said
    if said:
        assert warnings[0].startswith('1 process(es) x 5 images per update')
        assert 'with 2 process(es)' in warnings[0]
        assert '--cfg-options train_dataloader.batch_size=10' in warnings[0]


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
        (['test', SEGFORMER, __file__, '--check'], 'has no expected_results'),
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
