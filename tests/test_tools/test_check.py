# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""``tools/test.py --check`` with published numbers, and with entries that are wrong."""

import pytest
import torch
from conftest import SEAM, SMALL
from mmengine.config import Config, DictAction
from mmengine.registry import MODELS, init_default_scope

PUBLISHED = "dict(metric='mIoU', published=64.5, split='val', source='a paper')"


@pytest.fixture
def check(run_tool, voc_root, tmp_path):
    """Run the test with some expected_results; gives the exit code and the log of the run."""
    options = (item.split('=', 1) for item in SMALL)
    cfg = Config.fromfile(SEAM)
    cfg.merge_from_dict({key: DictAction._parse_iterable(value) for key, value in options})
    init_default_scope('mmseg')
    checkpoint = tmp_path / 'random.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), checkpoint)

    def run(entries):
        config = tmp_path / 'mine.py'
        config.write_text(f'_base_ = {SEAM!r}\nexpected_results = [{entries}]\n')
        work = tmp_path / 'work'
        place = ['--data-root', voc_root, '--work-dir', work]
        code = run_tool('test', config, checkpoint, '--check', *place, '--cfg-options', *SMALL)
        return code, ''.join(path.read_text() for path in work.rglob('*.log'))

    return run


def test_published_numbers_are_shown_and_do_not_fail(check):
    code, log = check(f"{PUBLISHED}, dict(metric='mIoU', published=65.7, split='test', source='b')")
    assert code == 0
    assert 'expected_results: mIoU: published 64.5 on val (a paper); measured ' in log
    assert 'published 65.7 on test (b); this run scored val, so they are not compared' in log
    assert 'nothing was checked' in log and '; seed 0' in log


def test_malformed_entries_are_said_before_the_run(check, capsys):
    code, log = check(f"{PUBLISHED}, ('mIoU', 48.1)")
    said = capsys.readouterr().err
    assert code == 1 and log == ''
    assert said.startswith('error: ') and 'mine.py: expected_results' in said
    assert "entry 1, ('mIoU', 48.1)" in said and 'must have three parts or be a dict' in said
