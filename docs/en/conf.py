# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Settings of Sphinx for these pages; ``make docs`` builds them."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from mmcv.transforms.utils import cache_randomness  # noqa: E402

import mmocr_wsss  # noqa: E402

project = 'mmocr_wsss'
author = 'mmocr_wsss contributors'
copyright = f'{author}. Apache License 2.0'
release = version = mmocr_wsss.__version__

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    'sphinx_copybutton',
]
exclude_patterns = ['_build']

# Markdown with the anchors that GitHub gives to headings.
myst_heading_anchors = 4

napoleon_use_ivar = True
autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_preserve_defaults = True

html_theme = 'furo'
html_title = f'mmocr_wsss {release}'
html_theme_options = {'navigation_with_keys': True}
html_static_path = ['_static']
html_css_files = ['wide_tables.css']

#: Pages that are files of the repository's root -> page here. Written at every build.
COPIED = {
    'README.md': 'readme.md',
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
}


def on_the_class(self, instance, owner=None, bound=cache_randomness.__get__):
    """What autodoc gets where mmcv's decorator asks for an instance to keep a reference to."""
    return self if instance is None else bound(self, instance, owner)


def for_pages(text: str) -> str:
    """Links of a file of the root, as they read from this folder."""
    text = text.replace('](docs/en/', '](')
    for name, page in COPIED.items():
        text = text.replace(f']({name}', f']({page}')
    return text


def copy_root_files(app) -> None:
    """Write the pages that are files of the repository's root."""
    for name, page in COPIED.items():
        text = for_pages((ROOT / name).read_text(encoding='utf-8'))
        path = HERE / page
        if not path.is_file() or path.read_text(encoding='utf-8') != text:
            path.write_text(text, encoding='utf-8')


def link_to_pages(app, docname, source) -> None:
    """``../../README.md`` works on GitHub; in the built pages it is ``readme.md``."""
    text = source[0]
    for name, page in COPIED.items():
        text = re.sub(rf'\]\((?:\.\./)+{re.escape(name)}', f'](/{page}', text)
    source[0] = text


def skip_field_numbers(app, what, name, obj, skip, options):
    """Fields of named tuples say no more than their number; the class describes them."""
    return str(obj.__doc__).startswith('Alias for field number') or None


def setup(app):
    cache_randomness.__get__ = on_the_class
    app.connect('builder-inited', copy_root_files)
    app.connect('source-read', link_to_pages)
    app.connect('autodoc-skip-member', skip_field_numbers)
    return {'parallel_read_safe': True}
