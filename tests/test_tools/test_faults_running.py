# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What goes wrong while a tool runs: numbers, signals, disks, memory, ports, other processes."""

import errno
import os
import re
import socket
import subprocess
import sys

import pytest
import torch
from conftest import ROOT
from exact_resume import differing, write_config
from fault_cases import Fault, check_message

from mmocr_wsss import artifacts
from mmocr_wsss.stages.process_pool import map_chunks

TRAIN = 'train {seam} --data-root {root} --work-dir {work} --cfg-options {small} '
MINE = 'train {mine} --data-root {root} --work-dir {work} --cfg-options {small} '
OFTEN = 'default_hooks.checkpoint.interval=1 '
PIPELINE = 'train_dataloader.dataset.dataset.pipeline'
TEST = (
    'test {seam} {weights} --data-root {root} --work-dir {work} --out {out} --cfg-options {small}'
)
PREDICT = 'predict {seam} {weights} {photo} --out {out} --cfg-options {model}'
REPORT = (
    'analysis/oc_report {seam} {weights} --data-root {root} --work-dir {work} --out {out}.html '
    '--cfg-options {small}'
)
SHIFT = (
    'analysis/background_shift {seam} --group a {weights} --data-root {root} --work-dir {work} '
    '--out {out}.json --cfg-options {small}'
)

#: A writer of files, its command.
WRITERS = [
    ('test', TEST),
    ('predict', PREDICT),
    ('labels', 'make_affinity_labels {cams} --images {photos} --out {out}'),
    ('masks', 'make_pseudo_masks {cams} {out}'),
    ('npy', 'convert_cams {cams} {out} --to npy'),
    ('pictures', 'analysis/show_cams {cams} --images {photos} --out {out}'),
    ('samples', 'analysis/browse_dataset {seam} --data-root {root} --out {out} --number 1'),
    ('scores', 'analysis/evaluate_cams {cams} --masks {true} --out {out}.json'),
    ('report', REPORT),
    ('shift', SHIFT),
    ('tags', 'prepare_tags {tags} {out}.json --classes voc'),
    ('own', 'dataset_converters/from_tags {photos} --out {out} --classes {classes} --tags {tags}'),
    ('onnx', 'model_converters/export_onnx {seam} {weights} {out}.onnx --size 64 64 '
             '--cfg-options {model}'),
]  # fmt: skip


def parts(text):
    """The config ``mine.py`` with parts of ``fault_parts``."""

    def spoil(world):
        base = f"_base_ = {str(world['seam'])!r}\ncustom_imports = dict(imports=['fault_parts'])\n"
        world['mine'].write_text(base + text)

    return spoil


def below_a_file(world):
    """Nobody can make a folder there, not even root."""
    blocked = world['folder'] / 'blocked'
    blocked.write_text('')
    world['out'] = blocked / 'out'


def taken(world):
    """A training of another process is in the work folder until the test ends."""
    world['work'].mkdir()
    code = (
        'import sys; from mmocr_wsss.engine.work_folder import training_in\n'
        f'with training_in({str(world["work"])!r}): print("here", flush=True); sys.stdin.read()'
    )
    command = [sys.executable, '-c', code]
    pipe = subprocess.PIPE
    world['other'] = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert world['other'].stdout.readline() == 'here\n'


POISON = parts("default_hooks = dict(poison=dict(type='PoisonAt', step=2))")
DECLARED = parts('')
FAULTS = [
    Fault(
        'loss is NaN',
        MINE + OFTEN,
        ('iteration 2: every loss must be finite, got loss=nan', 'JPEGImages/2007_', 'iter_1.pth',
         'kept', '--resume', 'optim_wrapper.optimizer.lr'),
        POISON,
    ),
    Fault(
        'loss is NaN, no checkpoint yet',
        MINE,
        ('iteration 2: every loss must be finite', 'No checkpoint has been written yet'),
        POISON,
    ),
    Fault(
        'weights are not finite',
        TRAIN + OFTEN + 'optim_wrapper.optimizer.lr=1e30',
        ('iteration 2: weights must be finite to be saved', 'iter_1.pth', 'lower learning rate'),
    ),
    Fault(
        'data worker killed',
        MINE + 'train_dataloader.num_workers=1 ' + PIPELINE + '.3.type=DieInWorker',
        ('DataLoader worker (pid', 'memory', 'train_dataloader.num_workers=0'),
        DECLARED,
    ),
    Fault(
        'our own error in a data worker',
        MINE + 'train_dataloader.num_workers=1 ' + PIPELINE + '.3.type=WrongInWorker',
        ("error: classes='voc99' must be one of", 'coco14'),
        DECLARED,
    ),
    Fault(
        'two trainings in one folder',
        TRAIN,
        ('--work-dir: process', 'trains in', 'overwrite the checkpoints', 'another folder'),
        taken,
    ),
    *(
        Fault(f'{name}: no place to write', command, ('blocked',), below_a_file)
        for name, command in [
            *WRITERS,
            ('train', TRAIN.replace('{work}', '{out}')),
            ('pipeline', 'pipeline {pipeline_config} --data-root {root} --out {out} --only tags'),
            ('demo', 'demo --out {out}'),
        ]
    ),
]  # fmt: skip


