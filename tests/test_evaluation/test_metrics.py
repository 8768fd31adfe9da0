# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric

from mmocr_wsss.evaluation import OutOfCandidateRate, SupportedIoUMetric


def sample(predicted, truth=None, candidates=(1, 1, 0)):
    item = dict(img_path='a.jpg', pred_sem_seg=dict(data=torch.tensor([predicted])))
    if truth is not None:
        item['gt_sem_seg'] = dict(data=torch.tensor([truth]))
    if candidates is not None:
        item['candidates'] = torch.tensor(candidates, dtype=torch.bool)
    return item


def test_rate_by_hand():
    metric = OutOfCandidateRate()
    # one of three valid pixels is class 2; the other class-2 pixel is ignored
    metric.process({}, [sample([[0, 1], [2, 2]], [[0, 0], [1, 255]])])
    # without masks every pixel counts: three of four
    metric.process({}, [sample([[2, 2], [2, 0]])])
    assert metric.evaluate(2) == {'oc_rate': pytest.approx(4 / 7)}


def test_rate_needs_candidates_and_survives_no_valid_pixel():
    metric = OutOfCandidateRate()
    with pytest.raises(ValueError, match='a.jpg: no candidates .*ImageTagDataset'):
        metric.process({}, [sample([[0]], candidates=None)])
    with pytest.raises(ValueError, match='a.jpg: class id 3 is predicted, the tags stand for 3'):
        metric.process({}, [sample([[3]])])
    metric.process({}, [sample([[2]], [[255]])])
    assert metric.evaluate(1) == {'oc_rate': 0}


def test_rate_ignore_index_matters():
    metric = OutOfCandidateRate(ignore_index=7)
    metric.process({}, [sample([[2, 2, 0]], [[7, 1, 1]])])
    assert metric.evaluate(1) == {'oc_rate': pytest.approx(0.5)}


def test_supported_iou_leaves_rare_classes_out():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (20, 20))
    truth[0, 0] = 2  # one pixel of class 2
    predicted = rng.integers(0, 3, (20, 20))
    pair = [sample(predicted.tolist(), truth.tolist())]
    values = {}
    for name, metric in {
        'stock': IoUMetric(),
        'supported': SupportedIoUMetric(min_pixels=2),
        'all': SupportedIoUMetric(min_pixels=1),
        'none': SupportedIoUMetric(min_pixels=10**6),
    }.items():
        metric.dataset_meta = dict(classes=('background', 'a', 'b'))
        metric.process({}, pair)
        values[name] = metric.evaluate(1)
    iou = []
    for k in range(2):
        both = ((predicted == k) & (truth == k)).sum()
        iou.append(100 * both / ((predicted == k) | (truth == k)).sum())
    assert values['supported']['mIoU'] == values['stock']['mIoU']
    assert values['supported']['mIoU_supported'] == pytest.approx(np.mean(iou), abs=0.01)
    assert values['all']['mIoU_supported'] == pytest.approx(values['stock']['mIoU'], abs=0.01)
    assert np.isnan(values['none']['mIoU_supported'])
    with pytest.raises(ValueError, match='min_pixels must be > 0, got 0'):
        SupportedIoUMetric(min_pixels=0)
