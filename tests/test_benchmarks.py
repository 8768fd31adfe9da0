# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The benchmarks run, and both sides of them compute the same."""

import json
import sys

import pytest


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """The numbers of all tests, as ``benchmarks/run.py --quick`` keeps them."""
    return tmp_path_factory.mktemp('numbers')


def test_cam_making_equals_the_plain_loop(run_process, repo_root, folder):
    out = folder / 'cam.quick.json'
    done = run_process(
        sys.executable, repo_root / 'benchmarks' / 'cam.py', '--size', 48, 32, '--width-mult',
        0.0625, '--threads', 1, '--profile', '--out', out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    numbers = json.loads(out.read_text())
    assert [row['method'] for row in numbers['rows']] == ['seam', 'mctformer_v2']
    for row in numbers['rows']:
        assert row['max_difference'] < 1e-4 and row['seconds'] > 0
    assert numbers['pixel_correlation']['max_difference'] < 1e-5
    assert done.stdout.count('s in operators, of it') == 2


def test_random_walk_equals_the_dense_matrix_power(run_process, repo_root, folder):
    out = folder / 'random_walk.quick.json'
    done = run_process(
        sys.executable, repo_root / 'benchmarks' / 'random_walk.py', '--sizes', '160x112',
        '--threads', 1, '--repeats', 1, '--out', out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    numbers = json.loads(out.read_text())
    assert numbers['products'] < numbers['steps'] == 256
    (row,) = numbers['rows']
    assert row['pixels'] == 280
    assert row['ours_max_difference'] < 1e-5 and row['sparse_max_difference'] < 1e-5
    assert row['ours_seconds'] > 0 and row['dense_mib'] >= 0


def test_dense_crf_writes_the_same_with_two_processes(run_process, repo_root, folder):
    out = folder / 'dense_crf.quick.json'
    done = run_process(
        sys.executable, repo_root / 'benchmarks' / 'dense_crf.py', '--size', 64, 48, '--images', 8,
        '--repeats', 1, '--out', out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    numbers = json.loads(out.read_text())
    assert numbers['same_files'] and [row['jobs'] for row in numbers['rows']] == [1, 2]
    assert numbers['rows'][0]['speed'] == 1 and numbers['rows'][1]['seconds'] > 0


def test_coco_conversion_is_the_same_when_killed(run_process, repo_root, folder, tmp_path):
    done = run_process(
        sys.executable, repo_root / 'benchmarks' / 'coco14.py', '--images', 400, '--objects', 3000,
        '--runs', 1, '--kills', 1, '--folder', tmp_path,
        '--out', folder / 'coco14.quick.json',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'MiB written, digest' in done.stdout and done.stdout.endswith('all the same\n')
    assert not list(tmp_path.iterdir())


def test_step_with_the_loss_is_timed_against_one_without(run_process, repo_root, folder):
    out = folder / 'loss.quick.json'
    done = run_process(
        sys.executable, repo_root / 'benchmarks' / 'loss.py', '--step-only', '--config',
        repo_root / 'configs' / 'ocr' / 'effnet-lite0_voc-animals.py', '--cfg-options',
        'model.backbone.output_stride=32', '--size', 64, '--batch-size', 2, '--steps', 2,
        '--threads', 1, '--out', out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    step = json.loads(out.read_text())['step']
    assert len(step['ratios']) == 2 and step['step_ratio'] > 0 and step['term_ratio'] > 1


def test_model_of_scale_is_checked_with_processes(run_process, repo_root, folder):
    """Bytes and files are asserted, times are not."""
    out = folder / 'scale.quick.json'
    done = run_process(
        sys.executable, repo_root / 'benchmarks' / 'scale.py', '--check', '--quick',
        '--processes', 1, 2, '--out', out, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    numbers = json.loads(out.read_text())
    stages = ('cam', 'cams', 'affinity_labels')
    assert [row['stage'] for row in numbers['files']] == list(stages)
    for row in numbers['files']:
        assert row['files'] == row['predicted_files']
        assert 0.5 < row['predicted_bytes'] / row['bytes'] < 2
    found = [(row['stage'], row['processes']) for row in numbers['times']]
    assert found == [(stage, count) for stage in stages for count in (1, 2)]
    assert all(row['predicted'] > 0 and row['measured'] > 0 for row in numbers['times'])
    assert done.stdout.count('| calibrated |') == 3


def test_all_benchmarks_give_one_table(run_process, repo_root, folder):
    """Numbers that are there are not measured again: those of the tests above."""
    argv = [repo_root / 'benchmarks' / 'run.py', '--quick', '--out', folder]
    done = run_process(sys.executable, *argv, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (folder / 'table.md').read_text()
    lines = done.stdout.splitlines()
    for what in (
        "IoU metric | mmseg's IoUMetric",
        "training step, freed memory kept | glibc's default",
        'training step with the loss | the step without',
        'CAM making, mctformer_v2 | a plain loop',
        'random walk, 160 x 112 | dense matrix power',
        'affinity labels, 2 processes | one process',
        'COCO conversion, killed and resumed | itself',
        'cams, 2 processes | one process',
    ):
        assert sum(line.startswith(f'| {what} | ') for line in lines) == 1, what
    assert len([line for line in lines if line.startswith('|')]) == 2 + 11
    assert 'NOT' not in done.stdout and lines[-1].startswith('Python 3.')
