# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Atomic writing, strict JSON, one error for many offenders."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from mmocr_wsss.artifacts import (
    Offenders,
    atomic_path,
    read_json,
    remove_leftovers,
    write_json,
    write_png,
)


def test_atomic_path_replaces_the_file_and_makes_folders(tmp_path):
    target = tmp_path / 'new' / 'a.txt'
    with atomic_path(target) as temporary:
        assert os.path.dirname(temporary) == str(target.parent)
        assert os.path.basename(temporary).startswith('.') and temporary.endswith('.txt')
        with open(temporary, 'w') as file:
            file.write('first')
        assert not target.exists()
    assert target.read_text() == 'first'
    assert os.listdir(target.parent) == ['a.txt']


def test_atomic_path_keeps_the_old_file_when_writing_fails(tmp_path):
    target = tmp_path / 'a.txt'
    target.write_text('old')
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as temporary:
        with open(temporary, 'w') as file:
            file.write('half')
        raise KeyboardInterrupt
    assert target.read_text() == 'old'
    assert os.listdir(tmp_path) == ['a.txt']


def test_atomic_path_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json('a.json', [1])
    assert os.listdir(tmp_path) == ['a.json']


def test_leftovers_are_those_of_atomic_path_only(tmp_path, monkeypatch):
    kept = ['a.json', '.a.json', '.git', f'b.{"0" * 32}.json', f'.c.{"0" * 31}.json']
    for name in kept:
        (tmp_path / name).touch()
    # As if the process had ended before the file got its name.
    monkeypatch.setattr(os, 'replace', lambda source, target: None)
    for target in ('a.json', 'last', '.hidden', 'many.dots.npz'):
        with atomic_path(tmp_path / target) as temporary:
            open(temporary, 'w').close()
    assert len(os.listdir(tmp_path)) == len(kept) + 4
    remove_leftovers(tmp_path)
    assert set(os.listdir(tmp_path)) == set(kept)


def test_json_keeps_order_and_letters(tmp_path):
    data = {'b': ['pottedplant'], 'a': 'é'}
    write_json(tmp_path / 'a.json', data)
    assert list(read_json(tmp_path / 'a.json').items()) == list(data.items())
    text = (tmp_path / 'a.json').read_text(encoding='utf-8')
    assert 'é' in text and text.endswith('}\n')


def test_json_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match='not JSON compliant'):
        write_json(tmp_path / 'a.json', float('nan'))
    assert os.listdir(tmp_path) == []


def test_read_json_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a\.json: no such file \(looked at /'):
        read_json(tmp_path / 'a.json')
    (tmp_path / 'a.json').write_text('{"x": 1,}')
    with pytest.raises(ValueError, match=r'a\.json: not a UTF-8 JSON file'):
        read_json(tmp_path / 'a.json')
    (tmp_path / 'a.json').write_bytes(b'"\xff"')
    with pytest.raises(ValueError, match='not a UTF-8 JSON file'):
        read_json(tmp_path / 'a.json')
    (tmp_path / 'a.json').write_text('{"x": 1, "y": 2, "x": 3}')
    with pytest.raises(ValueError, match='1 x key given more than once: x\n'):
        read_json(tmp_path / 'a.json')


def test_png_grey_and_palette_hold_the_same_ids(tmp_path):
    ids = np.array([[0, 1, 2], [20, 255, 0]], dtype=np.uint8)
    write_png(tmp_path / 'grey.png', ids)
    write_png(tmp_path / 'colour.png', ids, palette=[[0, 0, 0], [128, 0, 0], [0, 128, 0]])
    grey, colour = Image.open(tmp_path / 'grey.png'), Image.open(tmp_path / 'colour.png')
    assert (grey.mode, colour.mode) == ('L', 'P')
    np.testing.assert_array_equal(np.array(grey), ids)
    np.testing.assert_array_equal(np.array(colour), ids)
    assert colour.convert('RGB').getpixel((1, 0)) == (128, 0, 0)


@pytest.mark.parametrize('ids', [np.zeros((2, 2), np.int64), np.zeros((1, 2, 2), np.uint8)])
def test_png_refuses_other_arrays(tmp_path, ids):
    with pytest.raises(ValueError, match=r'a\.png: class ids must be a \(H, W\) uint8 array'):
        write_png(tmp_path / 'a.png', ids)


def test_offenders_report_counts_and_first_examples():
    bad = Offenders('table.json')
    bad.raise_if_any('never raised')
    for number in range(7):
        bad.add('odd id', number)
    bad.add('missing file', 'x.png')
    with pytest.raises(ValueError) as error:
        bad.raise_if_any('Mend it.')
    assert str(error.value).splitlines() == [
        'table.json:',
        '  7 x odd id: 0, 1, 2, 3, 4, ...',
        '  1 x missing file: x.png',
        'Mend it.',
    ]


def test_offenders_that_take_long_to_find_are_all_shown():
    bad = Offenders('photos')
    for number in range(7):
        bad.add('unreadable image', f'{number}.jpg')
    with pytest.raises(ValueError) as error:
        bad.raise_if_any('Mend it.', show_all=True)
    listed = [f'    {number}.jpg' for number in range(7)]
    assert str(error.value).splitlines() == [
        'photos:', '  7 x unreadable image:', *listed, 'Mend it.',
    ]  # fmt: skip


def test_json_is_plain(tmp_path):
    write_json(tmp_path / 'a.json', {'x': [1, 2]})
    assert json.loads((tmp_path / 'a.json').read_text()) == {'x': [1, 2]}
