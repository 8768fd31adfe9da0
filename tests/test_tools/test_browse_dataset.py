# Copyright (c) mmocr_wsss contributors. All rights reserved.
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from coco_files import write_coco_root
from PIL import Image

from mmocr_wsss.converters.coco14 import convert_coco14
from mmocr_wsss.labels import CLASS_SETS
from mmocr_wsss.stages import browse_dataset as stage

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SEGMENTATION = CONFIGS / 'segmentation' / 'effnet-lite0_voc-animals.py'
CAM = CONFIGS / 'cam' / 'effnet-lite0_voc-animals.py'
MASKS = 'train_dataloader.dataset.dataset.data_prefix.seg_map_path=pseudo_masks'
TRAIN = [f'2007_{number:06d}' for number in range(1, 9)]
VAL = [f'2007_{number:06d}' for number in range(9, 13)]


@pytest.fixture
def browse(run_tool, voc_root, tmp_path):
    """Run the tool on ``voc_root`` or a copy of it; gives the exit code."""

    def run(config, *more, root=voc_root, out='out', options=()):
        options = [*([MASKS] if config == SEGMENTATION else []), *options]
        return run_tool(
            'analysis/browse_dataset', config, '--data-root', root, '--out', tmp_path / out, *more,
            *(['--cfg-options', *options] if options else []),
        )  # fmt: skip

    return run


@pytest.fixture
def samples(monkeypatch):
    """{id: (title behind it, sample)} of what is drawn."""
    seen = {}
    draw = stage.draw_tagged_photo

    def watched(photo, names, *, title):
        assert tuple(names) == ('background', *CLASS_SETS['voc'])
        image_id, rest = title.split(', ', 1)
        seen[image_id] = rest, photo
        return draw(photo, names, title=title)

    monkeypatch.setattr(stage, 'draw_tagged_photo', watched)
    return seen


@pytest.fixture
def copied_root(voc_root, tmp_path):
    return Path(shutil.copytree(voc_root, tmp_path / 'data'))


def files(folder):
    found = (path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file())
    return sorted(found)


def pixels(path):
    with Image.open(path) as file:
        return np.array(file)


def class_ids(root, image_id):
    names = json.loads((root / 'image_tags.json').read_text())[image_id]
    return [0, *sorted(CLASS_SETS['voc'].index(name) + 1 for name in names)]


@pytest.mark.parametrize('config', [SEGMENTATION, CAM], ids=['segmentation', 'cam'])
@pytest.mark.parametrize('mode', stage.MODES)
def test_a_picture_per_image(browse, samples, voc_root, tmp_path, config, mode, capsys):
    assert browse(config, '--mode', mode) == 0
    assert files(tmp_path / 'out') == [f'{image_id}.png' for image_id in TRAIN]
    assert '8 images' in capsys.readouterr().out
    for image_id in TRAIN:
        title, photo = samples[image_id]
        assert title == f'{photo.image.shape[1]} x {photo.image.shape[0]}, {mode}'
        assert np.flatnonzero(photo.candidates).tolist() == class_ids(voc_root, image_id)
        assert (photo.mask is None) == (config == CAM)
        if mode == 'original':
            difference = photo.image - pixels(voc_root / f'JPEGImages/{image_id}.jpg').astype(int)
            assert not difference.any()
            if config == SEGMENTATION:
                mask = pixels(voc_root / f'pseudo_masks/{image_id}.png')
                assert np.array_equal(photo.mask, mask)
    sizes = {photo.image.shape for _, photo in samples.values()}
    if mode == 'transformed':  # crops of 224 x 224; for masks by a random factor of at most 0.9
        assert sizes == {(224, 224, 3)} if config == CAM else max(sizes) < (48, 64)


def test_mask_pixels_that_are_no_tags_are_marked(browse, tmp_path):
    """Every pseudo mask of the fixture has a patch of a class that the image does not show."""
    assert browse(SEGMENTATION, '--mode', 'original', '--number', 2) == 0
    for name in files(tmp_path / 'out'):
        magenta = (pixels(tmp_path / 'out' / name) == (255, 0, 200)).all(axis=2)
        assert magenta.sum() > 300, name


