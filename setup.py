# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Packaging: imports nothing but the standard library and setuptools."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PACKAGE = 'mmocr_wsss'
#: What the package carries beside its modules, in the folder ``.mim`` inside it.
SHIPPED = ('configs', 'tools', 'model-index.yml')


class BuildPy(build_py):
    """Put configs and tools into ``mmocr_wsss/.mim``: links for an editable install, else copies.

    Only an editable install writes into the source tree, so no copy can go stale there.
    """

    def run(self):
        super().run()
        editable = getattr(self, 'editable_mode', False)
        mim = (ROOT if editable else Path(self.build_lib)) / PACKAGE / '.mim'
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for name in SHIPPED:
            source, target = ROOT / name, mim / name
            if editable:
                target.symlink_to(Path('..', '..', name))
            elif source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns('__pycache__'))
            else:
                shutil.copy(source, target)


def version() -> str:
    text = (ROOT / PACKAGE / '__init__.py').read_text(encoding='utf-8')
    return re.search(r"^__version__ = '([^']+)'$", text, re.MULTILINE).group(1)


def requirements(name: str) -> list[str]:
    """Lines of ``requirements/<name>.txt`` without comments, ``-r`` followed."""
    found = []
    for line in (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines():
        line = line.split('#', 1)[0].strip()
        if line.startswith('-r '):
            found += requirements(Path(line[3:].strip()).stem)
        elif line:
            found.append(line)
    return found


def long_description() -> str:
    readme = ROOT / 'README.md'
    return readme.read_text(encoding='utf-8') if readme.is_file() else ''


EXTRAS = {
    name: requirements(name)
    for name in (
        'stack',
        'mminstall',
        'converters',
        'crf',
        'pretrained',
        'optional',
        'onnx',
        'tests',
        'docs',
    )
}

setup(
    name='mmocr-wsss',
    version=version(),
    description='Out-of-candidate rectification for weakly supervised semantic segmentation',
    long_description=long_description(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    install_requires=requirements('runtime'),
    # The stack is a choice between two families, so 'all' leaves both out.
    extras_require=EXTRAS | {'all': sum((EXTRAS[k] for k in ('optional', 'tests', 'docs')), [])},
    cmdclass={'build_py': BuildPy},
    zip_safe=False,
)
