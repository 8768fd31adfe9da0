# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What a stage is made anew for, and what has no effect on it."""

import sys

import pytest

from mmocr_wsss.pipeline.layout import Layout
from mmocr_wsss.pipeline.plan import Stage, repository
from mmocr_wsss.pipeline.records import Record, stage_facts

CONFIG = """
model = dict(init_cfg=dict(type='Pretrained', checkpoint={weights!r}), width=8)
train_dataloader = dict(dataset=dict(ann_file='train.txt'))
"""


@pytest.fixture
def files(tmp_path):
    """A config, its weights and its data; a stage that reads them."""
    data, config, weights = tmp_path / 'data', tmp_path / 'recipe.py', tmp_path / 'weights.pth'
    (data / 'JPEGImages').mkdir(parents=True)
    (data / 'JPEGImages' / 'a.jpg').write_bytes(b'photo')
    (data / 'train.txt').write_text('a\n')
    (data / 'image_tags.json').write_text('{"a": ["cat"]}')
    weights.write_bytes(b'weights')
    config.write_text(CONFIG.format(weights=str(weights)))
    return tmp_path


def facts(files, out='out', jobs='2', launcher=False, upstream='1234'):
    data, config = files / 'data', files / 'recipe.py'
    tools = repository() / 'tools'
    tool = ['bash', f'{tools}/dist_train.sh'] if launcher else [sys.executable, f'{tools}/train.py']
    count = ['2'] if launcher else []
    command = [*tool, str(config), *count, '--work-dir', str(files / out / 'cam'), '--jobs', jobs]
    stage = Stage(
        'cam', [command], ('tags',), (str(config),), (data / 'JPEGImages', data / 'image_tags.json')
    )
    return stage_facts(stage, Layout(files / out), str(data), {'tags': upstream})


def differences(files, before, **kwargs):
    record = Record(Layout(files), 'cam')
    record.facts = before
    return record.changes(facts(files, **kwargs))


@pytest.mark.parametrize(
    ('path', 'old', 'new', 'where'),
    [
        ('recipe.py', 'width=8', 'width=9', 'configs.'),
        ('weights.pth', 'weights', 'others!', 'weights.'),
        ('data/train.txt', 'a', 'b', 'lists.train.txt'),
        ('data/image_tags.json', 'cat', 'dog', 'inputs.data/image_tags.json'),
        ('data/JPEGImages/a.jpg', 'photo', 'another photo', 'inputs.data/JPEGImages'),
    ],
)
def test_a_changed_input_is_named(path, old, new, where, files):
    before = facts(files)
    target = files / path
    target.write_text(target.read_text().replace(old, new))
    (found,) = differences(files, before)
    assert found.startswith(where)


def test_a_stage_depends_on_those_before(files):
    assert differences(files, facts(files), upstream='5678') == ['needs.tags']


def test_place_jobs_and_launcher_have_no_effect(files):
    before = facts(files)
    assert differences(files, before, out='elsewhere') == []
    assert differences(files, before, jobs='7') == []
    assert differences(files, before, launcher=True) == []
