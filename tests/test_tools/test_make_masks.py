# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From CAM files to CRF scores and to pseudo masks, by the tools."""

import numpy as np
import pytest
from PIL import Image

from mmocr_wsss.cam_files import cam_path, write_cam
from mmocr_wsss.crf_files import read_crf_scores, write_crf_scores
from mmocr_wsss.functional.dense_crf import DENSE_CRF_SETTINGS, dense_crf
from mmocr_wsss.stage_files import read_stage, write_stage
from mmocr_wsss.stages.masks_from_cams import irn_positions, threshold_positions

SIZE = (24, 32)
#: Class ids of each image; the last one has none.
IDS = {'a': [15], 'b': [3, 20], 'part/c': []}


@pytest.fixture
def folders(tmp_path):
    """CAM files at full size, and photos of a bright square on a dark ground."""
    pytest.importorskip('pydensecrf.densecrf')
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    for image_id, class_ids in IDS.items():
        photo = np.full((*SIZE, 3), 40, np.uint8)
        photo[6:18, 8:24] = 200
        path = tmp_path / 'photos' / f'{image_id}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(path)
        cam = [np.exp(-((y - 12) ** 2 + (x - 12 - 8 * n) ** 2) / 60) for n in range(len(class_ids))]
        cam = np.stack(cam) if cam else np.zeros((0, *SIZE))
        write_cam(cam_path(tmp_path / 'cams', image_id), cam, class_ids, SIZE)
    facts = {'background_threshold': 0.3, 'classes': [f'class {n}' for n in range(1, 21)]}
    write_stage(tmp_path / 'cams', facts)
    return tmp_path / 'cams', tmp_path / 'photos'


