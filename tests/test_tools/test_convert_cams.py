# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAMs from and to pickled dictionaries: exact, resumable, and nothing in them is run."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from mmocr_wsss.artifacts import load_pickled_arrays
from mmocr_wsss.cam_files import cam_grid, cam_path, full_size, read_cam, write_cam
from mmocr_wsss.stage_files import read_stage
from mmocr_wsss.stages.cam_folder import image_ids

SIZE = (24, 32)
IDS = ('a', 'b', 'part/c')
#: Tag indices of each image; the last one has none.
TAGS = {'a': [14], 'b': [2, 19], 'part/c': []}


def maps_of(image_id):
    rng = np.random.default_rng(len(image_id) + len(TAGS[image_id]))
    return {k: rng.random(SIZE).astype(np.float32) for k in reversed(TAGS[image_id])}


@pytest.fixture
def pickled(tmp_path):
    """A folder as the official scripts write it, without the image that has no tags."""
    folder = tmp_path / 'pickled'
    folder.mkdir()
    for image_id in ('a', 'b'):
        np.save(folder / f'{image_id}.npy', maps_of(image_id))
    return folder


@pytest.fixture
def untagged(pickled, tmp_path):
    """The same with it, and the photos."""
    for image_id in IDS:
        photo = tmp_path / 'photos' / f'{image_id}.jpg'
        photo.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', SIZE[::-1]).save(photo)
    (pickled / 'part').mkdir()
    np.save(pickled / 'part' / 'c.npy', {})
    return pickled


@pytest.fixture
def cams(tmp_path):
    folder = tmp_path / 'cams'
    rng = np.random.default_rng(0)
    for image_id in IDS:
        ids = np.array(TAGS[image_id], int) + 1
        write_cam(cam_path(folder, image_id), rng.random((len(ids), *SIZE)), ids, SIZE)
    return folder


def contents(folder, suffix):
    return {i: (folder / f'{i}{suffix}').read_bytes() for i in image_ids(folder, suffix, None)}


def test_values_of_other_code(run_tool, pickled, tmp_path, capsys):
    out = tmp_path / 'out'
    assert run_tool('convert_cams', pickled, out, '--to', 'npz', '--classes', 'voc') == 0
    assert '2 files written, 0 were there' in capsys.readouterr().out
    cam_file = read_cam(out / 'b.npz')
    assert cam_file.class_ids.tolist() == [3, 20] and cam_file.image_size == SIZE
    expected = maps_of('b')
    assert np.array_equal(cam_file.cam, np.stack([expected[2], expected[19]]).astype(np.float16))
    stage = read_stage(out)
    assert stage['background_threshold'] is None and len(stage['classes']) == 20


def test_there_and_back_changes_nothing(run_tool, cams, tmp_path):
    npy, back = tmp_path / 'npy', tmp_path / 'back'
    photos = tmp_path / 'photos'
    for image_id in IDS:
        (photos / image_id).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', SIZE[::-1]).save(photos / f'{image_id}.png')
    assert run_tool('convert_cams', cams, npy, '--to', 'npy', '--jobs', 2) == 0
    found = load_pickled_arrays(npy / 'b.npy')
    assert list(found) == [2, 19] and found[2].dtype == np.float32 and found[2].shape == SIZE
    options = ['--to', 'npz', '--images', photos, '--threshold', '0.3']
    assert run_tool('convert_cams', npy, back, *options) == 0
    assert contents(back, '.npz') == contents(cams, '.npz')
    assert read_stage(back)['background_threshold'] == 0.3


def test_stride(run_tool, pickled, tmp_path):
    assert run_tool('convert_cams', pickled, tmp_path / 'out', '--to', 'npz', '--stride', 5) == 0
    cam_file = read_cam(tmp_path / 'out' / 'a.npz')
    assert cam_file.cam.shape == (1, *cam_grid(SIZE, 5))
    smooth = full_size(cam_file)[0]
    assert abs(smooth.mean() - maps_of('a')[14].mean()) < 0.05


def test_goes_on_where_it_was(run_tool, pickled, tmp_path, capsys):
    out = tmp_path / 'out'
    assert run_tool('convert_cams', pickled, out, '--to', 'npz') == 0
    expected = contents(out, '.npz')
    (out / 'a.npz').unlink()
    (out / f'.a.{"0" * 32}.npz').write_bytes(b'half')
    before = (out / 'b.npz').stat().st_mtime_ns
    assert run_tool('convert_cams', pickled, out, '--to', 'npz') == 0
    assert '1 files written, 1 were there' in capsys.readouterr().out
    assert contents(out, '.npz') == expected and (out / 'b.npz').stat().st_mtime_ns == before
    assert not list(out.glob('.a*'))
    assert run_tool('convert_cams', pickled, out, '--to', 'npz', '--overwrite') == 0
    assert (out / 'b.npz').stat().st_mtime_ns > before
    assert run_tool('convert_cams', pickled, out, '--to', 'npz', '--stride', 2) == 1
    assert 'made in another way (stride: there 1, now 2)' in capsys.readouterr().err


