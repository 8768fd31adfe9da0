# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Mosaic and packer that carry candidates."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS, init_default_scope

from mmocr_wsss.datasets.transforms import CandidateMosaic, PackCandidateInputs
from mmocr_wsss.labels import CLASS_SETS

LOAD = [{'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}]


@pytest.fixture(autouse=True)
def host_scope():
    init_default_scope('mmseg')


def scene(class_id, candidates):
    return {
        'img': np.full((8, 8, 3), class_id, np.uint8),
        'gt_seg_map': np.full((8, 8), class_id, np.uint8),
        'seg_fields': ['gt_seg_map'],
        'candidates': np.array(candidates, dtype=bool),
    }


def test_mosaic_unites_candidates():
    results = scene(1, [1, 1, 0, 0, 0])
    results['mix_results'] = [
        scene(2, [1, 0, 1, 0, 0]), scene(1, [1, 1, 0, 0, 0]), scene(0, [1, 0, 0, 0, 1]),
    ]  # fmt: skip
    results = CandidateMosaic(prob=1.0, img_scale=(8, 8))(results)
    assert results['gt_seg_map'].shape == (16, 16)
    assert results['candidates'].tolist() == [True, True, True, False, True]


def test_no_mosaic_keeps_the_candidates():
    results = scene(1, [1, 1, 0])
    results['mix_results'] = [scene(2, [1, 0, 1])] * 3
    results = CandidateMosaic(prob=0.0, img_scale=(8, 8))(results)
    assert results['candidates'].tolist() == [True, True, False]


def test_mosaic_without_candidates_is_refused():
    results = scene(1, [1, 1, 0])
    part = scene(2, [1, 0, 1])
    del part['candidates']
    results['mix_results'] = [part] * 3
    with pytest.raises(ValueError, match='inside MultiImageMixDataset, not around it'):
        CandidateMosaic(prob=1.0, img_scale=(8, 8))(results)


def test_mosaic_in_mmseg_covers_every_class_it_shows(voc_root):
    dataset = DATASETS.build(
        {
            'type': 'MultiImageMixDataset',
            'dataset': {
                'type': 'mmocr_wsss.ImageTagDataset',
                'tags': 'image_tags.json',
                'dataset': {
                    'type': 'PascalVOCDataset',
                    'data_root': str(voc_root),
                    'ann_file': 'ImageSets/Segmentation/train_aug.txt',
                    'data_prefix': {
                        'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClassAug',
                    },
                    'pipeline': LOAD,
                },
            },
            'pipeline': [
                {'type': 'mmocr_wsss.CandidateMosaic', 'prob': 1.0, 'img_scale': (48, 64)},
                {'type': 'RandomFlip', 'prob': 0.5},
                {'type': 'mmocr_wsss.PackCandidateInputs'},
            ],
        }
    )  # fmt: skip
    tags = json.loads((voc_root / 'image_tags.json').read_text())
    grew = 0
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        shown = sample.gt_sem_seg.data.unique()
        assert sample.candidates[shown[shown != 255]].all()
        own = [CLASS_SETS['voc'].index(name) + 1 for name in tags[Path(sample.img_path).stem]]
        assert sample.candidates[own].all()
        grew += int(sample.candidates.sum()) > 1 + len(own)
    assert grew > 0


def test_packer_gives_a_data_field_and_the_valid_box():
    results = {**scene(1, [1, 1, 0]), 'img_path': 'a.jpg', 'valid_box': (0, 0, 8, 8)}
    sample = PackCandidateInputs()(results)['data_samples']
    assert sample.candidates.dtype == torch.bool
    assert sample.candidates.tolist() == [True, True, False]
    assert 'candidates' not in sample.metainfo
    assert sample.metainfo == {'img_path': 'a.jpg', 'valid_box': (0, 0, 8, 8)}
    results['candidates'][:] = False
    assert sample.candidates[0]  # a copy
    sample = PackCandidateInputs(meta_keys=('valid_box',))(results)['data_samples']
    assert sample.metainfo == {'valid_box': (0, 0, 8, 8)}


def test_packer_without_candidates_is_refused():
    results = scene(1, [1, 1, 0])
    del results['candidates']
    with pytest.raises(ValueError, match='finds no `candidates` in the results'):
        PackCandidateInputs()(results)
