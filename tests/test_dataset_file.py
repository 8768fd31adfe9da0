# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""dataset.json: what is written is read, and what breaks a rule is named."""

import json

import pytest

from mmocr_wsss.dataset_file import (
    DATASET_FILE,
    DatasetFacts,
    Split,
    read_dataset_file,
    write_dataset_file,
)

FACTS = DatasetFacts(
    classes=('cat', 'große Katze'),
    background=True,
    img_suffix='.jpg',
    tags='image_tags.json',
    train=Split('lists/train.txt', 'images', 'true_masks', 'lists/scored.txt'),
    val=Split('lists/val.txt', 'images'),
)


@pytest.mark.parametrize('facts', [FACTS, FACTS._replace(val=None, background=False)])
def test_what_is_written_is_read(tmp_path, facts):
    write_dataset_file(tmp_path, facts)
    assert read_dataset_file(tmp_path) == facts


def test_no_file_is_no_error(tmp_path):
    assert read_dataset_file(tmp_path) is None
    assert read_dataset_file(tmp_path / 'nowhere') is None


MALFORMED = {
    'truncated': (lambda text: text[:40], 'not a UTF-8 JSON file'),
    'a list': ('[]', "must be a JSON object with the keys ['classes', 'background'"),
    'lacks a key': (lambda data: data.pop('tags'), '1 x missing key of the file: tags'),
    'unknown key': (lambda data: data.update(mask=1), 'unknown key of the file (known: classes, '),
    'unknown key of train': (
        lambda data: data['train'].update(mask=1), 'unknown key of train (known: list, images, ',
    ),
    'train is text': (
        lambda data: data.update(train='x'), "train must be a JSON object with the keys ['list',",
    ),
    'no train': (lambda data: data.update(train=None), 'train must be a JSON object'),
    'no list': (lambda data: data['val'].update(list=None), 'val.list = None'),
    'leads out': (
        lambda data: data['val'].update(images='../x'),
        "must be a relative path inside the folder of this file, with /: val.images = '../x'",
    ),
    'absolute': (lambda data: data.update(tags='/x.json'), "tags = '/x.json'"),
    'backslash': (lambda data: data['train'].update(masks='a\\b'), "or null: train.masks = 'a"),
    'background as text': (
        lambda data: data.update(background='yes'), "must be true or false: background = 'yes'",
    ),
    'suffix without dot': (lambda data: data.update(img_suffix='jpg'), 'a suffix such as .jpg'),
    'no classes': (lambda data: data.update(classes=[]), 'classes = []'),
    'repeated class': (lambda data: data.update(classes=['a', 'a']), "got ['a', 'a']"),
    'background as class': (lambda data: data.update(classes=['background']), "'background'"),
    'spaces': (lambda data: data.update(classes=[' cat']), 'without spaces around them'),
    'too many': (
        lambda data: data.update(classes=list(map(str, range(255)))), 'at most 254 names, got 255',
    ),
}  # fmt: skip


@pytest.mark.parametrize('case', MALFORMED)
def test_what_breaks_a_rule_is_named(tmp_path, case):
    change, message = MALFORMED[case]
    write_dataset_file(tmp_path, FACTS)
    path = tmp_path / DATASET_FILE
    data = json.loads(path.read_text())
    if case == 'truncated':
        path.write_text(change(path.read_text()))
    elif case == 'a list':
        path.write_text(change)
    else:
        change(data)
        path.write_text(json.dumps(data))
    with pytest.raises(ValueError) as error:
        read_dataset_file(tmp_path)
    assert message in str(error.value) and str(path) in str(error.value)


def test_nothing_malformed_is_written(tmp_path):
    with pytest.raises(ValueError, match='at most 254'):
        write_dataset_file(tmp_path, FACTS._replace(classes=tuple(map(str, range(255)))))
    assert not (tmp_path / DATASET_FILE).exists()