def files_of(folder):
    found = (path for path in folder.rglob('*') if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def labels(run_tool, folders, out, *more):
    return run_tool('make_affinity_labels', folders[0], '--images', folders[1], '--out', out, *more)


def masks(run_tool, folders, out, *more):
    return run_tool('make_pseudo_masks', folders[0], out, *more)


def ids_of(path):
    with Image.open(path) as image:
        assert image.mode == 'P'
        return np.asarray(image)


def test_crf_scores_of_two_powers(run_tool, folders, tmp_path, capsys):
    assert labels(run_tool, folders, tmp_path / 'out', '--powers', 2, 12) == 0
    assert '3 files written, 0 were there' in capsys.readouterr().out
    scores = read_crf_scores(tmp_path / 'out' / 'b.npz')
    assert scores.class_ids.tolist() == [3, 20]
    assert scores.low.shape == scores.high.shape == (3, *SIZE)
    # The low power is the strong background.
    assert scores.low[0].mean() > scores.high[0].mean()
    np.testing.assert_allclose(scores.low.astype(float).sum(axis=0), 1, atol=2e-3)
    nothing = read_crf_scores(tmp_path / 'out' / 'part' / 'c.npz')
    assert nothing.low.shape == (1, *SIZE) and nothing.low.min() == 1
    stage = read_stage(tmp_path / 'out')
    assert stage['powers'] == [2, 12] and stage['crf'] == DENSE_CRF_SETTINGS['cam']
    assert len(stage['classes']) == 20


def test_labels_of_two_processes_are_those_of_one_and_resume(run_tool, folders, tmp_path, capsys):
    assert labels(run_tool, folders, tmp_path / 'one') == 0
    assert labels(run_tool, folders, tmp_path / 'two', '--jobs', 2) == 0
    assert files_of(tmp_path / 'one') == files_of(tmp_path / 'two')
    (tmp_path / 'two' / 'b.npz').unlink()
    capsys.readouterr()
    assert labels(run_tool, folders, tmp_path / 'two') == 0
    assert '1 files written, 2 were there' in capsys.readouterr().out
    assert files_of(tmp_path / 'one') == files_of(tmp_path / 'two')
    assert labels(run_tool, folders, tmp_path / 'two', '--powers', 4, 32) == 1
    assert 'powers: there [4.0, 24.0], now [4.0, 32.0]' in capsys.readouterr().err
    # The threshold of the CAMs has no part in them.
    write_stage(folders[0], read_stage(folders[0]) | {'background_threshold': 0.5})
    assert labels(run_tool, folders, tmp_path / 'two') == 0


def test_faults_of_labels_are_listed(run_tool, folders, tmp_path, capsys):
    (folders[1] / 'a.png').unlink()
    Image.new('RGB', (5, 5)).save(folders[1] / 'b.png')
    assert labels(run_tool, folders, tmp_path / 'out') == 1
    error = capsys.readouterr().err
    assert '2 x file that cannot be used' in error and 'no .jpg' in error
    assert 'the photo is (5, 5), its CAMs are of one of (24, 32)' in error
    assert (tmp_path / 'out' / 'part' / 'c.npz').is_file()
    assert labels(run_tool, folders, tmp_path / 'out', '--powers', 24, 4) == 1
    assert '--powers must be 0 < LOW < HIGH, got 24.0 and 4.0' in capsys.readouterr().err
    assert labels(run_tool, folders, tmp_path / 'out', '--crf', 'psa') == 1
    assert "crf='psa' must be one of" in capsys.readouterr().err


def test_masks_by_threshold(run_tool, folders, tmp_path, capsys):
    assert masks(run_tool, folders, tmp_path / 'out') == 0
    found = ids_of(tmp_path / 'out' / 'b.png')
    assert set(np.unique(found)) == {0, 3, 20}
    assert found[12, 12] == 3 and found[12, 20] == 20 and found[0, 0] == 0
    # exp(-d / 60) > 0.3 where d < 72.2
    assert (found[12, 12:] > 0).sum() == 8 + 9 and (found[:, 12] > 0).sum() == 17
    assert not ids_of(tmp_path / 'out' / 'part' / 'c.png').any()
    assert read_stage(tmp_path / 'out')['threshold'] == 0.3
    assert masks(run_tool, folders, tmp_path / 'out', '--threshold', 0.6) == 1
    assert 'threshold: there 0.3, now 0.6' in capsys.readouterr().err
    assert masks(run_tool, folders, tmp_path / 'less', '--threshold', 0.6) == 0
    assert (ids_of(tmp_path / 'less' / 'b.png') > 0).sum() < (found > 0).sum()


def test_masks_after_a_crf_follow_the_photo(run_tool, folders, tmp_path, capsys):
    assert masks(run_tool, folders, tmp_path / 'out', '--crf', 'cam') == 1
    assert 'a dense CRF needs the photos; give --images FOLDER' in capsys.readouterr().err
    options = ['--crf', 'cam', '--images', folders[1]]
    assert masks(run_tool, folders, tmp_path / 'out', *options) == 0
    found = ids_of(tmp_path / 'out' / 'a.png')
    square = np.zeros(SIZE, bool)
    square[6:18, 8:24] = True
    assert (found[~square] == 0).mean() > 0.95
    assert masks(run_tool, folders, tmp_path / 'two', *options, '--jobs', 2) == 0
    assert files_of(tmp_path / 'out') == files_of(tmp_path / 'two')


def test_masks_of_two_thresholds_ignore_what_is_between(run_tool, folders, tmp_path):
    square = np.zeros(SIZE, bool)
    square[6:18, 8:24] = True
    options = ['--method', 'irn', '--images', folders[1]]
    assert masks(run_tool, folders, tmp_path / 'out', *options) == 0
    found = ids_of(tmp_path / 'out' / 'a.png')
    # Even the low threshold finds the class outside of the square, where the CRF spreads it.
    assert (found[square] == 15).all() and (found[~square] == 255).all()
    assert read_stage(tmp_path / 'out')['crf'] == DENSE_CRF_SETTINGS['irn_labels']
    assert read_stage(tmp_path / 'out')['irn_thresholds'] == [0.3, 0.05]
    options += ['--irn-thresholds', 0.9, 0.1]
    assert masks(run_tool, folders, tmp_path / 'less', *options) == 0
    found = ids_of(tmp_path / 'less' / 'a.png')
    assert (found[square] == 255).all() and (found[~square] == 0).all()


def test_rule_of_two_thresholds_by_hand():
    pytest.importorskip('pydensecrf.densecrf')
    cam = np.array([[[0.9, 0.2, 0.01]], [[0.1, 0.1, 0.02]]], np.float32)
    assert threshold_positions(cam, 0.3).tolist() == [[1, 0, 0]]
    photo = np.array([[[0] * 3, [120] * 3, [255] * 3]], np.uint8)
    # Kernels without weight leave the label maps as they are.
    settings = DENSE_CRF_SETTINGS['irn_labels'] | dict(gaussian_compat=0, bilateral_compat=0)
    assert irn_positions(cam, photo, (0.3, 0.05), settings).tolist() == [[1, 255, 0]]
    assert dense_crf(cam, photo, **settings).shape == (2, 1, 3)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--method', 'irn'], 'give --images'),
        (['--method', 'irn', '--irn-thresholds', 0.1, 0.3], 'must be 1 >= FOREGROUND >= BACKG'),
        (['--ids', 'none.txt'], 'none.txt: no such file'),
    ],
)
def test_options_that_do_not_fit(run_tool, folders, tmp_path, capsys, options, message):
    assert masks(run_tool, folders, tmp_path / 'out', *options) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_a_threshold_is_needed(run_tool, folders, tmp_path, capsys):
    write_stage(folders[0], read_stage(folders[0]) | {'background_threshold': None})
    assert masks(run_tool, folders, tmp_path / 'out') == 1
    assert 'no background_threshold in stage.json; give --threshold' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            dict(low=np.zeros((3, 4, 4))),
            r'low and high must be \(k \+ 1, H, W\) .* got \(3, 4, 4\)',
        ),
        (dict(class_ids=[2, 1]), r'class_ids must be integers in 1..254, ascending'),
        (dict(high=np.full((2, 4, 4), 1.5)), r'high must be finite and in \[0, 1\]'),
        (dict(low=np.full((2, 4, 4), np.nan)), 'low must be finite'),
    ],
)
def test_format_of_crf_scores(tmp_path, change, message):
    good = dict(low=np.zeros((2, 4, 4)), high=np.ones((2, 4, 4)), class_ids=[1])
    write_crf_scores(tmp_path / 'a.npz', **good)
    write_crf_scores(tmp_path / 'b.npz', **good)
    assert (tmp_path / 'a.npz').read_bytes() == (tmp_path / 'b.npz').read_bytes()
    with pytest.raises(ValueError, match=f'c.npz: {message}'):
        write_crf_scores(tmp_path / 'c.npz', **good | change)
    assert not (tmp_path / 'c.npz').exists()


