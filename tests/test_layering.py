# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Imports point one way, modules stay small, public names are documented, 'OCR' is left alone."""

import ast
import re
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'mmocr_wsss'
MODULES = sorted(PACKAGE.rglob('*.py'))
MAX_LINES = 300
HOSTS = {'mmengine', 'mmcv', 'mmseg', 'mmpretrain'}

#: What of the package each layer may import, besides itself.
BASE = {
    'labels', 'artifacts', 'pickled_arrays', 'stage_files', 'cam_files', 'crf_files',
    'dataset_file', 'seeding',
}  # fmt: skip
HOST_LAYER = BASE | {'registry', 'functional', 'checkpoints'}
ALLOWED = {
    'labels': set(),
    'pickled_arrays': BASE,
    'artifacts': BASE,
    'cam_files': {'labels', 'artifacts', 'stage_files'},
    'crf_files': {'artifacts', 'cam_files', 'stage_files'},
    'stage_files': {'artifacts'},
    'dataset_file': {'labels', 'artifacts'},
    'seeding': set(),
    'hosts': set(),
    'command_line': {'user_errors'},
    'user_errors': set(),
    'registry': set(),
    '__init__': {'hosts', 'models'},
    '__main__': {'__init__', 'pipeline'},
    'functional': BASE,
    'checkpoints': BASE,
    'models': HOST_LAYER,
    'datasets': HOST_LAYER,
    'evaluation': HOST_LAYER,
    'engine': HOST_LAYER | {'__init__'},
    'visualization': HOST_LAYER,
    'demo': HOST_LAYER | {'datasets', 'pipeline'},
    'stages': HOST_LAYER
    | {'__init__', 'models', 'datasets', 'evaluation', 'engine', 'visualization'},
    'converters': HOST_LAYER | {'datasets', 'stages', 'visualization'},
    'experiments': HOST_LAYER | {'__init__', 'datasets', 'stages', 'visualization', 'pipeline'},
    'pipeline': HOST_LAYER
    | {'__init__', 'models', 'datasets', 'evaluation', 'engine', 'visualization'},
    'apis': HOST_LAYER
    | {'__init__', 'models', 'datasets', 'engine', 'visualization', 'converters'},
}
#: Layers that run without a host (registry: only mmengine, see its docstring).
HOST_FREE = {
    'labels', 'artifacts', 'pickled_arrays', 'stage_files', 'cam_files', 'crf_files',
    'dataset_file', 'seeding', 'hosts', 'command_line', 'user_errors', '__init__', '__main__',
    'functional', 'checkpoints',
}  # fmt: skip
STANDARD_LIBRARY_ONLY = {'__init__', '__main__', 'hosts', 'command_line', 'user_errors'}


def layer(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix('.py')


def imported(path):
    """Full dotted names of all that a module imports, at any depth of its code."""
    package = ('mmocr_wsss', *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join((*base, *filter(None, [node.module])))
            # 'from mmocr_wsss import labels' names a module only in its second half.
            yield from (f'{module}.{alias.name}' for alias in node.names)


def identifiers(path):
    """Names that a module defines or uses as attributes, arguments or keywords."""
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        for field in ('id', 'name', 'attr', 'arg'):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def names_out_of_candidate_badly(name):
    """Whether one of the words that make up an identifier is 'ocr', alone or as a prefix."""
    words = re.findall(r'[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+', name.replace('mmocr_wsss', ''))
    # 'OCRHead' falls into 'OCRH' and 'ead' for the first pattern, hence the prefix.
    return any(word.lower() == 'ocr' or word.startswith('OCR') for word in words)


def undocumented(tree, prefix=''):
    """Public classes, functions and methods of a module or class without a docstring."""
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name.startswith('_'):
                continue
            if not ast.get_docstring(node):
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from undocumented(node, f'{prefix}{node.name}.')


def test_collection_is_not_empty():
    assert len(MODULES) > 15 and PACKAGE / 'labels.py' in MODULES


@pytest.mark.parametrize('path', MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module(path):
    where = layer(path)
    assert where in ALLOWED, f'{where}: a new layer needs its line in ALLOWED'
    for name in imported(path):
        parts = name.split('.')
        if parts[0] == 'mmocr_wsss':
            target = parts[1] if len(parts) > 1 else '__init__'
            if target in ALLOWED:
                allowed = ALLOWED[where] | {where}
                assert target in allowed, f'{path}: {where} must not import {name}'
        else:
            assert not (where in HOST_FREE and parts[0] in HOSTS), f'{path}: imports {name}'
            if where in STANDARD_LIBRARY_ONLY:
                assert parts[0] in sys.stdlib_module_names, f'{path}: imports {name}'
    lines = len(path.read_text(encoding='utf-8').splitlines())
    assert lines <= MAX_LINES, f'{path} has {lines} lines; split it'
    bare = sorted({name for name in identifiers(path) if names_out_of_candidate_badly(name)})
    assert not bare, f'{path}: write out_of_candidate or oc, not {bare}'


@pytest.mark.parametrize('path', MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_names_have_docstrings(path):
    tree = ast.parse(path.read_text(encoding='utf-8'))
    assert ast.get_docstring(tree), f'{path}: say in one line what is in it'
    assert not list(undocumented(tree)), f'{path}: say what they do, give or raise'


def test_registry_imports_nothing_but_mmengine():
    assert {name.split('.')[0] for name in imported(PACKAGE / 'registry.py')} == {'mmengine'}


def test_nothing_imports_the_tools():
    for path in MODULES:
        assert not any(name.split('.')[0] in ('tools', 'tests') for name in imported(path)), path


@pytest.mark.parametrize('name', ['OCR', 'OCRHead', 'loss_ocr', 'ocr', 'OcrLoss', 'WithOCR'])
def test_convention_bare_names_are_found(name):
    assert names_out_of_candidate_badly(name)


@pytest.mark.parametrize('name', ['mmocr_wsss', 'oc_rate', 'OutOfCandidateLoss', 'mediocre', 'oc'])
def test_convention_good_names_pass(name):
    assert not names_out_of_candidate_badly(name)
