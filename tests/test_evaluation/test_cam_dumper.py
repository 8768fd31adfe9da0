# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the evaluator does with the folder that it will write to."""

import pytest

from mmocr_wsss.evaluation import CAMDumper, image_file_dumper
from mmocr_wsss.stage_files import read_stage, write_stage

STAGE = dict(background_threshold=None, stride=1)
LEFT = [
    f'.stage.{"0" * 32}.json',
    f'.a.{"1" * 32}.npz',
    f'b/.c.{"2" * 32}.npz',
    f'b/d/.e.{"3" * 32}.npz',
]
KEPT = ['a.npz', 'b/c.npz', 'b/d/e.npz', 'b/.hidden.npz', f'b/{"4" * 32}.npz']


@pytest.fixture
def folder(tmp_path):
    """A folder of CAMs that a run was killed in more than once."""
    for name in (*LEFT, *KEPT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    write_stage(tmp_path, STAGE)
    return tmp_path


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}


def test_temporary_files_of_killed_runs_go(folder):
    CAMDumper(str(folder)).open('unused', STAGE)
    assert files_of(folder) == {*KEPT, 'stage.json'}


def test_a_new_folder_is_made(tmp_path):
    CAMDumper().open(str(tmp_path), STAGE)
    assert files_of(tmp_path) == {'cams/stage.json'}
    assert read_stage(tmp_path / 'cams') == STAGE


def test_only_the_main_process_removes(folder, monkeypatch):
    monkeypatch.setattr(image_file_dumper, 'is_main_process', lambda: False)
    CAMDumper(str(folder)).open('unused', STAGE)
    assert files_of(folder) == {*LEFT, *KEPT, 'stage.json'}


def test_a_folder_that_is_refused_stays_as_it_is(folder):
    with pytest.raises(ValueError, match=r'made in another way \(stride: there 1, now 4\)'):
        CAMDumper(str(folder)).open('unused', STAGE | dict(stride=4))
    assert files_of(folder) == {*LEFT, *KEPT, 'stage.json'}
