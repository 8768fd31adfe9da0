# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What requirements/ lists against what the package imports."""

import ast
import re
import sys
from importlib import metadata

import pytest

HOSTS = {'torch', 'mmengine', 'mmcv', 'mmseg', 'mmpretrain'}
#: Dependencies of every distribution of mmcv and mmengine.
WITH_THE_HOSTS = {'cv2', 'matplotlib'}
#: Distribution -> module, where the names differ.
MODULES = {'pillow': 'PIL', 'pydensecrf2': 'pydensecrf'}


@pytest.fixture
def listed(repo_root):
    """The modules that a requirement file lists, ``-r`` not followed."""

    def read(name):
        lines = (repo_root / 'requirements' / f'{name}.txt').read_text().splitlines()
        lines = [line.split('#')[0].strip() for line in lines if not line.startswith('-r')]
        names = [re.match(r'[\w-]+', line).group() for line in lines if line]
        return {MODULES.get(name, name.replace('-', '_')) for name in names}

    return read


@pytest.fixture(scope='module')
def imported(repo_root):
    """Third-party modules that the package imports, at any depth of its code."""
    found = set()
    for path in (repo_root / 'mmocr_wsss').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split('.')[0])
    return found - set(sys.stdlib_module_names) - {'mmocr_wsss'}


def test_runtime_lists_what_the_package_imports(listed, imported):
    optional = listed('converters') | listed('crf') | listed('pretrained') | listed('onnx')
    assert imported - HOSTS - WITH_THE_HOSTS - optional == listed('runtime')


def test_ruff_is_pinned_to_the_one_that_runs(repo_root):
    """Another version may want another format."""
    text = (repo_root / 'requirements' / 'tests.txt').read_text()
    (version,) = re.findall(r'^ruff==([\d.]+)$', text, re.MULTILINE)
    assert version == metadata.version('ruff')


def test_wheels_can_be_built_without_the_package_wheel(repo_root):
    text = (repo_root / 'requirements' / 'tests.txt').read_text()
    floor = re.search(r'^setuptools>=([\d.]+)$', text, re.MULTILINE).group(1)
    assert tuple(map(int, floor.split('.'))) >= (70, 1)
