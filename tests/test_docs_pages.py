# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""docs/en without Sphinx: links, anchors, tables against configs, the picture, the API lists."""

import importlib.util
import re
import sys

import pytest
from doc_pages import DOCS, PAGES, ROOT, anchors, headings, links
from mmengine.config import Config

TEXTS = {str(path.relative_to(DOCS)): path.read_text(encoding='utf-8') for path in PAGES}


def test_every_page_is_in_one_table_of_contents():
    listed = []
    for name, text in TEXTS.items():
        folder = name.rpartition('/')[0]
        for block in re.findall(r'^```\{toctree\}\n(.*?)^```$', text, re.M | re.S):
            names = [line for line in block.splitlines() if line and not line.startswith(':')]
            names = [re.sub(r'.*<(.*)>', r'\1', line) for line in names]
            listed += [f'{folder}/{entry}'.lstrip('/') for entry in names]
    copied = {'readme', 'contributing', 'changelog'}
    assert sorted(set(listed) - copied) == sorted(n[:-3] for n in TEXTS if n != 'index.md')
    assert len(listed) == len(set(listed)) and copied <= set(listed)


@pytest.mark.parametrize('name', TEXTS)
def test_page_is_clean_and_has_one_title(name):
    text = TEXTS[name]
    titles = re.findall(r'^# .+$', re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S), re.M)
    assert len(titles) == 1 and text.startswith(titles[0])
    assert not re.search(r'[ \t]$|\r', text, re.M) and re.search(r'[^\n]\n\Z', text)
    assert len(headings(text)) == len(set(headings(text)))


@pytest.mark.parametrize('name', TEXTS)
def test_links_lead_somewhere(name):
    for link in links(TEXTS[name]):
        if link.startswith('https://'):
            continue
        target, _, anchor = link.partition('#')
        path = (DOCS / name).parent / target if target else DOCS / name
        assert path.is_file(), f'{name}: {link}'
        if anchor:
            assert anchor in anchors(path.read_text(encoding='utf-8')), f'{name}: {link}'


def test_links_of_the_readme_to_pages():
    targets = [link for link in links((ROOT / 'README.md').read_text()) if 'docs/en' in link]
    assert len(targets) > 8 and all((ROOT / target.split('#')[0]).is_file() for target in targets)


@pytest.mark.parametrize('name', ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'])
def test_links_of_copied_files_lead_to_pages(name):
    """They are pages here as well, where nothing else of the repository is."""
    for link in links((ROOT / name).read_text(encoding='utf-8')):
        target = link.partition('#')[0]
        page = target in ('', 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md') or (
            target.startswith('docs/en/') and (ROOT / target).is_file()
        )
        assert page or link.startswith('https://'), f'{name}: {link}'


def test_the_picture_is_what_its_script_draws():
    spec = importlib.util.spec_from_file_location('draw_idea', DOCS / 'draw_idea.py')
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (DOCS / 'idea.svg').read_text(encoding='utf-8') == script.draw()


def test_settings_of_the_table_exist():
    section = TEXTS['configs.md'].split('## Settings that are often changed')[1].split('\n## ')[0]
    rows = []
    for part in section.split('\n### ')[1:]:
        (config,) = re.findall(r'`(configs/[\w./-]+)`', part.splitlines()[0])
        rows += [(key, config) for key in re.findall(r'^\| `([\w.]+)` \|', part, re.M)]
    assert len(rows) > 15
    for key, config in rows:
        cfg = Config.fromfile(ROOT / config)
        for part in key.split('.'):
            assert part in cfg, f'{key} in {config}'
            cfg = cfg[part]


def test_kinds_of_weights_are_those_of_the_converter():
    from mmocr_wsss.checkpoints.convert import SOURCES

    table = TEXTS['migrate.md'].split('### Weights')[1]
    rows = re.findall(r'^\|[^|]+\|([^|]+)\|[^|]+\|$', table, re.M)[2:]
    named = {name for cell in rows for name in re.findall(r'`(\w+)`', cell)}
    assert named == {kind for kind in SOURCES if not kind.startswith('efficientnet')}


def test_arrays_and_keys_of_the_files():
    from mmocr_wsss import cam_files, crf_files
    from mmocr_wsss.dataset_file import DatasetFacts, Split

    text = TEXTS['formats.md']
    assert all(f'| `{name}` |' in text for name in cam_files._ARRAYS)
    section = text.split('## CRF scores')[1].split('##')[0]
    assert all(f'`{name}`' in section for name in crf_files._ARRAYS)
    section = text.split('## dataset.json')[1].split('\n## ')[0]
    assert all(f'`{name}`' in section for name in (*DatasetFacts._fields, *Split._fields))


def test_every_module_is_in_the_reference():
    listed = re.findall(r'automodule:: ([\w.]+)', ''.join(TEXTS.values()))
    modules = set()
    for path in (ROOT / 'mmocr_wsss').rglob('*.py'):
        parts = path.relative_to(ROOT).with_suffix('').parts
        if '.mim' not in parts and parts[-1] != '__init__':
            modules.add('.'.join(parts))
    assert set(listed) == modules | {'mmocr_wsss'} and len(listed) == len(set(listed))
    assert len(modules) > 100


#: Docstrings that Sphinx reads otherwise than a reader of the source.
MISREAD = {
    'a letter and a period begin a list': re.compile(r'^ +\**\w+: [A-Z]\.$', re.M),
    'what stands before a colon is taken for the type': re.compile(r'Returns:\n +\{[^}\n]*: '),
    'code must not touch a word or a range': re.compile(r'^ +"""[^"`]*(?:\w|\.\.)``\w', re.M),
}


@pytest.mark.parametrize('rule', MISREAD)
def test_docstrings_mean_the_same_in_the_reference(rule):
    folder = ROOT / 'mmocr_wsss'
    texts = {path: path.read_text(encoding='utf-8') for path in folder.rglob('*.py')}
    found = {
        str(path): hit[0] for path, text in texts.items() if (hit := MISREAD[rule].search(text))
    }
    assert not found, rule


def test_forms_of_tags_are_those_that_are_read():
    from mmocr_wsss.datasets.tag_tables import WAY_OUT

    for word in ('.xml', 'masks', 'cls_labels.npy'):
        assert word in WAY_OUT and word in TEXTS['formats.md']


def test_python_of_the_settings_runs_without_sphinx():
    """conf.py imports nothing of Sphinx, so that its functions can be looked at here."""
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location('docs_conf', DOCS / 'conf.py')
    conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conf)
    sys.path[:] = before
    assert conf.for_pages('[a](docs/en/faq.md) [b](CONTRIBUTING.md#x)') == (
        '[a](faq.md) [b](contributing.md#x)'
    )
    source = ['[a](../../README.md#predict) [b](../../../CONTRIBUTING.md)']
    conf.link_to_pages(None, 'api/index', source)
    assert source == ['[a](/readme.md#predict) [b](/contributing.md)']
