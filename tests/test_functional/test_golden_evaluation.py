# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The sweep against the official evaluation scripts of SEAM and MCTformer."""

import numpy as np
import pytest
from golden import load_golden

from mmocr_wsss.functional.cam_sweep import (
    cut_points,
    sweep_confusions,
    sweep_histogram,
    until_first_drop,
)
from mmocr_wsss.functional.confusion import class_iou, confusion_matrix, false_ratios

THRESHOLDS = np.arange(60) / 100


@pytest.fixture(scope='module')
def golden():
    return load_golden('evaluation.npz')


def maps_and_ids(golden, image_id):
    """(k, H, W) CAMs of an image and their class ids."""
    names = golden.names(prefix=f'in.cam.{image_id}.', kinds=('in',))
    indices = sorted(int(name.rsplit('.', 1)[1]) for name in names)
    maps = [golden.input(f'cam.{image_id}.{k}').numpy() for k in indices]
    return np.stack(maps), [k + 1 for k in indices]


def test_matches_the_official_scripts(golden):
    num_classes = golden.config['num_classes']
    cuts = cut_points(THRESHOLDS)
    assert len(cuts) == len(THRESHOLDS)
    histogram, maps_scored = 0, 0
    for image_id in golden.arrays['in.ids'].tolist():
        maps, class_ids = maps_and_ids(golden, image_id)
        truth = golden.input(f'gt.{image_id}').numpy()
        histogram = histogram + sweep_histogram(maps, class_ids, truth, cuts, num_classes)
        prediction = golden.input(f'pred.{image_id}').numpy()
        maps_scored = maps_scored + confusion_matrix(prediction, truth, num_classes)
    confusions = sweep_confusions(histogram)
    iou = class_iou(confusions)
    curve = iou.mean(axis=1)
    best = int(curve.argmax())
    golden.check('seam.miou_curve', curve)
    golden.check('seam.class_iou', iou)
    golden.check('seam.best_threshold', THRESHOLDS[best])
    golden.check('seam.best_miou', curve[best])
    golden.check('seam.png_class_iou', class_iou(maps_scored))
    golden.check('seam.png_miou', class_iou(maps_scored).mean())
    positives, negatives = (ratio[best].mean() for ratio in false_ratios(confusions))
    golden.check('mct.miou_fp_fn_at_best', [curve[best], positives, negatives])
    golden.check('mct.curve_until_first_drop', until_first_drop(curve))
    golden.check('mct.best', [THRESHOLDS[best], curve[best]])
    golden.assert_all_checked()
