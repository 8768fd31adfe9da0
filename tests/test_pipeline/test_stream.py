# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What is told of a command that a stage ran."""

import sys

import pytest

from mmocr_wsss.pipeline.run import stream

TALK = "import sys; [print('hook', i) for i in range(20)]; {end}; sys.exit(3)"


@pytest.mark.parametrize(
    ('end', 'told'),
    [
        ("print('error: no such key'); print('way out')", 'error: no such key\nway out'),
        ("print('bye')", '\n'.join([*(f'hook {i}' for i in range(6, 20)), 'bye'])),
    ],
    ids=['error of ours', 'something else'],
)
def test_end_of_a_failed_command(end, told, tmp_path):
    log = tmp_path / 'logs' / 'cam.log'
    with open(tmp_path / 'lock', 'w', encoding='utf-8') as lock:
        code, said = stream([sys.executable, '-c', TALK.format(end=end)], log, 'cam', lock.fileno())
    assert (code, said) == (3, told)
    assert 'hook 0' in log.read_text(encoding='utf-8')