def test_files_of_two_sources_do_not_mix(run_tool, cams, tmp_path, capsys):
    other, npy = tmp_path / 'other', tmp_path / 'npy'
    write_cam(cam_path(other, 'a'), np.zeros((1, *SIZE)), [1], SIZE)
    assert run_tool('convert_cams', cams, npy, '--to', 'npy') == 0
    capsys.readouterr()
    assert run_tool('convert_cams', other, npy, '--to', 'npy') == 1
    error = capsys.readouterr().err
    assert f"converted_from: there '{cams}', now '{other}'" in error
    (npy / 'stage.json').unlink()
    assert run_tool('convert_cams', cams, npy, '--to', 'npy') == 1
    assert 'holds .npy files but no stage.json' in capsys.readouterr().err


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, 'w'))


def test_all_faults_in_one_error(run_tool, untagged, tmp_path, capsys):
    trap = tmp_path / 'was_run'
    np.save(untagged / 'hostile.npy', {0: Hostile(str(trap))})
    irn = {'keys': np.array([3]), 'high_res': np.zeros((1, *SIZE), np.float32)}
    np.save(untagged / 'irn.npy', irn)
    np.save(untagged / 'torch.npy', {0: torch.zeros(SIZE)})
    np.save(untagged / 'sizes.npy', {0: np.zeros((4, 5)), 1: np.zeros((4, 6))})
    np.save(untagged / 'nan.npy', {0: np.full(SIZE, np.nan)})
    np.save(untagged / 'class.npy', {20: np.zeros(SIZE)})
    out = tmp_path / 'out'
    assert run_tool('convert_cams', untagged, out, '--to', 'npz', '--classes', 'voc') == 1
    error = capsys.readouterr().err
    assert '7 x file that cannot be used' in error and 'run the same command again' in error
    assert not trap.exists()
    assert image_ids(out, '.npz', None) == ('a', 'b')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({}, r'holds no map.*--images'),
        ({'keys': np.array([3])}, r"0-based class indices.*got 'keys'"),
        ({-1: np.zeros(SIZE)}, r'0-based class indices.*got -1'),
        ({0: torch.zeros(SIZE)}, r'asks for torch'),
        ({0: np.zeros((4, 5)), 1: np.zeros((4, 6))}, r'shapes \[\(4, 5\), \(4, 6\)\]'),
        ({20: np.zeros(SIZE)}, r'below 20, the number of classes, got 20. Check --classes'),
    ],
)
def test_each_fault_says_what_is_wrong(run_tool, tmp_path, capsys, content, message):
    (tmp_path / 'bad').mkdir()
    np.save(tmp_path / 'bad' / 'x.npy', content)
    out = tmp_path / 'out'
    assert run_tool('convert_cams', tmp_path / 'bad', out, '--to', 'npz', '--classes', 'voc') == 1
    assert 'x.npy: ' in (error := capsys.readouterr().err)
    assert re.search(message, error), error


def test_photos_tell_the_size(run_tool, untagged, tmp_path, capsys):
    options = ['--to', 'npz', '--images', tmp_path / 'photos']
    assert run_tool('convert_cams', untagged, tmp_path / 'out', *options) == 0
    empty = read_cam(tmp_path / 'out' / 'part' / 'c.npz')
    assert empty.cam.shape == (0, *SIZE) and empty.image_size == SIZE
    Image.new('RGB', (5, 5)).save(tmp_path / 'photos' / 'a.jpg')
    assert run_tool('convert_cams', untagged, tmp_path / 'other', *options) == 1
    assert 'for a photo of (5, 5)' in capsys.readouterr().err


def test_options_that_do_not_fit(run_tool, cams, tmp_path, capsys):
    with pytest.raises(SystemExit):
        run_tool('convert_cams', cams, tmp_path / 'out', '--to', 'npy', '--stride', 2)
    assert '--stride is for --to npz' in capsys.readouterr().err
    assert run_tool('convert_cams', tmp_path / 'none', tmp_path / 'out', '--to', 'npy') == 1
    assert 'no such folder' in capsys.readouterr().err
