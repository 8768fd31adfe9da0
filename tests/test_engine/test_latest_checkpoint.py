# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What --resume goes on from when the last file is not whole."""

import pytest
import torch

from mmocr_wsss.engine import latest_checkpoint as module
from mmocr_wsss.engine.latest_checkpoint import latest_checkpoint


@pytest.fixture
def warnings(monkeypatch):
    texts = []
    monkeypatch.setattr(module, 'print_log', lambda text, *args: texts.append(text))
    return texts


def save(path, cut=None):
    path.parent.mkdir(exist_ok=True)
    torch.save({'state_dict': {'a': torch.arange(1000)}}, path)
    if cut is not None:
        path.write_bytes(path.read_bytes()[:cut])
    return str(path)


def test_the_named_checkpoint_is_taken(tmp_path, warnings):
    assert latest_checkpoint(str(tmp_path)) is None
    save(tmp_path / 'iter_9.pth')
    assert latest_checkpoint(str(tmp_path)) is None
    named = save(tmp_path / 'iter_4.pth')
    (tmp_path / 'last_checkpoint').write_text(named)
    assert latest_checkpoint(str(tmp_path)) == named
    (tmp_path / 'last_checkpoint').write_text('s3://bucket/iter_4.pth')
    assert latest_checkpoint(str(tmp_path)) == 's3://bucket/iter_4.pth'
    assert warnings == []


@pytest.mark.parametrize('cut', [0, 1, 3000, -1])
def test_a_cut_off_checkpoint_gives_way_to_the_newest_whole_one(tmp_path, warnings, cut):
    named = save(tmp_path / 'iter_30.pth', cut)
    (tmp_path / 'last_checkpoint').write_text(named)
    save(tmp_path / 'iter_8.pth')
    save(tmp_path / 'iter_20.pth', 100)
    save(tmp_path / 'best_acc_iter_25.pth')
    best = save(tmp_path / 'iter_10.pth')
    assert latest_checkpoint(str(tmp_path)) == best
    assert f"names '{named}', which is missing or cut off; going on from {best}" in warnings[0]


@pytest.mark.parametrize('named', ['', 'iter_30.pth', '/elsewhere/iter_30.pth'])
def test_a_missing_checkpoint_is_looked_for_beside_the_name(tmp_path, warnings, named):
    (tmp_path / 'last_checkpoint').write_text(named)
    there = save(tmp_path / 'epoch_2.pth')
    assert latest_checkpoint(str(tmp_path)) == there
    assert len(warnings) == 1


def test_checkpoints_of_another_folder(tmp_path, warnings):
    (tmp_path / 'work').mkdir()
    (tmp_path / 'work' / 'last_checkpoint').write_text(str(tmp_path / 'out' / 'iter_3.pth'))
    there = save(tmp_path / 'out' / 'iter_2.pth')
    assert latest_checkpoint(str(tmp_path / 'work')) == there


def test_none_is_whole(tmp_path):
    named = save(tmp_path / 'iter_3.pth', 100)
    (tmp_path / 'last_checkpoint').write_text(named)
    with pytest.raises(ValueError, match=r'no whole iter_\*.pth .* start again without --resume'):
        latest_checkpoint(str(tmp_path))