def test_colours_are_not_swapped_by_the_pipeline(browse, samples, voc_root):
    assert browse(CAM, '--split', 'val') == 0
    assert sorted(samples) == VAL
    for image_id, (_, photo) in samples.items():
        truth = pixels(voc_root / f'JPEGImages/{image_id}.jpg').astype(int)
        assert np.abs(photo.image - truth).mean() < 2  # decoders differ by a little
        assert np.abs(photo.image[..., ::-1] - truth).mean() > 5


def test_the_true_masks_of_validation(browse, samples, voc_root):
    """The photo alone is resized to 224 there, and drawn at the size of its mask."""
    assert browse(SEGMENTATION, '--split', 'val', '--number', 1) == 0
    title, photo = samples[VAL[0]]
    assert title == '224 x 168, transformed' and photo.image.shape == (48, 64, 3)
    assert np.array_equal(photo.mask, pixels(voc_root / f'SegmentationClassAug/{VAL[0]}.png'))


def test_several_scales_show_the_first(browse, samples):
    assert browse(CAM, '--split', 'test', '--number', 1) == 0
    assert samples[TRAIN[0]][0] == '64 x 48, transformed'


def test_the_seed_fixes_the_crops(browse, tmp_path):
    for out, *more in (('all',), ('one', '--ids', TRAIN[4]), ('other', '--seed', 1)):
        assert browse(SEGMENTATION, *more, out=out) == 0
    same, one, other = (pixels(tmp_path / f'{o}/{TRAIN[4]}.png') for o in ('all', 'one', 'other'))
    assert np.array_equal(same, one)
    assert same.shape != other.shape or (same != other).any()


def test_some_images_in_place_of_older_pictures(browse, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / f'{TRAIN[2]}.png').write_text('old')
    assert browse(CAM, '--ids', TRAIN[2], TRAIN[0], TRAIN[2]) == 0
    assert files(tmp_path / 'out') == [f'{TRAIN[0]}.png', f'{TRAIN[2]}.png']
    assert pixels(tmp_path / 'out' / f'{TRAIN[2]}.png').ndim == 3
    assert browse(CAM, '--number', 3, out='even') == 0
    assert files(tmp_path / 'even') == [f'{TRAIN[k]}.png' for k in (0, 2, 5)]  # k * 8 // 3


def test_contact_sheets(browse, tmp_path, monkeypatch):
    assert browse(CAM, '--grid') == 0
    assert files(tmp_path / 'out') == ['contact_sheet_1.png']
    monkeypatch.setattr(stage, '_ON_A_SHEET', 3)
    assert browse(CAM, '--grid', out='three') == 0
    sheets = [f'contact_sheet_{number}.png' for number in (1, 2, 3)]
    assert files(tmp_path / 'three') == sheets
    sizes = [pixels(tmp_path / 'three' / sheet).size for sheet in sheets]
    assert sizes[0] > sizes[2]  # three images and the last two


@pytest.mark.parametrize('config', [SEGMENTATION, CAM], ids=['segmentation', 'cam'])
def test_ids_keep_their_folders(browse, copied_root, tmp_path, config):
    for folder in ('JPEGImages', 'pseudo_masks'):
        (copied_root / folder / 'left').mkdir()
        for path in (copied_root / folder).glob(f'{TRAIN[0]}.*'):
            path.rename(path.parent / 'left' / path.name)
    (copied_root / 'ImageSets/Segmentation/train_aug.txt').write_text(
        f'left/{TRAIN[0]}\n{TRAIN[1]}'
    )
    tags = json.loads((copied_root / 'image_tags.json').read_text())
    tags[f'left/{TRAIN[0]}'] = tags.pop(TRAIN[0])
    (copied_root / 'image_tags.json').write_text(json.dumps(tags))
    assert browse(config, root=copied_root) == 0
    assert files(tmp_path / 'out') == [f'{TRAIN[1]}.png', f'left/{TRAIN[0]}.png']
    assert browse(config, '--ids', f'left/{TRAIN[0]}', root=copied_root, out='one') == 0
    assert files(tmp_path / 'one') == [f'left/{TRAIN[0]}.png']


