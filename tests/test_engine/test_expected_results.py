# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Entries of expected_results: which are taken, what is wrong with others, what a run says."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmocr_wsss.engine import expected_results
from mmocr_wsss.engine.expected_results import (
    Measured,
    Published,
    check_expected_results,
    compare_with_published,
    read_expected_results,
    report_expected_results,
    scored_list,
)

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
OF_PAPER = dict(metric='mIoU', published=64.5, source='a paper')
GAIN = dict(metric='mIoU', published_gain=3.3, source='a paper')


def config(entries, **more):
    return Config(dict(expected_results=entries, **more), filename=None)


def published(value=64.5, split='val', gain=False):
    return Published('mIoU', value, 'a paper', split, gain)


@pytest.mark.parametrize(
    'entry, expected',
    [
        (('mIoU', 48.1, 0.3), Measured('mIoU', 48.1, 0.3)),
        (['mIoU', 48, 0], Measured('mIoU', 48, 0)),
        (OF_PAPER, published(split=None)),
        (OF_PAPER | dict(split='val'), published()),
        (GAIN, published(3.3, None, gain=True)),
        (GAIN | dict(published_gain=-1), published(-1, None, gain=True)),
    ],
)
def test_forms_of_entries(entry, expected):
    assert read_expected_results(config([entry])) == [expected]


@pytest.mark.parametrize(
    'entry, rule',
    [
        ('mIoU', 'three parts or be a dict'),
        (('mIoU', 48.1), 'three parts or be a dict'),
        (('mIoU', 48.1, 0.3, 'published'), 'three parts or be a dict'),
        (('', 48.1, 0.3), 'the metric must be the name'),
        ((3, 48.1, 0.3), 'the metric must be the name'),
        (('mIoU', '48.1', 0.3), 'the value must be a finite number'),
        (('mIoU', float('nan'), 0.3), 'the value must be a finite number'),
        (('mIoU', True, 0.3), 'the value must be a finite number'),
        (('mIoU', 48.1, -0.3), 'the tolerance must be a finite number >= 0'),
        (('mIoU', 48.1, float('inf')), 'the tolerance must be a finite number >= 0'),
        (('mIoU', 48.1, None), 'the tolerance must be a finite number >= 0'),
        (dict(published=64.5, source='a paper'), 'metric must be a text'),
        (dict(metric='mIoU', published=64.5), 'source must be a text'),
        (OF_PAPER | dict(source=' '), 'source must be a text'),
        (dict(metric='mIoU', source='a paper'), 'one of published and published_gain'),
        (OF_PAPER | GAIN, 'one of published and published_gain'),
        (OF_PAPER | dict(published=None), 'the published number must be finite'),
        (OF_PAPER | dict(published=float('nan')), 'the published number must be finite'),
        (OF_PAPER | dict(split=7), 'split must be the name of a list'),
        (OF_PAPER | dict(tolerance=0.3), 'unknown key tolerance'),
    ],
)
def test_a_malformed_entry_is_named_with_rule_and_way_out(entry, rule):
    cfg = Config.fromfile(CONFIGS / 'segmentation' / 'seam_r38_voc.py')
    cfg.expected_results = [('mIoU', 1.0, 0.5), entry]
    with pytest.raises(ValueError) as error:
        read_expected_results(cfg)
    text = str(error.value)
    assert 'segmentation/seam_r38_voc.py: expected_results' in text
    assert rule in text and 'entry 1, ' in text and 'entry 0' not in text
    assert "Write ('mIoU', 48.13, 0.3)" in text


def test_all_malformed_entries_are_one_error():
    with pytest.raises(ValueError, match=r'(?s)1 x .*entry 0.*2 x .*entry 2, .*entry 3, '):
        read_expected_results(config([('a', 'b', 1), OF_PAPER, 1, 2]))


@pytest.mark.parametrize('nothing', [None, [], ()])
def test_no_entries_are_an_error(nothing):
    with pytest.raises(ValueError, match='has no expected_results .*dataset.json'):
        read_expected_results(config(nothing))


def test_a_single_entry_is_no_list():
    with pytest.raises(ValueError, match='must be a list of entries'):
        read_expected_results(config(OF_PAPER))


