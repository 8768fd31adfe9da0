# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Which photos a user means, and what they are called."""

import os

import pytest
from PIL import Image

from mmocr_wsss.apis.photo_inputs import collect_photos


@pytest.fixture
def folder(tmp_path):
    for name in ('b.png', 'a.jpg', 'deep/er/a.JPG', 'notes.txt', '.hidden.jpg', 'out/masks/a.png'):
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('') if name == 'notes.txt' else Image.new('RGB', (4, 4)).save(path)
    return tmp_path / 'photos'


def test_names(folder):
    found = collect_photos([folder, folder / 'b.png'], leave_out=folder / 'out')
    assert found == {
        'a': str(folder / 'a.jpg'),
        'b': str(folder / 'b.png'),
        'deep/er/a': str(folder / 'deep/er/a.JPG'),
    }
    assert 'out/masks/a' in collect_photos([folder])


def test_relative_paths_and_the_order_of_inputs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    found = collect_photos(['b.png', 'deep'])
    assert list(found) == ['b', 'er/a'] and all(map(os.path.isabs, found.values()))
    assert list(collect_photos(['.'], leave_out='out')) == ['a', 'b', 'deep/er/a']


def test_what_is_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'2 of 3 inputs: no such .*: x\.jpg, y \(looked'):
        collect_photos(['x.jpg', folder, 'y'])
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match=r'1 x folder without photos: .*empty\n.*by their suffix'):
        collect_photos([tmp_path / 'empty'])
    Image.new('RGB', (4, 4)).save(folder / 'a.png')
    with pytest.raises(ValueError, match=r'1 x photos that would write the same output: a \(.*jpg'):
        collect_photos([folder])
    with pytest.raises(ValueError, match=r'2 x photos that would write the same output: a .*, a '):
        collect_photos([folder, folder / 'deep' / 'er'])
