# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The wrapper that attaches candidates to any segmentation dataset."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import ConcatDataset, RepeatDataset, pseudo_collate
from mmengine.registry import DATASETS, init_default_scope
from mmseg.datasets import BaseSegDataset, PascalVOCDataset
from PIL import Image
from torch.utils.data import DataLoader

from mmocr_wsss.datasets import ImageTagDataset
from mmocr_wsss.labels import CLASS_SETS

VOC = CLASS_SETS['voc']
LOAD = [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}]
AUGMENT = [
    *LOAD,
    {'type': 'RandomResize', 'scale': (64, 48), 'ratio_range': (0.5, 2.0), 'keep_ratio': True},
    {'type': 'RandomCrop', 'crop_size': (16, 16)},
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'PhotoMetricDistortion'},
    {'type': 'PackSegInputs'},
]


@pytest.fixture(autouse=True)
def host_scope():
    init_default_scope('mmseg')


def voc_config(root, pipeline=AUGMENT, masks='SegmentationClassAug', **kwargs):
    return {
        'type': 'PascalVOCDataset',
        'data_root': str(root),
        'ann_file': 'ImageSets/Segmentation/train_aug.txt',
        'data_prefix': {'img_path': 'JPEGImages', 'seg_map_path': masks},
        'pipeline': pipeline,
        **kwargs,
    }


def wrap(dataset, tags='image_tags.json', **kwargs):
    config = {'type': 'mmocr_wsss.ImageTagDataset', 'dataset': dataset, 'tags': tags, **kwargs}
    return DATASETS.build(config)


def candidate_names(candidates):
    return [name for name, on in zip(('background', *VOC), candidates, strict=True) if on]


def expected_names(root, path):
    tags = json.loads((Path(root) / 'image_tags.json').read_text())
    return ['background', *(name for name in VOC if name in tags[Path(path).stem])]


def test_packed_samples_carry_candidates_through_augmentation(voc_root):
    dataset = wrap(voc_config(voc_root))
    assert len(dataset) == 8
    seen = set()
    for index in [*range(8)] * 3:
        sample = dataset[index]['data_samples']
        assert sample.candidates.dtype == torch.bool
        assert candidate_names(sample.candidates) == expected_names(voc_root, sample.img_path)
        assert 'candidates' not in sample.metainfo  # a data field: moves with .to()
        shown = sample.gt_sem_seg.data.unique()
        assert sample.candidates[shown[shown != 255]].all()
        seen.add(Path(sample.img_path).stem)
    assert len(seen) == 8


def test_a_crop_keeps_all_tags(voc_root):
    crop = [*LOAD, {'type': 'RandomCrop', 'crop_size': (4, 4)}, {'type': 'PackSegInputs'}]
    dataset = wrap(voc_config(voc_root, crop))
    gone = 0
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        assert candidate_names(sample.candidates) == expected_names(voc_root, sample.img_path)
        gone += int(sample.candidates.sum()) > len(torch.unique(sample.gt_sem_seg.data))
    assert gone > 0


def test_plain_results_and_data_infos_carry_candidates(voc_root):
    dataset = wrap(voc_config(voc_root, LOAD))
    results = dataset[2]
    assert results['candidates'].dtype == np.bool_ and results['img'].shape == (48, 64, 3)
    assert candidate_names(results['candidates']) == expected_names(voc_root, results['img_path'])
    info = dataset.get_data_info(2)
    np.testing.assert_array_equal(info['candidates'], results['candidates'])
    # Samples do not share one array that a transform could write to.
    results['candidates'][:] = False
    assert dataset[2]['candidates'][0]


def test_workers_give_the_same_candidates(voc_root):
    dataset = wrap(voc_config(voc_root))
    loader = DataLoader(dataset, batch_size=3, num_workers=2, collate_fn=pseudo_collate)
    samples = [sample for batch in loader for sample in batch['data_samples']]
    assert len(samples) == 8
    for sample, tags in zip(samples, dataset.tag_matrix, strict=True):
        assert sample.candidates[1:].tolist() == tags.tolist()


class RejectFirst(BaseTransform):
    """Gives None for one image, so that MMEngine fetches another at random."""

    def transform(self, results):
        return None if results['img_path'].endswith('2007_000001.jpg') else results


def test_candidates_follow_the_returned_sample_not_the_index(voc_root):
    inner = PascalVOCDataset(
        **{k: v for k, v in voc_config(voc_root, [*LOAD, RejectFirst()]).items() if k != 'type'}
    )
    dataset = ImageTagDataset(inner, 'image_tags.json')
    for _ in range(10):
        results = dataset[0]
        assert Path(results['img_path']).stem != '2007_000001'
        expected = expected_names(voc_root, results['img_path'])
        assert candidate_names(results['candidates']) == expected


