# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Images and pseudo masks from two folders; COCO's class list."""

import numpy as np
import pytest
from mmengine.registry import DATASETS, init_default_scope
from PIL import Image

from mmocr_wsss.datasets import COCO14Dataset, PseudoMaskDataset
from mmocr_wsss.labels import CLASS_SETS

PIPELINE = [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}]


@pytest.fixture(autouse=True)
def host_scope():
    init_default_scope('mmseg')


def test_reads_images_and_masks_from_two_folders(voc_root):
    dataset = DATASETS.build(
        {
            'type': 'mmocr_wsss.PseudoMaskDataset',
            'classes': 'voc',
            'ann_file': 'ImageSets/Segmentation/train_aug.txt',
            'data_root': str(voc_root),
            'data_prefix': {'img_path': 'JPEGImages', 'seg_map_path': 'pseudo_masks'},
            'pipeline': PIPELINE,
        }
    )
    assert len(dataset) == 8
    sample = dataset[3]['data_samples']
    assert sample.img_path == str(voc_root / 'JPEGImages' / '2007_000004.jpg')
    mask = np.array(Image.open(voc_root / 'pseudo_masks' / '2007_000004.png'))
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0].numpy(), mask)
    assert (mask == 255).any()
    assert dataset.metainfo['classes'] == ('background', *CLASS_SETS['voc'])
    assert dataset.metainfo['palette'][1] == [128, 0, 0]
    assert dataset.metainfo['reduce_zero_label'] is False


def make_set(root, ids=('a', 'b', 'c', 'd'), list_text=None):
    """Four 6 x 8 photos with masks of ids 0..2 and 255."""
    for folder in ('photos', 'masks'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    mask = np.tile(np.array([0, 1, 2, 255], np.uint8), (6, 2))
    for image_id in ids:
        Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(root / 'photos' / f'{image_id}.jpg')
        Image.fromarray(mask).save(root / 'masks' / f'{image_id}_label.png')
    (root / 'list.txt').write_text(list_text or '\n'.join(ids))
    return {
        'classes': ['cat', 'dog'],
        'ann_file': 'list.txt',
        'data_root': str(root),
        'data_prefix': {'img_path': 'photos', 'seg_map_path': 'masks'},
        'seg_map_suffix': '_label.png',
    }


def test_path_style_lists_and_no_list(tmp_path):
    config = make_set(tmp_path, list_text='/JPEGImages/c.jpg /SegmentationClassAug/c.png\n')
    dataset = PseudoMaskDataset(**config)
    assert [dataset.get_data_info(i)['seg_map_path'] for i in range(len(dataset))] == [
        str(tmp_path / 'masks' / 'c_label.png')
    ]
    assert len(PseudoMaskDataset(**{**config, 'ann_file': ''})) == 4


def error_of(config):
    with pytest.raises(ValueError) as error:
        PseudoMaskDataset(**config)
    return str(error.value)


def test_all_file_faults_come_in_one_error(tmp_path):
    config = make_set(tmp_path, ids=tuple('abcdefgh'))
    (tmp_path / 'photos' / 'a.jpg').unlink()
    (tmp_path / 'masks' / 'b_label.png').unlink()
    Image.fromarray(np.full((6, 8), 3, np.uint8)).save(tmp_path / 'masks' / 'c_label.png')
    Image.fromarray(np.zeros((8, 6), np.uint8)).save(tmp_path / 'masks' / 'd_label.png')
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / 'masks' / 'e_label.png')
    (tmp_path / 'masks' / 'f_label.png').write_bytes(b'no image')
    (tmp_path / 'photos' / 'g.jpg').write_bytes(b'no image')
    message = error_of(config)
    assert message.startswith(f'PseudoMaskDataset {tmp_path}/list.txt:\n')
    assert f'1 x missing image: {tmp_path}/photos/a.jpg\n' in message
    assert f'1 x missing mask: {tmp_path}/masks/b_label.png\n' in message
    assert f'1 x mask with class ids out of range: {tmp_path}/masks/c_label.png [3]\n' in message
    assert 'masks/d_label.png (8, 6) not (6, 8)\n' in message
    assert '2 x mask that cannot be read as 8-bit class ids: ' in message
    assert '1 x image that cannot be read: ' in message
    assert 'ids 0..2 or 255' in message


