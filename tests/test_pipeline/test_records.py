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


def facts(files, out='out', jobs='2', launcher=False, upstream='1234', config=None):
    data, config = files / 'data', config or files / 'recipe.py'
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


def in_checkout(files, name, checkout):
    """The facts with the config as ``checkout/configs/NAME``, outside of the running checkout."""
    place = files / checkout / 'configs' / name
    place.parent.mkdir(parents=True)
    place.write_bytes((files / 'recipe.py').read_bytes())
    return facts(files, config=place)


def test_place_of_another_checkout_has_no_effect(files):
    before = in_checkout(files, 'cam/recipe.py', 'one')
    record = Record(Layout(files), 'cam')
    record.facts = before
    assert record.changes(in_checkout(files, 'cam/recipe.py', 'two')) == []
    assert record.changes(in_checkout(files, 'oc/recipe.py', 'three')) == [
        'commands', 'configs.cam/recipe.py', 'configs.oc/recipe.py',
    ]  # fmt: skip
    text = (files / 'recipe.py').read_text()
    (files / 'recipe.py').write_text(text.replace('width=8', 'width=9'))
    (found,) = record.changes(in_checkout(files, 'cam/recipe.py', 'four'))
    assert found == 'configs.cam/recipe.py.model.width'


def test_name_of_a_config_is_the_one_that_ours_have(files):
    ours = facts(files, config=repository() / 'configs' / 'cam' / 'seam_r38_voc.py')
    assert ours['commands'][0][:2] == ['CODE/tools/train.py', 'CODE/configs/cam/seam_r38_voc.py']
    other = in_checkout(files, 'cam/seam_r38_voc.py', 'other')
    assert other['commands'] == ours['commands'] and set(other['configs']) == set(ours['configs'])


def test_a_config_beside_none_of_ours_is_known_by_its_name(files):
    (files / 'elsewhere').mkdir()
    before = facts(files)
    (files / 'recipe.py').rename(files / 'elsewhere' / 'recipe.py')
    after = facts(files, config=files / 'elsewhere' / 'recipe.py')
    assert before == after and str(files) not in str(after['commands'])


def test_a_stage_depends_on_those_before(files):
    assert differences(files, facts(files), upstream='5678') == ['needs.tags']


def test_place_jobs_and_launcher_have_no_effect(files):
    before = facts(files)
    assert differences(files, before, out='elsewhere') == []
    assert differences(files, before, jobs='7') == []
    assert differences(files, before, launcher=True) == []