class TwoViews(BaseTransform):
    """Packs like TestTimeAug: lists of inputs and of samples."""

    def transform(self, results):
        return {key: [value, copy.deepcopy(value)] for key, value in results.items()}


def test_lists_of_samples_are_all_given_candidates(voc_root):
    pipeline = [*LOAD, {'type': 'PackSegInputs'}, TwoViews()]
    inner = PascalVOCDataset(
        **{k: v for k, v in voc_config(voc_root, pipeline).items() if k != 'type'}
    )
    first, second = ImageTagDataset(inner, 'image_tags.json')[0]['data_samples']
    assert first.candidates.sum() > 1 and first.candidates.equal(second.candidates)


def test_wrapper_contract(voc_root):
    dataset = wrap(voc_config(voc_root))
    inner = DATASETS.build(voc_config(voc_root))
    assert dataset.metainfo == inner.metainfo
    dataset.metainfo['classes'] = ()
    assert dataset.metainfo == inner.metainfo
    for name in ('get_subset', 'get_subset_'):
        with pytest.raises(TypeError, match='Set `indices` in the config of the wrapped'):
            getattr(dataset, name)([0])
    assert len(wrap(voc_config(voc_root, indices=3))) == 3


def test_tag_matrix_lists_the_items_in_order(voc_root):
    dataset = wrap(voc_config(voc_root))
    assert dataset.tag_matrix.shape == (8, 20)
    for index, row in enumerate(dataset.tag_matrix):
        path = dataset.get_data_info(index)['img_path']
        assert ['background', *np.array(VOC)[row]] == expected_names(voc_root, path)
    with pytest.raises(ValueError, match='read-only'):
        dataset.tag_matrix[0, 0] = True


def test_lazy_init_puts_off_reading(voc_root):
    dataset = wrap(voc_config(voc_root, lazy_init=True), tags='none.json', lazy_init=True)
    assert dataset.metainfo['classes'][0] == 'background'
    with pytest.raises(FileNotFoundError, match=r'none\.json'):
        dataset.full_init()
    lazy = wrap(voc_config(voc_root, lazy_init=True), lazy_init=True)
    assert not lazy.dataset._fully_initialized
    assert lazy.tag_matrix.sum() == wrap(voc_config(voc_root)).tag_matrix.sum()
    assert lazy.dataset._fully_initialized


def test_concatenated_and_repeated_datasets(voc_root):
    train = voc_config(voc_root)
    val = voc_config(voc_root, ann_file='ImageSets/Segmentation/val.txt')
    concat = {'type': 'ConcatDataset', 'datasets': [train, val]}
    dataset = wrap({'type': 'RepeatDataset', 'times': 2, 'dataset': concat})
    assert len(dataset) == 24 and dataset.tag_matrix.shape == (24, 20)
    for index in (0, 9, 12, 23):
        sample = dataset[index]['data_samples']
        assert candidate_names(sample.candidates) == expected_names(voc_root, sample.img_path)
        assert sample.candidates[1:].tolist() == dataset.tag_matrix[index].tolist()
    instance = ConcatDataset([DATASETS.build(train), DATASETS.build(val)])
    assert wrap(instance).tag_matrix.shape == (12, 20)
    outside = {'type': 'mmocr_wsss.ImageTagDataset', 'dataset': train, 'tags': 'image_tags.json'}
    repeated = RepeatDataset(outside, times=2)
    assert repeated[9]['data_samples'].candidates[0]


def test_tags_from_a_dict_an_absolute_and_a_relative_path(voc_root, tmp_path, monkeypatch):
    table = json.loads((voc_root / 'image_tags.json').read_text())
    by_dict = wrap(voc_config(voc_root), tags=table)
    shutil.copy(voc_root / 'image_tags.json', tmp_path / 'elsewhere.json')
    by_path = wrap(voc_config(voc_root), tags=str(tmp_path / 'elsewhere.json'))
    monkeypatch.chdir(tmp_path)  # the working folder does not matter with a data_root
    by_root = wrap(voc_config(voc_root))
    np.testing.assert_array_equal(by_dict.tag_matrix, by_root.tag_matrix)
    np.testing.assert_array_equal(by_path.tag_matrix, by_root.tag_matrix)
    with pytest.raises(FileNotFoundError, match=str(voc_root / 'elsewhere.json')):
        wrap(voc_config(voc_root), tags='elsewhere.json')


def make_images(root, *names):
    for name in names:
        path = root / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)
    return {
        'type': 'BaseSegDataset',
        'data_root': str(root),
        'data_prefix': {'img_path': 'images', 'seg_map_path': 'masks'},
        'metainfo': {'classes': ('background', 'cat', 'dog')},
        'pipeline': [{'type': 'LoadImageFromFile'}],
    }


