# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAM files: exact and small, refused when broken, never half written."""

import os
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from mmocr_wsss.cam_files import cam_grid, cam_path, full_size, read_cam, resize_maps, write_cam
from mmocr_wsss.stage_files import read_stage, write_stage

SIZE = (30, 44)


def smooth_maps(count, size, seed=0):
    """(count, H, W) float32 in [0, 1]: maps of a network with stride 16, enlarged."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((count, *cam_grid(size, 16)), dtype=np.float32) ** 3
    maps = resize_maps(coarse, size)
    return maps / maps.max(axis=(1, 2), keepdims=True)


def test_round_trip(tmp_path):
    maps = smooth_maps(2, SIZE)
    path = tmp_path / 'new' / 'a.npz'
    write_cam(path, maps, [3, 20], SIZE)
    back = read_cam(path)
    assert back.image_size == SIZE and back.class_ids.tolist() == [3, 20]
    assert back.cam.dtype == np.float16 and back.class_ids.dtype == np.uint8
    np.testing.assert_array_equal(back.cam, maps.astype(np.float16))
    with np.load(path, allow_pickle=False) as arrays:
        dtypes = {name: arrays[name].dtype.str for name in arrays.files}
    assert dtypes == {'cam': '<f2', 'class_ids': '|u1', 'image_size': '<i4'}


def test_an_image_without_tags(tmp_path):
    write_cam(tmp_path / 'a.npz', np.zeros((0, 4, 6)), [], SIZE)
    back = read_cam(tmp_path / 'a.npz')
    assert back.cam.shape == (0, 4, 6) and full_size(back).shape == (0, *SIZE)


def test_negative_scores_are_kept(tmp_path):
    write_cam(tmp_path / 'a.npz', np.full((1, *SIZE), -0.25), [1], SIZE)
    assert (full_size(read_cam(tmp_path / 'a.npz')) == -0.25).all()


def test_two_writes_give_equal_bytes(tmp_path):
    maps = smooth_maps(2, SIZE)
    write_cam(tmp_path / 'a.npz', maps, [3, 20], SIZE)
    time.sleep(2.1)  # zip archives store times in steps of two seconds
    write_cam(tmp_path / 'b.npz', torch.from_numpy(maps).numpy(), np.array([3, 20]), list(SIZE))
    assert (tmp_path / 'a.npz').read_bytes() == (tmp_path / 'b.npz').read_bytes()


def test_a_file_at_stride_8_costs_a_twentieth(tmp_path):
    size = (375, 500)
    maps = smooth_maps(2, size)
    write_cam(tmp_path / 'full.npz', maps, [3, 20], size)
    write_cam(tmp_path / 'grid.npz', resize_maps(maps, cam_grid(size, 8)), [3, 20], size)
    full, grid = (os.path.getsize(tmp_path / f'{name}.npz') for name in ('full', 'grid'))
    assert full >= 20 * grid, (full, grid)
    error = np.abs(full_size(read_cam(tmp_path / 'grid.npz')) - maps)
    assert error.mean() < 0.03, error.mean()  # the network saw half of that grid


def test_convention_full_size_is_bilinear_without_aligned_corners(tmp_path):
    # Cells of 2 x 2 pixels: the outer pixels keep the cell's value, and the inner ones lie
    # at 1/4 and 3/4 between the two cell centres.
    write_cam(tmp_path / 'a.npz', np.array([[[0.0, 1.0]]]), [1], (2, 4))
    np.testing.assert_allclose(full_size(read_cam(tmp_path / 'a.npz')), [[[0, 0.25, 0.75, 1]] * 2])


def test_grid_rounds_up():
    assert cam_grid((375, 500), 8) == (47, 63) and cam_grid((5, 1), 1) == (5, 1)
    with pytest.raises(ValueError, match='stride of CAM files must be an integer >= 1, got 0'):
        cam_grid((5, 5), 0)


def test_path():
    assert cam_path('out', 'a/2007_000032').as_posix() == 'out/a/2007_000032.npz'
    assert cam_path('out', 'a.b').name == 'a.b.npz'
    for image_id in ('', '/etc/a', '../a', 'a/../../b'):
        with pytest.raises(ValueError, match=f'image id {image_id!r} must name a file below out'):
            cam_path('out', image_id)


@pytest.mark.parametrize(
    'cam, class_ids, size, message',
    [
        (np.zeros((1, 4)), [1], (4, 4), r'cam \(1, 4\) and class_ids \(1,\)'),
        (np.zeros((2, 4, 4)), [1], (4, 4), r'one of k class_ids per map'),
        (np.zeros((1, 4, 5)), [1], (5, 4), r'by one stride, rounded up, got \(4, 5\) for image_si'),
        (np.zeros((1, 4, 0)), [1], (4, 4), r'by one stride'),
        (np.zeros((1, 6, 6)), [1], (4, 4), r'by one stride'),
        (np.zeros((1, 4, 4)), [1], (4, 0), r'two integers >= 1, got \[4, 0\]'),
        (np.zeros((1, 4, 4)), [1], (4, 4, 3), r'image_size must be \(H, W\)'),
        (np.zeros((1, 4, 4)), [1], (4.0, 4.0), r'image_size must be \(H, W\)'),
        (np.zeros((1, 4, 4)), [0], (4, 4), r'integers in 1..254, ascending, each once, got \[0\]'),
        (np.zeros((1, 4, 4)), [255], (4, 4), r'got \[255\]'),
        (np.zeros((1, 4, 4)), [257], (4, 4), r'got \[257\]'),
        (np.zeros((1, 4, 4)), [1.5], (4, 4), r'got \[1.5\]'),
        (np.zeros((2, 4, 4)), [2, 1], (4, 4), r'got \[2, 1\]'),
        (np.zeros((2, 4, 4)), [2, 2], (4, 4), r'got \[2, 2\]'),
        (np.full((1, 4, 4), np.nan), [1], (4, 4), r'finite in float16 \(.*\), got 16 NaN'),
        (np.full((1, 4, 4), 1e5), [1], (4, 4), r'got 16 NaN or infinite values'),
    ],
)
def test_refused_on_writing(tmp_path, cam, class_ids, size, message):
    with pytest.raises(ValueError, match=rf'a\.npz: .*{message}'):
        write_cam(tmp_path / 'a.npz', cam, class_ids, size)
    assert os.listdir(tmp_path) == []


def save(path, **changes):
    arrays = {
        'cam': np.zeros((1, 4, 4), np.float16),
        'class_ids': np.array([1], np.uint8),
        'image_size': np.array([4, 4], np.int32),
    }
    np.savez_compressed(path, **{k: v for k, v in (arrays | changes).items() if v is not None})


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'cam': None}, r'not a complete CAM file with the arrays cam, class_ids, image_size'),
        ({'cam': np.zeros((1, 4, 4))}, r'cam must be float16, got float64'),
        ({'class_ids': np.array([1])}, r'class_ids must be uint8, got int64'),
        ({'class_ids': np.array([0], np.uint8)}, r'ascending, each once, got \[0\]'),
        ({'image_size': np.array([9, 4], np.int32)}, r'by one stride'),
        ({'cam': np.full((1, 4, 4), np.inf, np.float16)}, r'got 16 NaN or infinite'),
        ({'cam': np.array({'a': 1})}, r'not a complete CAM file .*allow_pickle=False'),
    ],
)
def test_refused_on_reading(tmp_path, changes, message):
    save(tmp_path / 'a.npz', **changes)
    with pytest.raises(ValueError, match=rf'a\.npz: .*{message}.*make it again'):
        read_cam(tmp_path / 'a.npz')


def test_missing_truncated_and_foreign_files(tmp_path):
    path = tmp_path / 'a.npz'
    with pytest.raises(FileNotFoundError, match=r'a\.npz: no such file'):
        read_cam(path)
    write_cam(path, smooth_maps(2, SIZE), [3, 20], SIZE)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[120] ^= 0xFF
    for content in (b'', whole[:50], whole[:-30], bytes(damaged), b'no archive at all'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r'a\.npz: not a complete CAM file'):
            read_cam(path)
    with open(path, 'wb') as file:
        np.save(file, np.zeros((1, 4, 4), np.float16))
    with pytest.raises(ValueError, match=r'not a complete CAM file .*tools/convert_cams\.py'):
        read_cam(path)


def test_stage(tmp_path):
    facts = {'background_threshold': None, 'num_images': 3}
    write_stage(tmp_path, facts)
    assert read_stage(tmp_path) == facts
    for threshold in ('0.3', True, [0.3]):
        message = re.escape(f'must be a number or null, got {threshold!r}')
        with pytest.raises(ValueError, match=rf'stage\.json: background_threshold {message}'):
            write_stage(tmp_path, {'background_threshold': threshold})
    (tmp_path / 'stage.json').write_text('{"num_images": 3}')
    with pytest.raises(ValueError, match=r"with background_threshold .*, got \['num_images'\]"):
        read_stage(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'stage\.json: no such file'):
        read_stage(tmp_path / 'elsewhere')


WRITER = """
import sys
import numpy as np
from mmocr_wsss.cam_files import write_cam
maps = np.random.default_rng(0).random((4, 375, 500))
print('ready', flush=True)
for number in range(10**6):
    write_cam(f'{sys.argv[1]}/{number % 3}.npz', maps, [1, 2, 3, 4], (375, 500))
"""


def test_a_kill_leaves_only_whole_files(tmp_path, repo_root):
    rng = random.Random(0)
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, '-c', WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=repo_root
        )
        assert writer.stdout.readline() == b'ready\n'
        time.sleep(0.2 + 0.5 * rng.random())
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    finished = [path for path in tmp_path.glob('*.npz') if not path.name.startswith('.')]
    # The writer is nearly always inside a file, so a kill leaves its temporary one.
    assert finished and list(tmp_path.glob('.*.npz'))
    for path in finished:
        assert read_cam(path).cam.shape == (4, 375, 500)