def test_a_repeated_dataset_is_drawn_once(browse, tmp_path):
    config = tmp_path / 'repeated.py'
    config.write_text(
        f'_base_ = {str(CAM)!r}\n'
        'inner = {{_base_.train_dataloader.dataset}}\n'
        "train_dataloader = dict(dataset=dict(_delete_=True, type='RepeatDataset', times=3,"
        ' dataset=inner))\n'
    )
    assert browse(config) == 0
    assert files(tmp_path / 'out') == [f'{image_id}.png' for image_id in TRAIN]


def test_faults_are_listed_and_the_rest_is_drawn(browse, copied_root, tmp_path, capsys):
    (copied_root / 'JPEGImages' / f'{TRAIN[3]}.jpg').write_text('no photo')
    for mode in stage.MODES:
        assert browse(CAM, '--mode', mode, root=copied_root, out=mode) == 1
        error = capsys.readouterr().err
        assert f'1 x image that cannot be shown: {TRAIN[3]} (' in error
        assert len(files(tmp_path / mode)) == len(TRAIN) - 1


def test_faults_of_masks_are_those_that_training_reports(browse, copied_root, tmp_path, capsys):
    (copied_root / 'pseudo_masks' / f'{TRAIN[3]}.png').unlink()
    assert browse(SEGMENTATION, root=copied_root) == 1
    assert '1 x missing mask' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_wrong_options(browse, copied_root, tmp_path, capsys):
    def error(*args, code=1, **kwargs):
        try:
            assert browse(*args, **kwargs) == code
        except SystemExit as stopped:
            assert stopped.code == code
        assert not (tmp_path / 'out').exists()
        return capsys.readouterr().err

    assert 'none.py' in error(tmp_path / 'none.py')
    assert "--data-root: there is no folder 'gone'" in error(CAM, root='gone')
    assert "--cfg-options takes KEY=VALUE, got ['max_iters']" in error(CAM, options=['max_iters'])
    message = error(CAM, '--ids', TRAIN[0], 'nobody')
    assert '--ids: train dataset of' in message
    assert '1 x id that it does not have: nobody' in message and 'It has 8 ids: 2007_0' in message
    for option, value, text in (
        ('--number', '0', 'must be at least 1, got 0'),
        ('--seed', '-1', 'must be at least 0, got -1'),
        ('--split', 'dev', "invalid choice: 'dev'"),
        ('--mode', 'both', "invalid choice: 'both'"),
    ):
        message = error(CAM, option, value, code=2)
        assert f'argument {option}: {text}' in message
    message = error(CAM, '--number', '2', '--ids', 'x', code=2)
    assert 'not allowed with argument --number' in message


def test_configs_without_tags(browse, tmp_path, capsys):
    assert browse(CONFIGS / 'affinity' / 'seam_r38_voc.py', '--split', 'val') == 1
    assert '--split val: ' in (error := capsys.readouterr().err) and 'no val_dataloader' in error
    config = tmp_path / 'stock.py'
    config.write_text(
        f'_base_ = {str(SEGMENTATION)!r}\n'
        'inner = {{_base_.val_dataloader.dataset.dataset}}\n'
        'val_dataloader = dict(_delete_=True, dataset=inner)\n'
    )
    assert browse(config, '--split', 'val') == 1
    error = capsys.readouterr().err
    assert '--split val: the items of PascalVOCDataset' in error and 'have no tags' in error


def test_a_dataset_file_tells_classes_and_lists(browse, tmp_path, monkeypatch):
    root = write_coco_root(tmp_path / 'coco', images=3)
    convert_coco14(root, root)
    shown, draw = {}, stage.draw_tagged_photo

    def watched(photo, names, *, title):
        shown[title.split(',')[0]] = [names[k] for k in np.flatnonzero(photo.candidates)]
        return draw(photo, names, title=title)

    monkeypatch.setattr(stage, 'draw_tagged_photo', watched)
    assert browse(SEGMENTATION, '--split', 'val', '--mode', 'original', root=root) == 0
    tagged = ['background', 'person', 'bottle', 'toothbrush']
    assert shown == {
        f'COCO_val2014_{101 + k:012d}': tagged if k < 2 else tagged[:1] for k in range(3)
    }