def test_nested_images_are_told_apart_by_folders(tmp_path):
    dataset = make_images(tmp_path, 'bonn/1.jpg', 'ulm/1.jpg', 'ulm/2.jpg')
    table = {'bonn/1': ['cat'], 'images/ulm/1': ['dog'], '2': ['cat', 'dog'], 'unused': []}
    assert wrap(dataset, table).tag_matrix.tolist() == [
        [True, False], [False, True], [True, True],
    ]  # fmt: skip


def test_images_that_share_an_entry_are_refused(tmp_path):
    dataset = make_images(tmp_path, 'bonn/1.jpg', 'ulm/1.jpg', 'ulm/2.jpg')
    with pytest.raises(ValueError) as error:
        wrap(dataset, {'1': ['cat'], '2': ['dog']})
    assert '2 x id that stands for several images: 1 (' in str(error.value)
    assert 'folder/stem' in str(error.value)


def test_all_table_faults_come_in_one_error(tmp_path):
    dataset = make_images(tmp_path, *(f'{number}.jpg' for number in range(9)))
    with pytest.raises(ValueError) as error:
        wrap(dataset, {'0': ['lion'], '1': ['cat'], '2': [1], '1.jpg': ['cat']})
    message = str(error.value)
    assert message.startswith('tags for BaseSegDataset:\n')
    assert "1 x entry with unknown class names: 0 ['lion']\n" in message
    assert '1 x entry without exactly one number for each of the 2 classes: 2 (1)\n' in message
    assert '1 x id given more than once: 1\n' in message
    assert f'6 x id without tags: 3 ({tmp_path}/images/3.jpg), 4 (' in message
    assert "names among ['cat', 'dog']" in message and '8 (' not in message


def test_convention_class_0_must_be_the_background(tmp_path):
    dataset = make_images(tmp_path, '1.jpg')
    dataset['metainfo'] = {'classes': ('cat', 'dog')}
    with pytest.raises(ValueError, match="BaseSegDataset: class id 0 must be 'background'"):
        wrap(dataset, {'1': ['cat']})
    dataset['metainfo'] = {'classes': ('background', 'cat')}
    dataset['reduce_zero_label'] = True
    with pytest.raises(ValueError, match='reduce_zero_label=True'):
        wrap(dataset, {'1': ['cat']})


def test_a_dropped_or_changed_img_path_is_an_error(voc_root):
    pipeline = [*LOAD, {'type': 'PackSegInputs', 'meta_keys': ('ori_shape',)}]
    with pytest.raises(ValueError, match="List 'img_path' in the meta_keys of PackSegInputs"):
        wrap(voc_config(voc_root, pipeline))[0]

    class Renamed(BaseSegDataset):
        def __getitem__(self, index):
            return {**super().__getitem__(index), 'img_path': 'new.jpg'}

    config = {k: v for k, v in voc_config(voc_root, LOAD).items() if k != 'type'}
    config['metainfo'] = PascalVOCDataset.METAINFO
    with pytest.raises(ValueError, match=r"Renamed returned img_path='new\.jpg', which is no"):
        wrap(Renamed(**config))[0]


MOSAIC = {'type': 'RandomMosaic', 'prob': 1.0, 'img_scale': (32, 32)}


def test_mixing_datasets_are_refused_by_name(voc_root):
    mixed = {
        'type': 'MultiImageMixDataset',
        'dataset': voc_config(voc_root, LOAD),
        'pipeline': [MOSAIC, {'type': 'PackSegInputs'}],
    }
    repeated = {'type': 'RepeatDataset', 'times': 2, 'dataset': mixed}
    for dataset in (mixed, repeated):
        with pytest.raises(ValueError, match='cannot wrap MultiImageMixDataset') as error:
            wrap(dataset, str(voc_root / 'image_tags.json'))
        assert 'mmocr_wsss.CandidateMosaic' in str(error.value)
        assert 'mmocr_wsss.PackCandidateInputs' in str(error.value)
    nested = {'type': 'RandomApply', 'transforms': [MOSAIC], 'prob': 0.5}
    for transform in (MOSAIC, nested):
        with pytest.raises(ValueError, match='cannot wrap RandomMosaic'):
            wrap(voc_config(voc_root, [*LOAD, transform]))


def test_without_a_background_it_is_no_candidate(voc_root):
    with_it = ImageTagDataset(voc_config(voc_root), 'image_tags.json')
    without = ImageTagDataset(voc_config(voc_root), 'image_tags.json', background=False)
    for one, other in zip(with_it, without, strict=True):
        one, other = (sample['data_samples'].candidates for sample in (one, other))
        assert one[0] and not other[0] and torch.equal(one[1:], other[1:])
    tags = {path.stem: [] for path in (voc_root / 'JPEGImages').iterdir()}
    with pytest.raises(ValueError, match='8 x image without tags, which background=False'):
        ImageTagDataset(voc_config(voc_root), tags, background=False)
