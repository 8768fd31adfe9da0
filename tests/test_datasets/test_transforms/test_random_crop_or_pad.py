# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Crop or paste to a fixed size, with exact zero padding after normalisation."""

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS, MODELS, TRANSFORMS, init_default_scope
from mmseg.datasets.transforms import PackSegInputs

from mmocr_wsss.datasets.transforms import RandomCropOrPad, RandomRescale

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@pytest.fixture(autouse=True)
def host_scope():
    init_default_scope('mmseg')


def sample(height, width):
    """Every pixel tells its place: image (1 + row, 1 + column, 7), mask = row."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([1 + rows, 1 + columns, np.full_like(rows, 7)], axis=-1)
    return {
        'img': image.astype(np.uint8),
        'gt_seg_map': rows.astype(np.uint8),
        'gt_edge_map': columns.astype(np.uint8),
        'seg_fields': ['gt_seg_map', 'gt_edge_map'],
    }


def offsets_of(results):
    """Source offset (row, column) and rectangle, read from the pixels themselves."""
    shown = results['img'][..., 2] == 7
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    assert shown.sum() == len(rows) * len(columns)
    box = (rows[0], columns[0], len(rows), len(columns))
    first = results['img'][rows[0], columns[0]]
    return (int(first[0]) - 1, int(first[1]) - 1), tuple(int(value) for value in box)


@pytest.mark.parametrize('size', [(9, 12), (4, 5), (9, 5), (4, 12), (6, 8), (6, 3)])
@pytest.mark.parametrize('placement, fill', [('random', 255), ('topleft', 0)])
def test_every_allowed_offset_occurs_and_no_other(size, placement, fill):
    np.random.seed(0)
    crop = (6, 8)
    transform = RandomCropOrPad(crop, placement=placement, seg_pad_val=fill)
    sources, targets = set(), set()
    for _ in range(150):
        results = transform(sample(*size))
        source, box = offsets_of(results)
        assert results['valid_box'] == box
        assert all(type(value) is int for value in results['valid_box'])
        top, left, height, width = box
        inside = np.s_[top : top + height, left : left + width]
        # Image and masks share the offsets.
        mask = results['gt_seg_map'].astype(float)
        np.testing.assert_array_equal(mask[inside], results['img'][inside][..., 0] - 1)
        edge = results['gt_edge_map'].astype(float)
        np.testing.assert_array_equal(edge[inside], results['img'][inside][..., 1] - 1)
        mask[inside] = fill
        assert (mask == fill).all()
        assert results['img'].shape == (6, 8, 3) and results['img'].dtype == np.float32
        assert results['gt_seg_map'].dtype == np.uint8
        assert results['img_shape'] == results['pad_shape'] == crop
        sources.add(source)
        targets.add((top, left))
    margins = [range(max(side - out, 0) + 1) for side, out in zip(size, crop, strict=True)]
    assert sources == {(y, x) for y in margins[0] for x in margins[1]}
    if placement == 'topleft':
        assert targets == {(0, 0)}
    else:
        room = [range(max(out - side, 0) + 1) for side, out in zip(size, crop, strict=True)]
        assert targets == {(y, x) for y in room[0] for x in room[1]}


def normalised(results, **preprocessor):
    packed = PackSegInputs(meta_keys=('valid_box',))(results)
    module = MODELS.build(
        {'type': 'SegDataPreProcessor', 'mean': MEAN, 'std': STD, 'size': (6, 8), **preprocessor}
    )
    batch = {'inputs': [packed['inputs']], 'data_samples': [packed['data_samples']]}
    data = module(batch, training=True)
    return data['inputs'][0], data['data_samples'][0]


@pytest.mark.parametrize('order', ['bgr', 'rgb'])
def test_convention_padding_is_exactly_zero_after_normalisation(order):
    results = sample(4, 5)
    transform = RandomCropOrPad((6, 8), pad_val=MEAN, channel_order=order)
    inputs, data_sample = normalised(transform(results), bgr_to_rgb=order == 'bgr')
    top, left, height, width = data_sample.metainfo['valid_box']
    outside = torch.ones(6, 8, dtype=torch.bool)
    outside[top : top + height, left : left + width] = False
    assert outside.sum() == 48 - 20
    assert (inputs[:, outside] == 0).all()
    assert (inputs[:, ~outside] != 0).all()
    # Photo pixels stay what they were: 7 is the last channel before any swap.
    channel = 0 if order == 'bgr' else 2
    expected = (torch.tensor(7.0) - MEAN[channel]) / STD[channel]
    torch.testing.assert_close(inputs[channel][~outside], expected.expand(20))
    assert (data_sample.gt_sem_seg.data[0][outside] == 255).all()


def test_works_without_masks_and_takes_one_side():
    results = RandomCropOrPad(6)({'img': sample(9, 9)['img']})
    assert results['img'].shape == (6, 6, 3)
    assert results['valid_box'] == (0, 0, 6, 6)


def test_errors():
    for wrong in ((0, 5), (4, 5, 6), (4.0, 5)):
        with pytest.raises(ValueError, match='crop_size must be'):
            RandomCropOrPad(wrong)
    with pytest.raises(ValueError, match="placement must be 'random' or 'topleft', got 'centre'"):
        RandomCropOrPad(4, placement='centre')
    with pytest.raises(ValueError, match="channel_order must be 'bgr' or 'rgb'"):
        RandomCropOrPad(4, channel_order='grb')
    with pytest.raises(ValueError, match='pad_val must be three numbers'):
        RandomCropOrPad(4, pad_val=(0, 0))
    with pytest.raises(ValueError, match='seg_pad_val must be a class id in 0..255'):
        RandomCropOrPad(4, seg_pad_val=-1)
    results = {**sample(5, 5), 'img_path': 'a.jpg'}
    results['gt_seg_map'] = results['gt_seg_map'][:4]
    with pytest.raises(ValueError, match=r'a\.jpg: gt_seg_map has the size \(4, 5\), the image'):
        RandomCropOrPad(4)(results)
    with pytest.raises(ValueError, match=r'needs a \(H, W, 3\) image, got \(5, 5\)'):
        RandomCropOrPad(4)({'img': np.zeros((5, 5), np.uint8)})


def test_the_reference_pipeline_runs_in_a_dataset(voc_root):
    meta_keys = ('img_path', 'img_shape', 'ori_shape', 'flip', 'flip_direction', 'valid_box')
    dataset = DATASETS.build(
        {
            'type': 'mmocr_wsss.ImageTagDataset',
            'tags': 'image_tags.json',
            'dataset': {
                'type': 'mmocr_wsss.PseudoMaskDataset',
                'classes': 'voc',
                'ann_file': 'ImageSets/Segmentation/train_aug.txt',
                'data_root': str(voc_root),
                'data_prefix': {'img_path': 'JPEGImages', 'seg_map_path': 'pseudo_masks'},
                'pipeline': [
                    {'type': 'LoadImageFromFile'},
                    {'type': 'LoadAnnotations'},
                    {'type': 'mmocr_wsss.HSVJitter'},
                    {'type': 'RandomFlip', 'prob': 0.5},
                    {
                        'type': 'mmocr_wsss.RandomRescale',
                        'ratio_range': [0.5, 1.5],
                        'interpolation': 'bicubic',
                    },
                    {'type': 'mmocr_wsss.RandomCropOrPad', 'crop_size': [56, 56]},
                    {'type': 'PackSegInputs', 'meta_keys': meta_keys},
                ],
            },
        }
    )
    for index in range(len(dataset)):
        packed = dataset[index]
        assert packed['inputs'].shape == (3, 56, 56)
        sample = packed['data_samples']
        top, left, height, width = sample.valid_box
        outside = torch.ones(56, 56, dtype=torch.bool)
        outside[top : top + height, left : left + width] = False
        assert (sample.gt_sem_seg.data[0][outside] == 255).all()
        assert sample.candidates[0]


def test_stock_random_resize_draws_ratios_of_its_scale(voc_root):
    # Checked since configs use it: sizes are ratio x scale, fitted, in the whole range.
    np.random.seed(0)
    resize = TRANSFORMS.build(
        {
            'type': 'RandomResize',
            'scale': (64, 64),
            'ratio_range': (0.5, 1.5),
            'keep_ratio': True,
            'interpolation': 'bicubic',
        }
    )
    assert resize.resize.interpolation == 'bicubic'
    widths = []
    for _ in range(200):
        results = resize(sample(48, 64))
        assert results['gt_seg_map'].shape == results['img'].shape[:2]
        assert set(np.unique(results['gt_seg_map'])) <= set(range(48))
        widths.append(results['img'].shape[1])
        assert abs(results['img'].shape[0] - 0.75 * widths[-1]) <= 1
    assert 32 <= min(widths) < 36 and 92 < max(widths) <= 96


def test_random_rescale_uses_the_own_size():
    np.random.seed(0)
    transform = RandomRescale(ratio_range=(0.5, 1.5))
    widths = []
    for _ in range(200):
        results = transform(sample(30, 20))
        assert results['img'].shape[:2] == results['gt_seg_map'].shape == results['img_shape']
        assert results['gt_edge_map'].shape == results['img_shape']
        widths.append(results['img'].shape[1])
        assert abs(results['img'].shape[0] - 1.5 * widths[-1]) <= 1.25
    assert (min(widths), max(widths)) == (10, 30)
    factor = RandomRescale(ratio_range=(2.0, 2.0))
    results = factor(sample(3, 4))
    assert results['img'].shape == (6, 8, 3)
    # Nearest: only ids that were there, each doubled.
    assert results['gt_seg_map'][:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert RandomRescale(ratio_range=(0.01, 0.01))(sample(3, 4))['img'].shape == (1, 1, 3)


def test_random_rescale_interpolation_matters():
    results = [
        RandomRescale((1.5, 1.5), interpolation=name)(sample(9, 9))['img']
        for name in ('bilinear', 'bicubic')
    ]
    assert (results[0] != results[1]).any()
    for wrong in ((0, 1), (1.5, 0.5), (1,)):
        with pytest.raises(ValueError, match='ratio_range must be'):
            RandomRescale(wrong)
