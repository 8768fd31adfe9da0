# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The Makefile's plans (``make -n``); nothing is installed."""

import os
import re
import shutil
import subprocess

import pytest

# These tests run below 'make test', whose settings must not reach the make that they start.
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(('MAKE', 'MFLAGS'))}
pytestmark = pytest.mark.skipif(not shutil.which('make'), reason='make is not installed')


@pytest.fixture
def plan(repo_root, tmp_path):
    """``plan(target, stamp_age)``: the commands of a target, the stamp being so many s old.

    The requirements are 100 s old.
    """
    shutil.copy(repo_root / 'Makefile', tmp_path)
    shutil.copy(repo_root / 'setup.py', tmp_path)
    shutil.copytree(repo_root / 'requirements', tmp_path / 'requirements')
    now = os.stat(tmp_path).st_mtime
    for path in (tmp_path / 'setup.py', *(tmp_path / 'requirements').iterdir()):
        os.utime(path, (now - 100, now - 100))

    def run(target, stamp_age=None):
        if stamp_age is not None:
            stamp = tmp_path / '.venv' / '.installed'
            stamp.parent.mkdir(exist_ok=True)
            stamp.touch()
            os.utime(stamp, (now - stamp_age, now - stamp_age))
        done = subprocess.run(
            ['make', '-n', target],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    return run


@pytest.mark.parametrize('target', ['demo', 'test', 'lint', 'format', 'venv'])
def test_a_second_call_installs_nothing(plan, target):
    assert 'pip' not in plan(target, stamp_age=50)
    assert 'pip' in plan(target, stamp_age=150)


def test_the_tools_of_the_pages_are_installed_by_docs_alone(plan, tmp_path):
    assert 'requirements/docs.txt' in plan('docs', stamp_age=50)
    assert not any('docs.txt' in plan(target) for target in ('venv', 'test', 'demo'))
    stamp = tmp_path / '.venv' / '.docs_installed'
    stamp.touch()
    assert 'pip' not in plan('docs') and '-m sphinx -E -W' in plan('docs')


def test_a_fresh_clone_installs_with_progress(plan):
    steps = [line for line in plan('test').splitlines() if re.search(r'-m pip .*install', line)]
    assert len(steps) == 3
    assert not any(re.search(r' (-q+|--quiet)\b', step) for step in steps)
    assert '-m pytest tests' in plan('test')


def test_help_lists_every_target(repo_root):
    listed = subprocess.run(
        ['make', 'help'], cwd=repo_root, env=ENVIRONMENT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    (targets,) = re.findall(r'^\.PHONY: (.*)$', (repo_root / 'Makefile').read_text(), re.MULTILINE)
    assert sorted(line.split()[0] for line in listed) == sorted(targets.split())
    assert all(len(line.split()) > 2 for line in listed)
