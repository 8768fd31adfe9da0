# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Measures of a confusion matrix, by hand."""

import math

import numpy as np
import pytest

from mmocr_wsss.functional.confusion import (
    activation_errors,
    class_iou,
    confusion_matrix,
    false_ratios,
    foreground_split,
    measures,
    supported_classes,
)

# Rows are true, columns predicted. Class 3 is true on 10 pixels and never hit, class 4 is absent.
#   hits 50 20 6 0 0, predicted 58 30 12 0 0, true 60 24 6 10 0
CONFUSION = np.array(
    [[50, 8, 2, 0, 0], [4, 20, 0, 0, 0], [0, 0, 6, 0, 0], [4, 2, 4, 0, 0], [0, 0, 0, 0, 0]]
)
IOU = [100 * 50 / 68, 100 * 20 / 34, 50, 0, 0]


def test_confusion_of_a_label_map():
    truth = np.array([[0, 1, 1], [2, 255, 0]], np.uint8)
    prediction = np.array([[0, 1, 2], [2, 1, 1]], np.uint8)
    confusion = confusion_matrix(prediction, truth, 3)
    assert confusion.dtype == np.int64
    assert confusion.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 1]]


def test_confusion_refuses_what_it_cannot_count():
    mask = np.zeros((2, 3), np.uint8)
    with pytest.raises(ValueError, match=r'must have the size \(2, 3\), got \(3, 2\)'):
        confusion_matrix(mask, mask.T, 3)
    with pytest.raises(ValueError, match=r'true ids must be in 0\.\.2 or 255, got \[3\]'):
        confusion_matrix(mask, mask + 3, 3)
    with pytest.raises(ValueError, match=r'predicted ids must be in 0\.\.2, got \[255\]'):
        confusion_matrix(mask + 255, mask, 3)


def test_iou_and_false_ratios():
    np.testing.assert_allclose(class_iou(CONFUSION), IOU)
    positives, negatives = false_ratios(CONFUSION)
    np.testing.assert_allclose(positives, [800 / 68, 1000 / 34, 50, 0, 0])
    np.testing.assert_allclose(negatives, [1000 / 68, 400 / 34, 0, 100, 0])
    stacked = class_iou(np.stack([CONFUSION, CONFUSION.T]))
    np.testing.assert_allclose(stacked, [IOU, IOU])  # the union does not change


def test_supported_classes():
    assert supported_classes(CONFUSION, 10).tolist() == [True, True, False, True, False]
    assert supported_classes(CONFUSION[None], 11).tolist() == [True, True, False, False, False]
    with pytest.raises(ValueError, match='min_pixels must be > 0, got 0'):
        supported_classes(CONFUSION, 0)


def test_activation_leaves_classes_without_hits_out_and_counts_them():
    over, under, missed = activation_errors(CONFUSION)
    # Classes 1 and 2; class 3 is missed, class 4 neither hit nor missed.
    assert over == pytest.approx((10 / 20 + 6 / 6) / 2)
    assert under == pytest.approx((4 / 20 + 0 / 6) / 2)
    assert missed == 1
    over, under, missed = activation_errors(np.array([[5, 0], [3, 0]]))
    assert math.isnan(over) and math.isnan(under) and missed == 1


def test_foreground_split():
    split = foreground_split(CONFUSION)
    assert split == {
        'background_as_foreground': 10.0,
        'foreground_as_background': 8.0,
        'foreground_as_other': 6.0,
    }
    # The three and the hits are all pixels.
    assert sum(split.values()) + np.trace(CONFUSION) == 100


def test_measures_are_plain_numbers():
    values = measures(CONFUSION, supported_classes(CONFUSION, 10))
    assert values['miou'] == pytest.approx(np.mean(IOU))
    assert values['miou_supported'] == pytest.approx(np.mean([IOU[0], IOU[1], IOU[3]]))
    assert values['background_iou'] == pytest.approx(IOU[0])
    assert values['foreground_miou'] == pytest.approx(np.mean(IOU[1:]))
    assert values['foreground_classes_never_hit'] == 1
    assert all(type(value) in (int, float) for value in values.values())
    nothing = measures(np.zeros((2, 2), np.int64), np.zeros(2, bool))
    assert nothing['miou'] == 0 and nothing['miou_supported'] is None
    assert nothing['over_activation'] is None
