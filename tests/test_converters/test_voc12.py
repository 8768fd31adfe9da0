# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""VOC 2012 and SBD: which list and which masks come out, and what is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mmocr_wsss.artifacts import write_png
from mmocr_wsss.converters import voc12
from mmocr_wsss.converters.voc12 import convert_voc12, read_sbd_mask
from mmocr_wsss.labels import palette

ROOT = Path(__file__).resolve().parents[2]
#: List -> ids; SBD's lists hold images of both of VOC's.
LISTS = {
    'voc/ImageSets/Segmentation/train.txt': ['2007_000032', '2007_000039'],
    'voc/ImageSets/Segmentation/val.txt': ['2007_000033'],
    'sbd/train.txt': ['2008_000003', '2007_000032'],
    'sbd/val.txt': ['2007_000033', '2008_000001'],
}
TRAIN_AUG = ['2007_000032', '2007_000039', '2008_000001', '2008_000003']


def save_mat(path, mask):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {'GTcls': {'Segmentation': mask, 'CategoriesPresent': np.unique(mask)}})


@pytest.fixture
def archives(tmp_path):
    """Both archives with 6 x 8 masks: VOC's show class 1 and 255, SBD's class 2."""
    for name, ids in LISTS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(ids) + '\n')
    official, added = np.zeros((2, 6, 8), np.uint8)
    official[2:4], official[4], added[:, 3:] = 1, 255, 2
    for image_id in ('2007_000032', '2007_000039', '2007_000033'):
        write_png(tmp_path / f'voc/SegmentationClass/{image_id}.png', official, palette(256))
    for image_id in ('2008_000003', '2007_000032', '2007_000033', '2008_000001'):
        save_mat(tmp_path / f'sbd/cls/{image_id}.mat', added)
    return tmp_path


def convert(archives, **changes):
    options = dict(out=archives / 'out', jobs=1, any_count=True) | changes
    return convert_voc12(archives / 'voc', archives / 'sbd', **options)


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def test_list_and_masks(archives):
    counts = convert(archives)
    assert counts == {'train': 2, 'val': 1, 'train_aug': 4, 'written': 5, 'there': 0}
    lists = archives / 'out/ImageSets/Segmentation'
    assert (lists / 'train_aug.txt').read_text().split() == TRAIN_AUG
    assert (lists / 'val.txt').read_text().split() == ['2007_000033']
    for image_id, values in (
        ('2007_000032', [0, 1, 255]),  # VOC's mask wins over SBD's
        ('2007_000033', [0, 1, 255]),
        ('2008_000001', [0, 2]),
    ):
        with Image.open(archives / f'out/SegmentationClassAug/{image_id}.png') as mask:
            assert mask.mode == 'P' and mask.size == (8, 6)
            assert np.unique(np.asarray(mask)).tolist() == values
            assert mask.getpalette()[3:6] == palette(2)[1]


def test_processes_and_a_second_run_change_nothing(archives):
    convert(archives)
    before = contents(archives / 'out')
    assert convert(archives)['written'] == 0
    next((archives / 'out/SegmentationClassAug').glob('*.png')).unlink()
    assert convert(archives, jobs=2)['written'] == 1
    convert(archives, out=archives / 'two', jobs=2)
    assert contents(archives / 'out') == contents(archives / 'two') == before


def test_without_out_the_folder_of_voc_is_completed(archives):
    before = contents(archives / 'voc')
    convert(archives, out=None)
    after = contents(archives / 'voc')
    assert before.items() <= after.items()
    assert len(after) == len(before) + 5 + 2  # masks, stage.json, train_aug.txt


def test_sizes_of_the_lists_are_checked(archives, monkeypatch):
    with pytest.raises(ValueError, match=r'train_aug has 4 ids, not 10,582(.|\n)*--any-count'):
        convert(archives, any_count=False)
    assert not (archives / 'out').exists()
    monkeypatch.setattr(voc12, 'COUNTS', {'train': 2, 'val': 1, 'train_aug': 4})
    assert convert(archives, any_count=False)['written'] == 5