@pytest.mark.parametrize(
    'entry, metrics, scored, said',
    [
        (published(), dict(mIoU=63.25), 'val', 'measured 63.25, difference -1.25'),
        (published(), dict(mIoU=65.0), 'val', 'measured 65, difference +0.50'),
        (published(split=None), dict(mIoU=65.0), 'val', 'difference +0.50'),
        (published(), dict(mIoU=65.0), None, 'difference +0.50'),
        (published(), dict(mIoU=65.0), 'train', 'this run scored train, so they are not compared'),
        (published(), dict(mIoU=float('nan')), 'val', 'measured nan, difference +nan'),
        (published(), dict(oc_rate=1.0), 'val', "not measured, there are ['oc_rate']"),
        (published(3.3, None, gain=True), dict(mIoU=65.0), 'val', 'measured 65, to be compared'),
    ],
)
def test_a_published_number_is_shown_beside_the_measured_one(entry, metrics, scored, said):
    (line,) = compare_with_published(metrics, [entry], scored)
    assert said in line and '(a paper)' in line
    assert ('a gain of +3.3 over the baseline' if entry.gain else 'published 64.5') in line
    assert (' on val ' in line) == (entry.split == 'val')


def reported(monkeypatch, entries, metrics, **more):
    texts = []
    monkeypatch.setattr(expected_results, 'print_log', lambda text, _: texts.append(text))
    faults = report_expected_results(config(entries, **more), metrics, 'python X --tta')
    return faults, '\n'.join(texts)


def test_published_entries_never_fail_and_say_how_to_measure(monkeypatch):
    faults, text = reported(monkeypatch, [OF_PAPER, GAIN], dict(mIoU=10.0), randomness=dict(seed=5))
    assert faults == []
    assert 'difference -54.50' in text and 'nothing was checked' in text
    assert text.count("('mIoU', 10.00, TOLERANCE),  # python X --tta; seed 5") == 1


def test_measured_entries_are_judged_beside_published_ones(monkeypatch):
    entries = [OF_PAPER, ('mIoU', 10.0, 0.5)]
    faults, text = reported(monkeypatch, entries, dict(mIoU=10.5))
    assert faults == [] and 'difference -54.00' in text and 'nothing was checked' not in text
    for value in (10.6, 9.4, float('nan')):
        faults, _ = reported(monkeypatch, entries, dict(mIoU=value))
        assert faults == [f'mIoU is {value:g}, expected 10 +- 0.5']


def test_expected_results_are_two_sided_and_inclusive():
    metrics = dict(mIoU=50.0, oc_rate=0.25, broken=float('nan'))
    assert check_expected_results(metrics, [('mIoU', 50.5, 0.5), ('mIoU', 49.5, 0.5)]) == []
    assert check_expected_results(metrics, [('oc_rate', 0.5, 0.125)]) == [
        'oc_rate is 0.25, expected 0.5 +- 0.125'
    ]
    assert check_expected_results(metrics, [('oc_rate', 0.125, 0.0625)])
    assert check_expected_results(metrics, [('broken', 0.0, 1.0)])
    assert check_expected_results(metrics, [('mAcc', 1.0, 1.0)]) == [
        "mAcc was not measured; there are ['broken', 'mIoU', 'oc_rate']"
    ]


@pytest.mark.parametrize('name, expected', [('seam_r38_voc', 'val'), ('seam_r38_coco', 'val2014')])
def test_convention_split_is_the_name_of_the_scored_list(name, expected):
    cfg = Config.fromfile(CONFIGS / 'ocr' / f'{name}.py')
    assert scored_list(cfg) == expected
    cfg.test_dataloader.dataset.dataset.ann_file = 'lists/mine.txt'
    assert scored_list(cfg) == 'mine'
    cfg.test_dataloader = None
    assert scored_list(cfg) is None


@pytest.mark.parametrize(
    'path', sorted(CONFIGS.glob('*/*.py')), ids=lambda path: f'{path.parent.name}-{path.stem}'
)
def test_entries_of_the_configs_are_well_formed(path):
    cfg = Config.fromfile(path)
    if 'expected_results' in cfg:
        assert read_expected_results(cfg)
