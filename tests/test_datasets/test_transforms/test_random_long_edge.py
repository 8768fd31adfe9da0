# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Longer side at random, by Pillow's filter."""

from collections import Counter

import numpy as np
import pytest
from mmengine.registry import TRANSFORMS, init_default_scope
from PIL import Image

from mmocr_wsss.datasets.transforms import RandomLongEdge


def photo(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ('size', 'edge', 'expected'),
    [
        ((60, 80), 40, (30, 40)),
        ((80, 60), 40, (40, 30)),
        ((50, 50), 75, (75, 75)),
        # 375 * 256 / 500 = 192; 333 * 257 / 500 = 171.162.
        ((375, 500), 256, (192, 256)),
        ((500, 333), 257, (257, 171)),
        # 3 * 5 / 6 = 2.5 goes to the even 2, 3 * 7 / 6 = 3.5 to the even 4; never to 0.
        ((6, 3), 5, (5, 2)),
        ((6, 3), 7, (7, 4)),
        ((100, 1), 10, (10, 1)),
    ],
)
def test_convention_sizes(size, edge, expected):
    results = RandomLongEdge((edge, edge))({'img': photo(*size)})
    assert results['img'].shape == (*expected, 3)
    assert results['img_shape'] == expected
    assert results['scale_factor'] == (expected[1] / size[1], expected[0] / size[0])


@pytest.mark.parametrize('edge', [20, 47, 90])
def test_pixels_are_those_of_pillow(edge):
    image = photo(60, 45)
    shown = RandomLongEdge((edge, edge))({'img': image[..., ::-1]})['img'][..., ::-1]
    size = (round(45 * edge / 60), edge)
    expected = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(shown, np.asarray(expected))
    other = RandomLongEdge((edge, edge), backend='cv2')({'img': image})['img']
    assert (other != shown[..., ::-1]).any()


def test_every_length_of_the_range_is_equally_likely():
    np.random.seed(0)
    transform = RandomLongEdge((3, 7))
    counts = Counter(transform({'img': photo(4, 2)})['img'].shape[0] for _ in range(2000))
    assert sorted(counts) == [3, 4, 5, 6, 7]
    # Standard deviation of a count: sqrt(2000 * 0.2 * 0.8) = 18.
    assert all(abs(count - 400) < 80 for count in counts.values())


def test_masks_follow_by_nearest_neighbour():
    mask = np.array([[1, 2], [3, 255]], np.uint8)
    sample = {'img': photo(2, 2), 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map']}
    results = RandomLongEdge((4, 4))(sample)
    np.testing.assert_array_equal(results['gt_seg_map'], mask.repeat(2, 0).repeat(2, 1))


def test_built_in_the_scope_of_mmpretrain():
    init_default_scope('mmpretrain')
    transform = TRANSFORMS.build({'type': 'mmocr_wsss.RandomLongEdge', 'edge_range': [256, 512]})
    assert repr(transform) == (
        "RandomLongEdge(edge_range=(256, 512), interpolation='bicubic', backend='pillow')"
    )


def test_errors():
    for wrong in ((0, 5), (6, 5), (5,), (4.0, 5)):
        with pytest.raises(ValueError, match='edge_range must be two integers'):
            RandomLongEdge(wrong)
    with pytest.raises(TypeError, match='needs a uint8 image, got float32. Put it before'):
        RandomLongEdge()({'img': np.zeros((4, 4, 3), np.float32)})
