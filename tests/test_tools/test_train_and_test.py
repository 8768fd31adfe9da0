# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""train -> resume -> test of a shipped recipe, with one process and with two."""

import json
import os
import sys
from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from conftest import ROOT, SEAM, SMALL
from mmengine.device import utils as device_utils
from PIL import Image
from torch import distributed

THREADS = '/proc/self/task'


def small(voc_root, work_dir, *more):
    return ['--data-root', voc_root, '--work-dir', work_dir, '--cfg-options', *SMALL, *more]


def train_log(work_dir):
    """One dict per logged training step, the latest run last."""
    lines = []
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if 'loss' in line]


def metrics_in(work_dir):
    """The metrics that a test run wrote into its own folder."""
    (path,) = work_dir.glob('*/*.json')
    return {k: v for k, v in json.loads(path.read_text()).items() if 'time' not in k}


def test_train_resume_and_test(run_tool, voc_root, tmp_path):
    assert run_tool('train', SEAM, *small(voc_root, tmp_path)) == 0
    assert [line['step'] for line in train_log(tmp_path)] == [1, 2]
    assert {'loss_oc', 'oc_rate', 'decode.loss_ce'} <= train_log(tmp_path)[0].keys()

    more = small(voc_root, tmp_path, 'train_cfg.max_iters=3', 'train_cfg.val_interval=3')
    assert run_tool('train', SEAM, '--resume', *more) == 0
    assert [line['step'] for line in train_log(tmp_path)] == [1, 2, 3]

    scored = tmp_path / 'scored'
    outputs = ['--out', tmp_path / 'masks', '--show-dir', tmp_path / 'pictures']
    last = tmp_path / 'iter_3.pth'
    assert run_tool('test', SEAM, last, *outputs, *small(voc_root, scored)) == 0
    assert {'mIoU', 'aAcc', 'oc_rate'} <= metrics_in(scored).keys()
    val = (voc_root / 'ImageSets/Segmentation/val.txt').read_text().split()
    assert sorted(path.stem for path in (tmp_path / 'masks').iterdir()) == val
    assert len(list((tmp_path / 'pictures').rglob('*.png'))) == len(val)


def test_resume_takes_the_training_state_not_the_initial_weights(run_tool, voc_root, tmp_path):
    initial = tmp_path / 'initial.pth'
    torch.save({'decode_head.conv_seg.bias': torch.zeros(21)}, initial)
    config = tmp_path / 'mine.py'
    config.write_text(f'_base_ = {SEAM!r}\nload_from = {str(initial)!r}\n')
    work = tmp_path / 'work'
    assert run_tool('train', config, '--resume', *small(voc_root, work)) == 0
    more = small(voc_root, work, 'train_cfg.max_iters=3', 'train_cfg.val_interval=3')
    assert run_tool('train', config, '--resume', *more) == 0
    assert [line['step'] for line in train_log(work)] == [1, 2, 3]


def test_two_processes_train_resume_and_score(
    run_tool, run_process, voc_root, checkpoint, tmp_path
):
    """From scratch to a score with two processes all along; the score is that of one process."""
    before = set(os.listdir(ROOT))
    work = tmp_path / 'work'

    def distributed(script, *argv):
        done = run_process(ROOT / 'tools' / script, SEAM, *argv)
        assert done.returncode == 0, done.stderr[-3000:]

    # Steps so small that the weights keep predicting many classes.
    start = [f'load_from={checkpoint}', 'optim_wrapper.optimizer.lr=1e-9']
    distributed('dist_train.sh', 2, *small(voc_root, work, *start))
    assert [line['step'] for line in train_log(work)] == [1, 2]
    more = small(voc_root, work, *start[1:], 'train_cfg.max_iters=3', 'train_cfg.val_interval=9')
    distributed('dist_train.sh', 2, '--resume', *more)
    assert [line['step'] for line in train_log(work)] == [1, 2, 3]

    last = work / 'iter_3.pth'
    distributed('dist_test.sh', last, 2, *small(voc_root, tmp_path / 'two'))
    assert run_tool('test', SEAM, last, *small(voc_root, tmp_path / 'one')) == 0
    one, two = metrics_in(tmp_path / 'one'), metrics_in(tmp_path / 'two')
    assert one == two
    # Values that would not agree by accident.
    assert 1 < one['aAcc'] < 100 and 0 < one['oc_rate'] < 1
    assert '.dist_test' not in set(os.listdir(ROOT)) - before


