# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The one-pass sweep against the argmax that it stands for."""

import numpy as np
import pytest

from mmocr_wsss.functional.cam_sweep import (
    cut_index,
    cut_points,
    sweep_confusions,
    sweep_histogram,
    threshold_of_power,
    until_first_drop,
)
from mmocr_wsss.functional.confusion import confusion_matrix

THRESHOLDS = np.arange(0, 1, 0.05)
POWERS = [0.5, 1, 4, 24]


def scene(seed, num_classes, k, *, lowest=0.0):
    """Maps in steps of 0.05, so that ties with thresholds and between classes abound."""
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(np.arange(1, num_classes), size=k, replace=False))
    maps = (rng.integers(0, 21, size=(k, 13, 17)) / 20 + lowest).astype(np.float32)
    truth = rng.choice([0, *ids, num_classes - 1, 255], size=(13, 17)).astype(np.uint8)
    return maps, ids, truth


def argmax_prediction(maps, ids, background, num_classes):
    """As the official scripts predict: absent classes are channels of zeros."""
    scores = np.zeros((num_classes, *maps.shape[1:]), np.float32)
    scores[0] = background
    scores[ids] = maps
    return scores.argmax(axis=0)


@pytest.mark.parametrize('lowest', [0.0, -0.2])
@pytest.mark.parametrize('num_classes, k', [(21, 3), (81, 5), (4, 3), (21, 1)])
def test_equals_one_argmax_per_background(num_classes, k, lowest):
    cuts = cut_points(THRESHOLDS, POWERS)
    histogram, expected = 0, {}
    for seed in range(3):
        maps, ids, truth = scene(seed, num_classes, k, lowest=lowest)
        histogram = histogram + sweep_histogram(maps, ids, truth, cuts, num_classes)
        backgrounds = {float(t): np.float32(t) for t in THRESHOLDS}
        for power in POWERS:
            backgrounds[f'power {power}'] = np.power(1 - maps.max(axis=0), np.float32(power))
        for name, background in backgrounds.items():
            predicted = argmax_prediction(maps, ids, background, num_classes)
            one = confusion_matrix(predicted, truth, num_classes)
            expected[name] = expected.get(name, 0) + one
    confusions = sweep_confusions(histogram)
    assert confusions.dtype == np.int64
    for index, threshold in zip(cut_index(cuts, THRESHOLDS), THRESHOLDS, strict=True):
        np.testing.assert_array_equal(confusions[index], expected[float(threshold)])
    for power in POWERS:
        (index,) = cut_index(cuts, [threshold_of_power(power)])
        np.testing.assert_array_equal(confusions[index], expected[f'power {power}'])


def test_by_hand():
    # Pixels: score 0.3 equals the threshold, so background; 0.6 tie between classes 2 and 4,
    # so class 2; 0.2 background; the last is ignored.
    maps = np.array([[[0.3, 0.6, 0.2, 0.9]], [[0.1, 0.6, 0.1, 0.9]]], np.float32)
    truth = np.array([[2, 4, 0, 255]], np.uint8)
    cuts = cut_points([0.3])
    (confusion,) = sweep_confusions(sweep_histogram(maps, [2, 4], truth, cuts, 5))
    assert confusion[2, 0] == confusion[4, 2] == confusion[0, 0] == 1 and confusion.sum() == 3


def test_an_image_without_tags_is_background():
    truth = np.array([[0, 1, 255]], np.uint8)
    cuts = cut_points([0.0, 0.5])
    histogram = sweep_histogram(np.zeros((0, 1, 3), np.float32), [], truth, cuts, 3)
    for confusion in sweep_confusions(histogram):
        assert confusion.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize('power', [0.5, 1, 2, 4, 24, 32])
def test_threshold_of_power_is_the_border_of_the_formula(power):
    border = threshold_of_power(power)
    above = np.nextafter(border, np.float32(1))
    assert (1 - np.float64(border)) ** power == pytest.approx(border, rel=1e-4)
    assert np.power(1 - border, np.float32(power)) >= border
    assert np.power(1 - above, np.float32(power)) < above


def test_known_powers():
    # 1 - v = v; and (1 - v)^2 = v has the root (3 - sqrt 5) / 2.
    assert threshold_of_power(1) == np.float32(0.5)
    assert threshold_of_power(2) == pytest.approx((3 - 5**0.5) / 2, rel=1e-6)
    for power in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match='background power must be a finite number > 0'):
            threshold_of_power(power)


def test_cut_points_are_sorted_float32_without_repetition():
    cuts = cut_points([0.3, 0.1, 0.5], powers=[1])
    assert cuts.dtype == np.float32
    assert cuts.tolist() == [np.float32(v) for v in (0.1, 0.3, 0.5)]
    assert cut_index(cuts, [0.5, 0.1]).tolist() == [2, 0]
    for missing in (0.2, 0.9):
        with pytest.raises(ValueError, match=f'{missing}.* are not among the 3 cut points'):
            cut_index(cuts, [missing])


def test_errors():
    with pytest.raises(ValueError, match=r'finite and >= 0, got \[-0\.1\]'):
        cut_points([0.1, -0.1])
    with pytest.raises(ValueError, match=r'finite and >= 0, got \[nan\]'):
        cut_points([np.nan])
    with pytest.raises(ValueError, match='at least one threshold or power'):
        cut_points([])
    cuts, maps = cut_points([0.1]), np.zeros((1, 2, 3), np.float32)
    truth = np.zeros((2, 3), np.uint8)
    with pytest.raises(ValueError, match=r'one id in 1\.\.2 per map, got \[3\] for 1 maps'):
        sweep_histogram(maps, [3], truth, cuts, 3)
    with pytest.raises(ValueError, match=r'got \[1, 2\] for 1 maps'):
        sweep_histogram(maps, [1, 2], truth, cuts, 3)
    with pytest.raises(ValueError, match=r'the size \(2, 3\), got \(3, 2\)'):
        sweep_histogram(maps, [1], truth.T, cuts, 3)
    with pytest.raises(ValueError, match=r'true ids must be in 0\.\.2 or 255, got \[9\]'):
        sweep_histogram(maps, [1], truth + 9, cuts, 3)


@pytest.mark.parametrize(
    'curve, logged',
    [([1, 2, 1.5, 3], 3), ([1, 2, 2, 3], 3), ([1, 2, 3], 3), ([0, 1], 1), ([5], 1)],
)
def test_until_first_drop(curve, logged):
    np.testing.assert_array_equal(until_first_drop(curve), curve[:logged])
