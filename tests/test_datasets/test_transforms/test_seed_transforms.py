# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The transforms behind it repeat with the seed of the index, whatever ran before."""

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from mmengine.registry import TRANSFORMS, init_default_scope

from mmocr_wsss.datasets.transforms import SeedTransforms
from mmocr_wsss.seeding import SeededIndex, seed_generators

#: Those that configs use, and others that people may want.
RANDOM = [
    dict(type='mmocr_wsss.RandomLongEdge', edge_range=(20, 60)),
    dict(type='mmocr_wsss.RandomRescale', ratio_range=(0.5, 1.5)),
    dict(type='mmocr_wsss.RandomCropOrPad', crop_size=24),
    dict(type='mmocr_wsss.HSVJitter'),
    dict(type='RandomResizedCrop', scale=24),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1),
    dict(type='RandAugment', policies='timm_increasing', num_policies=2, total_level=10,
         magnitude_level=9, magnitude_std=0.5),
    dict(type='RandomErasing', erase_prob=0.5, mode='rand'),
    dict(type='RandomGrayscale', prob=0.5, keep_channels=True),
    dict(type='RandomCrop', crop_size=20),
    dict(type='RandomResize', scale=(40, 40), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomApply', prob=0.5, transforms=dict(type='mmocr_wsss.HSVJitter')),
]  # fmt: skip


@pytest.fixture(autouse=True)
def host_scope():
    init_default_scope('mmpretrain')


def results(draw):
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return {'img': image, 'img_shape': (30, 40), 'sample_idx': SeededIndex(0, (1, 0, 0, draw))}


@pytest.mark.parametrize('config', RANDOM, ids=lambda config: config['type'].split('.')[-1])
def test_transforms_draw_from_the_generators_that_are_seeded(config):
    transform = TRANSFORMS.build(config)

    def run(draw):
        return transform(SeedTransforms()(results(draw)))['img'].copy()

    first = [run(draw) for draw in range(8)]
    seed_generators(99)
    for draw in (5, 2, 7):
        np.testing.assert_array_equal(run(draw), first[draw])
    assert len({(image.shape, image.tobytes()) for image in first}) > 1


def test_every_generator_is_seeded_and_the_index_becomes_an_int():
    def draw(number):
        result = SeedTransforms()(results(number))
        assert type(result['sample_idx']) is int
        return random.random(), np.random.rand(), torch.rand(1).item()

    first, other = draw(3), draw(4)
    assert all(a != b for a, b in zip(first, other, strict=True))
    assert draw(3) == first


class TenSamples(BaseDataset):
    def load_data_list(self):
        return [{'number': number} for number in range(10)]


@pytest.mark.parametrize('serialize', [True, False])
def test_the_index_survives_the_datasets_of_the_host(serialize):
    drawn = []
    seen = TRANSFORMS.build(dict(type='mmocr_wsss.SeedTransforms'))

    def note(results):
        drawn.append((results['number'], random.random()))
        return results

    dataset = TenSamples(pipeline=[seen, note], serialize_data=serialize)
    concat, repeat = ConcatDataset([dataset, dataset]), RepeatDataset(dataset, 3)
    for index, source in ((4, dataset), (14, concat), (24, repeat), (4, concat)):
        source[SeededIndex(index, (1, 2, 3))]
    assert {number for number, _ in drawn} == {4}
    assert len(set(drawn)) == 1


def test_an_index_without_a_seed_is_refused():
    for index in (3, None):
        with pytest.raises(ValueError, match=r'a\.jpg: SeedTransforms got the index .*Seeded'):
            SeedTransforms()({'img_path': 'a.jpg', 'sample_idx': index})
    with pytest.raises(ValueError, match='carries no seed'):
        TenSamples(pipeline=[SeedTransforms()])[3]