@pytest.mark.skipif(not os.path.isdir(THREADS), reason='threads are told apart in /proc')
def test_the_threads_of_the_process_group_end_with_the_run(
    run_tool, voc_root, tmp_path, monkeypatch, free_port
):
    """One that is left can abort the process while the interpreter ends."""
    opened = set()

    def init_process_group(backend, init=distributed.init_process_group):
        before = set(os.listdir(THREADS))
        init(backend)
        opened.update(set(os.listdir(THREADS)) - before)

    monkeypatch.setattr(distributed, 'init_process_group', init_process_group)
    place = dict(RANK=0, WORLD_SIZE=1, MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port)
    for name, value in place.items():
        monkeypatch.setenv(name, str(value))
    options = ['--device', 'cpu', '--launcher', 'pytorch', *small(voc_root, tmp_path)]
    assert run_tool('train', SEAM, *options) == 0
    assert len(opened) > 1 and not distributed.is_initialized()
    # The one of gloo's device stays; it knows no tensors.
    assert len(opened & set(os.listdir(THREADS))) <= 1


def test_amp_on_a_cpu_where_mmengine_found_something_else(
    run_tool, voc_root, tmp_path, monkeypatch
):
    monkeypatch.setattr(device_utils, 'DEVICE', 'mps')
    assert run_tool('train', SEAM, '--amp', '--device', 'cpu', *small(voc_root, tmp_path)) == 0
    (dumped,) = tmp_path.glob('*/vis_data/config.py')
    assert "type='mmocr_wsss.AutocastOptimWrapper'" in dumped.read_text()
    losses = [line['loss'] for line in train_log(tmp_path)]
    assert len(losses) == 2 and np.isfinite(losses).all()


MINE = """
_base_ = __import__('mmocr_wsss').config_path('ocr/seam_r38_voc.py')
model = dict(loss_oc=dict(loss_weight=0.5))
"""


def test_config_elsewhere_through_our_tool(run_tool, voc_root, tmp_path):
    (tmp_path / 'mine.py').write_text(MINE)
    assert run_tool('train', tmp_path / 'mine.py', *small(voc_root, tmp_path / 'work')) == 0
    (dumped,) = (tmp_path / 'work').glob('*/vis_data/config.py')
    assert 'loss_weight=0.5' in dumped.read_text()


def test_config_elsewhere_through_the_hosts_tool(run_process, voc_root, tmp_path):
    tool = Path(mmseg.__file__).parent / '.mim' / 'tools' / 'train.py'
    (tmp_path / 'mine.py').write_text(MINE)
    roots = [
        'train_dataloader.dataset.dataset.data_root',
        'val_dataloader.dataset.dataset.data_root',
        'test_dataloader.dataset.dataset.data_root',
    ]
    options = ['--cfg-options', *SMALL, *(f'{key}={voc_root}' for key in roots)]
    done = run_process(sys.executable, tool, 'mine.py', *options)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line['step'] for line in train_log(tmp_path / 'work_dirs' / 'mine')] == [1, 2]


def test_tta_runs_on_the_wrapped_dataset(run_tool, voc_root, checkpoint, tmp_path):
    options = small(voc_root, tmp_path, 'tta_model.dense_crf=None')
    masks = ['--out', tmp_path / 'masks']
    assert run_tool('test', SEAM, checkpoint, '--tta', *masks, *options) == 0
    for path in (tmp_path / 'masks').iterdir():
        # mmseg writes the label map at the size of the photo.
        assert Image.open(path).size == Image.open(voc_root / f'JPEGImages/{path.stem}.jpg').size
    assert 'mIoU' in metrics_in(tmp_path)


def test_check_compares_with_expected_results(run_tool, voc_root, checkpoint, tmp_path, capsys):
    config = tmp_path / 'mine.py'
    for tolerance, code in ((100.0, 0), (1e-9, 1)):
        config.write_text(f"_base_ = {SEAM!r}\nexpected_results = [('mIoU', 99.0, {tolerance})]\n")
        work = tmp_path / str(tolerance)
        assert run_tool('test', config, checkpoint, '--check', *small(voc_root, work)) == code
    assert 'error: expected_results: mIoU is ' in capsys.readouterr().err