def test_the_tool(archives):
    tool = ROOT / 'tools/dataset_converters/voc12.py'
    command = [sys.executable, tool, archives / 'voc', archives / 'sbd']
    done = subprocess.run([*command, '--any-count'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'train_aug       4' in done.stdout
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and 'not 1,464' in done.stderr and 'Traceback' not in done.stderr


def remove(name):
    return lambda root: (root / name).unlink()


def rewrite(name, content):
    return lambda root: (root / name).write_bytes(content)


def mat(value, key='GTcls'):
    def change(root):
        savemat(root / 'sbd/cls/2008_000001.mat', {key: value})

    return change


def grey(value):
    image = np.full((6, 8), value, np.uint8)
    return lambda root: write_png(root / 'voc/SegmentationClass/2007_000039.png', image)


def colour_mask(root):
    Image.new('RGB', (8, 6)).save(root / 'voc/SegmentationClass/2007_000039.png')


def cut_mat(root):
    path = root / 'sbd/cls/2008_000001.mat'
    path.write_bytes(path.read_bytes()[:200])


MASK = '2008_000001.mat: no SBD mask with GTcls.Segmentation'


@pytest.mark.parametrize(
    ('change', 'error', 'parts'),
    [
        (remove('sbd/val.txt'), FileNotFoundError, ['sbd/val.txt: no such file']),
        (rewrite('sbd/val.txt', b'\n'), ValueError, ['val.txt: lists no image id']),
        (rewrite('sbd/train.txt', b'a\na\n'), ValueError, ['id listed more than once: a']),
        (remove('sbd/cls/2008_000001.mat'), ValueError, ['1 x missing mask', '2008_000001.mat']),
        (
            remove('voc/SegmentationClass/2007_000033.png'),
            ValueError,
            ['1 x missing mask', '2007_000033.png', 'Unpack both archives'],
        ),
        (rewrite('sbd/cls/2008_000001.mat', b''), ValueError, [MASK, 'Unpack']),
        (rewrite('sbd/cls/2008_000001.mat', b'no mat file' * 99), ValueError, [MASK, 'Unpack']),
        (cut_mat, ValueError, [MASK]),
        (mat({'Segmentation': np.zeros((6, 8), np.uint8)}, key='GTinst'), ValueError, [MASK]),
        (mat({'Boundaries': np.zeros((6, 8), np.uint8)}), ValueError, [MASK]),
        (
            mat({'Segmentation': np.zeros((6, 8, 3), np.uint8)}),
            ValueError,
            ['must be a (H, W) array of class ids, got uint8 (6, 8, 3)'],
        ),
        (mat({'Segmentation': np.full((6, 8), 0.5)}), ValueError, ['class ids, got float64']),
        (
            mat({'Segmentation': np.full((6, 8), 21, np.uint8)}),
            ValueError,
            ['2008_000001.mat: ids must be 0..20 or 255, found [21]'],
        ),
        (grey(30), ValueError, ['2007_000039.png: ids must be 0..20 or 255, found [30]']),
        (colour_mask, ValueError, ['2007_000039.png', "got mode 'RGB'"]),
    ],
)
def test_faults(change, error, parts, archives):
    change(archives)
    with pytest.raises(error) as raised:
        convert(archives)
    for part in parts:
        assert part in str(raised.value)
    assert not list((archives / 'out').rglob('.*'))


def test_masks_of_another_origin_are_not_mixed_in(archives):
    write_png(archives / 'out/SegmentationClassAug/x.png', np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match=r'holds .png files but no stage.json(.|\n)*--out FOLDER'):
        convert(archives)


def test_convention_ids_of_a_mat_file_are_kept(archives):
    mask = np.arange(21, dtype=np.uint8).reshape(3, 7)
    save_mat(archives / 'x.mat', mask)
    np.testing.assert_array_equal(read_sbd_mask(archives / 'x.mat'), mask)