@pytest.mark.parametrize('fault', FAULTS, ids=lambda fault: fault.name)
def test_fault(fault, is_told, world, monkeypatch):
    try:
        is_told(fault)
    finally:
        if 'other' in world:
            world['other'].communicate('')
    assert not list(world['folder'].rglob('.*.pth')), 'a half-written checkpoint'


@pytest.mark.parametrize(('name', 'command'), WRITERS[1:], ids=[name for name, _ in WRITERS[1:]])
def test_full_disk(name, command, is_told, world, monkeypatch):
    """The first file that is to get its name finds no room."""

    def replace(source, target):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(artifacts.os, 'replace', replace)
    is_told(Fault(name, command, ('out', 'No space left on device')))


def test_full_disk_at_a_checkpoint(is_told, world, monkeypatch):
    """The run ends at the second checkpoint; the first stays, and no half of the second."""
    real = os.replace

    def replace(source, target):
        if str(target).endswith('iter_2.pth'):
            raise OSError(errno.ENOSPC, 'No space left on device')
        real(source, target)

    monkeypatch.setattr(artifacts.os, 'replace', replace)
    said = ("iter_2.pth' cannot be written: No space left on device", '--resume')
    is_told(Fault('checkpoint', TRAIN + OFTEN, said))
    assert [path.name for path in sorted(world['work'].glob('*.pth'))] == ['iter_1.pth']


def test_sigterm_writes_a_checkpoint_that_ends_as_if_nothing_had_happened(
    run_tool, voc_root, tmp_path, capfd
):
    config = write_config(tmp_path)
    stopped = tmp_path / 'stopped.py'
    stopped.write_text(
        f'_base_ = {str(config)!r}\n'
        "custom_imports = dict(imports=['fault_parts'])\n"
        "default_hooks = dict(killer=dict(type='SignalAt', step=4))\n"
    )

    def train(config, name, *more):
        place = ['--data-root', voc_root, '--work-dir', tmp_path / name, '--device', 'cpu']
        return run_tool('train', config, *place, *more, '--cfg-options', 'train_cfg.max_iters=6')

    assert train(config, 'whole') == 0
    with pytest.raises(SystemExit) as end:
        train(stopped, 'stopped')
    said = capfd.readouterr().err
    assert end.value.code == 143
    assert 'SIGTERM: stopping after this iteration' in said
    assert re.search(r'stopped by SIGTERM; the last checkpoint is \S*iter_4.pth. To go on', said)
    assert train(config, 'stopped', '--resume') == 0
    assert differing(tmp_path / 'whole' / 'iter_6.pth', tmp_path / 'stopped' / 'iter_6.pth') == []


def kill_worker(ids):
    os.kill(os.getpid(), 9)


def test_killed_process_of_a_pool():
    with pytest.raises(ValueError, match=r'one of the 2 processes \(--jobs\).*memory.*fewer'):
        list(map_chunks(kill_worker, ['a', 'b'], jobs=2))


@pytest.mark.parametrize(
    ('script', 'arguments', 'port', 'said'),
    [
        ('dist_train.sh', ('x.py', '2'), None, ('port', 'is in use', 'PORT=')),
        ('dist_test.sh', ('x.py', 'x.pth', '2'), None, ('port', 'is in use', 'PORT=')),
        ('dist_train.sh', ('x.py', '2'), 'http', ('PORT must be within 1..65535, got http',)),
        ('dist_test.sh', ('x.py', 'x.pth', '2'), '70000', ('within 1..65535, got 70000',)),
        ('dist_train.sh', ('x.py', '0'), '1', ('PROCESSES must be', 'at least 1, got 0')),
        ('dist_train.sh', ('x.py', '--resume'), '1', ('PROCESSES must be', 'got --resume')),
        ('dist_test.sh', ('x.py', 'x.pth', 'two'), '1', ('PROCESSES must be', 'got two')),
    ],
)
def test_scripts(run_process, script, arguments, port, said):
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        port = port or str(other.getsockname()[1])
        done = run_process(ROOT / 'tools' / script, *arguments, PORT=port)
    check_message(Fault(script, '', said), done.returncode, done.stderr, done.stdout)


def test_ctrl_c_is_no_stack_trace(run_tool, capfd, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('mmocr_wsss.engine.launch.train', interrupted)
    assert run_tool('train', 'x.py') == 130
    assert capfd.readouterr().err == '\nstopped\n'


def test_too_little_memory_is_said(run_tool, capfd, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB')

    monkeypatch.setattr('mmocr_wsss.engine.launch.train', full)
    assert run_tool('train', 'x.py') == 1
    said = capfd.readouterr().err
    assert said.startswith('error: not enough memory: CUDA out of memory')
    assert 'train_dataloader.batch_size' in said


def test_the_trace_can_be_had(run_tool, monkeypatch):
    monkeypatch.setenv('MMOCR_WSSS_TRACE', '1')
    with pytest.raises(FileNotFoundError):
        run_tool('train', 'gone.py')
