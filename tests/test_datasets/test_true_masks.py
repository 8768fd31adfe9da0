# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Training on the true masks of a dataset is refused, under any name."""

import logging
import shutil

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image

from mmocr_wsss.artifacts import write_png
from mmocr_wsss.datasets import PseudoMaskDataset
from mmocr_wsss.datasets.true_masks import TrueMasksError, refuse_true_masks
from mmocr_wsss.labels import palette


@pytest.fixture
def root(tmp_path, voc_root):
    init_default_scope('mmseg')
    shutil.copytree(voc_root, tmp_path / 'voc')
    return tmp_path / 'voc'


def dataset(root, folder, **options):
    return PseudoMaskDataset(
        classes='voc',
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_root=str(root),
        data_prefix=dict(img_path='JPEGImages', seg_map_path=str(folder)),
        **options,
    )


def test_pseudo_masks_are_taken(root):
    assert len(dataset(root, 'pseudo_masks')) == 8


@pytest.mark.parametrize('name', ['SegmentationClass', 'SegmentationClassAug', 'link'])
def test_folders_of_true_masks_are_refused_by_name(root, name):
    shutil.copytree(root / 'SegmentationClassAug', root / 'SegmentationClass')
    (root / 'link').symlink_to(root / 'SegmentationClassAug')
    with pytest.raises(TrueMasksError) as error:
        dataset(root, name)
    for part in (name, 'is a folder of true masks', 'seg_map_path', 'allow_true_masks=True'):
        assert part in str(error.value)


def test_copies_are_refused_whatever_their_encoding(root):
    (root / 'mine').mkdir()
    for path in (root / 'SegmentationClassAug').iterdir():
        ids = np.array(Image.open(path))
        ids[:3] = 255  # a few pixels ignored: still the true mask
        write_png(root / 'mine' / path.name, ids)
    with pytest.raises(TrueMasksError, match='8 masks compared with .*SegmentationClassAug are'):
        dataset(root, 'mine')
    # One mask of another make is enough to be believed.
    ids = np.array(Image.open(root / 'mine' / '2007_000001.png'))
    ids[10:20, 10:30] = 7
    write_png(root / 'mine' / '2007_000001.png', ids, palette(21))
    assert len(dataset(root, 'mine')) == 8


def test_evaluation_is_free_and_training_by_option_with_a_warning(root, caplog):
    assert len(dataset(root, 'SegmentationClassAug', test_mode=True)) == 8
    with caplog.at_level(logging.WARNING):
        assert len(dataset(root, 'SegmentationClassAug', allow_true_masks=True)) == 8


def test_two_equal_masks_prove_nothing(root):
    (root / 'mine').mkdir()
    names = ['2007_000001.png', '2007_000002.png']
    for name in names:
        shutil.copy(root / 'SegmentationClassAug' / name, root / 'mine')
    refuse_true_masks(str(root / 'mine'), str(root), names)
    refuse_true_masks(str(root / 'mine'), None, names)