def test_truncated_crf_scores_are_named(tmp_path):
    write_crf_scores(tmp_path / 'a.npz', np.zeros((2, 4, 4)), np.ones((2, 4, 4)), [1])
    content = (tmp_path / 'a.npz').read_bytes()
    (tmp_path / 'a.npz').write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match='a.npz: not a complete file of CRF scores.*Remove the'):
        read_crf_scores(tmp_path / 'a.npz')
    np.savez(tmp_path / 'b.npz', low=np.zeros((2, 4, 4)), high=np.ones((2, 4, 4)), class_ids=[1])
    with pytest.raises(ValueError, match='b.npz: low must be float16, got float64'):
        read_crf_scores(tmp_path / 'b.npz')


def test_without_a_background_nothing_is_labelled_background(run_tool, folders, tmp_path):
    cams = folders[0]
    write_stage(cams, read_stage(cams) | {'background': False})
    assert labels(run_tool, folders, tmp_path / 'labels', '--powers', 2, 12) == 0
    scores = read_crf_scores(tmp_path / 'labels' / 'b.npz')
    assert scores.low[0].any() and not scores.high[0].any()
    np.testing.assert_allclose(scores.high[1:].sum(axis=0), 1, atol=0.01)
    single = read_crf_scores(tmp_path / 'labels' / 'a.npz')
    assert (single.high[1] == 1).all() and not single.high[0].any()
    assert masks(run_tool, folders, tmp_path / 'masks') == 0
    for name, ids in (('a', {15, 255}), ('b', {3, 20, 255}), ('part/c', {255})):
        assert set(np.unique(ids_of(tmp_path / 'masks' / f'{name}.png'))) == ids
