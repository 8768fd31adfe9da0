# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest
from PIL import Image

from mmocr_wsss.datasets.transforms import PackScaledViews


def results(height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    tags = np.array([0, 1, 1], np.float32)
    return dict(img=image, img_path='x/a.jpg', img_id='a', gt_score=tags)


def test_sizes_and_meta():
    packed = PackScaledViews((1.0, 0.5, 1.5)).transform(results(45, 61))
    # Half to even: 45 * 0.5 = 22.5 -> 22, 61 * 0.5 = 30.5 -> 30, 45 * 1.5 = 67.5 -> 68
    assert [tuple(view.shape) for view in packed['inputs']] == [
        (3, 45, 61), (3, 22, 30), (3, 68, 92),
    ]  # fmt: skip
    sample = packed['data_samples']
    assert (sample.img_id, sample.img_path, sample.ori_shape) == ('a', 'x/a.jpg', (45, 61))
    assert sample.gt_score.tolist() == [0, 1, 1]


def test_views_are_pillows_bicubic():
    item = results(40, 60)
    full, half = PackScaledViews((1.0, 0.5)).transform(item)['inputs']
    assert (full.numpy() == item['img'].transpose(2, 0, 1)).all()
    expected = np.asarray(Image.fromarray(item['img']).resize((30, 20), Image.BICUBIC))
    assert (half.numpy() == expected.transpose(2, 0, 1)).all()


def test_no_side_is_lost():
    (view,) = PackScaledViews((0.1,)).transform(results(3, 50))['inputs']
    assert tuple(view.shape) == (3, 1, 5)


@pytest.mark.parametrize('scales', [(), (1.0, 0.0)])
def test_bad_scales(scales):
    with pytest.raises(ValueError, match='scales must be positive'):
        PackScaledViews(scales)


def test_scale_1_is_made_smaller_but_never_larger():
    pack = PackScaledViews((1.0, 0.5), max_long_edge=30)
    packed = pack.transform(results(40, 60))
    assert [tuple(view.shape[1:]) for view in packed['inputs']] == [(20, 30), (10, 15)]
    assert packed['data_samples'].ori_shape == (40, 60)
    small = pack.transform(results(20, 28))['inputs']
    assert [tuple(view.shape[1:]) for view in small] == [(20, 28), (10, 14)]
    assert 'max_long_edge=30' in repr(pack)
    with pytest.raises(ValueError, match='max_long_edge must be >= 1 or None, got 0'):
        PackScaledViews((1.0,), max_long_edge=0)
