# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A pipeline that is killed again and again ends with the same pseudo masks and report.

    pytest -m slow tests/kill/test_kill_pipeline.py

SIGKILL goes to the pipeline, the command it runs and all their workers, at moments drawn
from a seed over the length of an undisturbed run. Takes some ten minutes.
"""

import os
import random
import signal
import subprocess
import sys
import time

import pipeline_recipes
import pytest

from mmocr_wsss.artifacts import read_json

pytestmark = pytest.mark.slow
KILLS = 10


class Run:
    """``tools/pipeline.py`` in a session of its own."""

    def __init__(self, repo_root, config, root, out, log):
        self.log = log.open('a')
        self.process = subprocess.Popen(
            [
                sys.executable, repo_root / 'tools' / 'pipeline.py', config, '--data-root', root,
                '--out', out, '--jobs', '2', '--device', 'cpu',
            ],
            cwd=log.parent,
            env=os.environ | {'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1'},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()


def result(out):
    """What an undisturbed run must agree with."""
    masks = {path.name: path.read_bytes() for path in (out / 'pseudo_masks/files').glob('*.png')}
    texts = {name: (out / name).read_bytes() for name in ('report.md', 'report.json', 'report.png')}
    return masks, texts


def test_killed_pipeline_ends_the_same(repo_root, voc_root, tmp_path):
    config = pipeline_recipes.write_tiny_pipeline(
        repo_root / 'configs' / 'pipelines' / 'seam_voc.py', tmp_path / 'configs', voc_root
    )
    begin = time.monotonic()
    whole = Run(repo_root, config, voc_root, tmp_path / 'whole', tmp_path / 'whole.log')
    assert whole.process.wait() == 0, (tmp_path / 'whole.log').read_text()
    length = time.monotonic() - begin
    print(f'\nundisturbed: {length:.0f} s')

    # Each run has its share of the work, and a little more, since a killed command starts anew.
    rng = random.Random(0)
    out, log, killed = tmp_path / 'killed', tmp_path / 'killed.log', 0
    while killed < KILLS:
        run = Run(repo_root, config, voc_root, out, log)
        time.sleep(rng.uniform(0.01, 0.2) * length)
        assert run.process.poll() is None, f'ended after {killed} kills: {log.read_text()}'
        run.kill()
        killed += 1
        stages = sorted((out / 'stages').glob('[!.]*.json')) if out.exists() else []
        done = [path.stem for path in stages if read_json(path)['finished']]
        print(f'kill {killed}: finished {", ".join(done) or "nothing"}')
    last = Run(repo_root, config, voc_root, out, log)
    assert last.process.wait() == 0, log.read_text()
    masks, texts = result(out)
    expected_masks, expected_texts = result(tmp_path / 'whole')
    assert len(expected_masks) == 8 and masks == expected_masks
    assert texts == expected_texts
    assert not list(out.glob('superseded/*'))
