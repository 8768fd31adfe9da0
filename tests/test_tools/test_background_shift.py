# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""mIoU and OC rate of checkpoints under a shift of the background's score."""

import json
import re

import numpy as np
import pytest
import torch
from conftest import SEAM, SMALL

from mmocr_wsss.artifacts import read_json
from mmocr_wsss.evaluation import BackgroundShift


def sample(logits, truth, candidates):
    logits = torch.tensor(logits, dtype=torch.float).reshape(3, 1, -1)
    return dict(
        img_path='a.jpg',
        seg_logits=dict(data=logits),
        pred_sem_seg=dict(data=logits.argmax(0, keepdim=True)),
        gt_sem_seg=dict(data=torch.tensor(truth).reshape(1, 1, -1)),
        candidates=torch.tensor(candidates),
    )


def test_counts_by_hand():
    metric = BackgroundShift(shifts=[0, 1.5, -100])
    # Background 0 everywhere; pixels predicted 1, 2, 2 and 2; the last is ignored.
    logits = [[0, 0, 0, 0], [2, 0.5, -1, -2], [1, 1, 2, 3]]
    metric.process({}, [sample(logits, [1, 0, 2, 255], [True, True, False])])
    assert metric.evaluate(1) == {'oc_rate': pytest.approx(2 / 3)}
    assert metric.oc_rates == pytest.approx([200 / 3, 100 / 3, 200 / 3])
    assert metric.confusions[0].tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert metric.confusions[1].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    # Nothing is left of the images before.
    metric.process({}, [sample(logits, [1, 0, 2, 255], [True, True, True])])
    assert metric.evaluate(1) == {'oc_rate': 0} and metric.confusions[0].sum() == 3


def test_a_tie_is_background_as_in_argmax():
    metric = BackgroundShift(shifts=[0])
    metric.process({}, [sample([[1, 1], [1, 0], [0, 1]], [0, 0], [True, False, False])])
    assert metric.evaluate(1) == {'oc_rate': 0}


def test_needs_shifts_and_masks():
    with pytest.raises(ValueError, match='shifts must hold at least one number'):
        BackgroundShift(shifts=[])
    without = sample([[0], [1], [2]], [0], [True, False, False])
    del without['gt_sem_seg']
    with pytest.raises(ValueError, match=r'a\.jpg: no true mask'):
        BackgroundShift(shifts=[0]).process({}, [without])


@pytest.fixture
def compare(run_tool, voc_root, tmp_path):
    def run(*more, config=SEAM):
        return run_tool(
            'analysis/background_shift', config, '--data-root', voc_root, '--work-dir',
            tmp_path / 'work', '--out', tmp_path / 'out.json', *more, '--cfg-options', *SMALL,
        )  # fmt: skip

    return run


def test_the_table_and_the_stock_test_agree(
    compare, run_tool, voc_root, checkpoint, tmp_path, capsys
):
    state = torch.load(checkpoint, weights_only=True)
    state['state_dict']['decode_head.conv_seg.bias'][0] += 1.0
    other = tmp_path / 'other.pth'
    torch.save(state, other)
    groups = ['--group', 'as it is', checkpoint, '--group', 'shifted', other, other]
    assert compare(*groups, '--shifts', -1, 0, 1) == 0
    table = capsys.readouterr().out.strip().splitlines()[-5:]
    assert table[0].startswith('| added to the background | as it is: mIoU | OC rate (1 check')
    assert re.match(r'\| -1 \| [\d.]+ \| [\d.]+ \| [\d.]+ \| [\d.]+ \|$', table[2])
    found = read_json(tmp_path / 'out.json')
    (first,), (second, third) = found['groups'].values()
    assert second == third and found['shifts'] == [-1, 0, 1]
    # A larger bias of the background is a shift of its score.
    for key in ('miou_supported', 'oc_rate'):
        assert np.allclose(second[key][:2], first[key][1:], atol=0.02), key
    assert first['oc_rate'] == sorted(first['oc_rate'], reverse=True)
    options = ['--data-root', voc_root, '--work-dir', tmp_path / 'test', '--cfg-options', *SMALL]
    assert run_tool('test', SEAM, checkpoint, *options) == 0
    (metrics,) = (tmp_path / 'test').glob('*/*.json')
    assert json.loads(metrics.read_text())['oc_rate'] * 100 == pytest.approx(
        first['oc_rate'][1], abs=1e-4
    )


def test_what_is_wrong_is_said(compare, checkpoint, tmp_path, capsys):
    for more, message in (
        (['--group', 'a'], '--group takes a name of its own and at least one checkpoint'),
        (['--group', 'a', tmp_path / 'no.pth'], 'no.pth'),
        (['--group', 'a', checkpoint, '--group', 'a', checkpoint], '--group takes a name of its'),
        (['--group', 'a', checkpoint, '--min-pixels', 10**9], 'no class has so many true pixels'),
    ):
        assert compare(*more) == 1
        assert message in capsys.readouterr().err