def test_files_are_checked_only_where_wanted(tmp_path):
    config = make_set(tmp_path)
    Image.fromarray(np.full((6, 8), 3, np.uint8)).save(tmp_path / 'masks' / 'c_label.png')
    assert len(PseudoMaskDataset(**config, check_masks=False)) == 4
    assert len(PseudoMaskDataset(**config, indices=[0, 1])) == 2
    lazy = PseudoMaskDataset(**config, lazy_init=True)
    for _ in range(2):  # a failed initialisation is not taken for a finished one
        with pytest.raises(ValueError, match='out of range'):
            lazy.full_init()
    (tmp_path / 'masks' / 'b_label.png').unlink()
    assert '1 x missing mask' in error_of({**config, 'check_masks': False})


def test_photos_that_are_turned_when_loaded_have_the_size_of_the_mask(tmp_path):
    config = make_set(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(np.zeros((8, 6, 3), np.uint8))
    turned.save(tmp_path / 'photos' / 'a.jpg', exif=exif)
    dataset = PseudoMaskDataset(**config, pipeline=PIPELINE)
    sample = dataset[0]
    assert sample['inputs'].shape[1:] == sample['data_samples'].gt_sem_seg.shape == (6, 8)


def test_wrong_arguments(tmp_path):
    config = make_set(tmp_path)
    assert 'would drop the background' in error_of({**config, 'reduce_zero_label': True})
    assert 'leave out' in error_of({**config, 'classes': ['background', 'cat']})
    assert 'name the classes by `classes`' in error_of({**config, 'metainfo': {'classes': ['x']}})
    prefix = {'img_path': 'photos'}
    assert "['seg_map_path'] is missing" in error_of({**config, 'data_prefix': prefix})
    with pytest.raises(FileNotFoundError, match=r'none\.txt: no such file'):
        PseudoMaskDataset(**{**config, 'ann_file': 'none.txt'})
    prefix = {'img_path': 'photos', 'seg_map_path': 'none'}
    with pytest.raises(FileNotFoundError, match=r"none: no such folder \(data_prefix\['seg_map"):
        PseudoMaskDataset(**{**config, 'data_prefix': prefix})
    (tmp_path / 'empty').mkdir()
    prefix = {'img_path': 'empty', 'seg_map_path': 'masks'}
    config = {**config, 'ann_file': '', 'data_prefix': prefix}
    assert "empty: no file ends with '.jpg'" in error_of(config)


def test_further_metainfo_is_kept(tmp_path):
    dataset = PseudoMaskDataset(**make_set(tmp_path), metainfo={'origin': 'cam'})
    assert dataset.metainfo['origin'] == 'cam'
    assert dataset.metainfo['classes'] == ('background', 'cat', 'dog')


def test_convention_coco_ids_follow_the_sorted_categories(tmp_path):
    classes, colours = COCO14Dataset.METAINFO['classes'], COCO14Dataset.METAINFO['palette']
    assert (len(classes), len(colours)) == (81, 81)
    assert (classes[0], classes[1], classes[12], classes[80]) == (
        'background', 'person', 'stop sign', 'toothbrush',
    )  # fmt: skip
    assert len({tuple(colour) for colour in colours}) == 81
    make_set(tmp_path)
    dataset = DATASETS.build(
        {
            'type': 'mmocr_wsss.COCO14Dataset',
            'ann_file': str(tmp_path / 'list.txt'),
            'data_prefix': {
                'img_path': str(tmp_path / 'photos'),
                'seg_map_path': str(tmp_path / 'masks'),
            },
            'seg_map_suffix': '_label.png',
            'pipeline': PIPELINE,
            'test_mode': True,
        }
    )
    assert dataset[0]['data_samples'].gt_sem_seg.data.unique().tolist() == [0, 1, 2, 255]


def test_photos_alone_where_nothing_is_trained(voc_root):
    options = dict(
        classes='voc',
        data_root=str(voc_root),
        ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(img_path='JPEGImages'),
    )
    dataset = PseudoMaskDataset(**options, test_mode=True)
    assert len(dataset) == 4
    assert all('seg_map_path' not in dataset.get_data_info(index) for index in range(4))
    with pytest.raises(ValueError, match='seg_map_path.* is missing'):
        PseudoMaskDataset(**options)
    with pytest.raises(ValueError, match='4 x missing image'):
        PseudoMaskDataset(**options, test_mode=True, img_suffix='.bmp')
