# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The tools of the package, wherever it is installed: ``python -m mmocr_wsss TOOL ...``.

A config that the package ships may be given as its path below ``configs``::

    python -m mmocr_wsss train ocr/seam_r38_voc.py --data-root data/VOCdevkit/VOC2012
    python -m mmocr_wsss train --help
"""

import runpy
import sys
from pathlib import Path

from mmocr_wsss import config_path
from mmocr_wsss.pipeline.commands import repository


def main(arguments: list[str]) -> int:
    """Run a tool in this process; without one, or with a wrong one, list them.

    Args:
        arguments: name of the tool, as ``analysis/show_cams``, and its arguments.
    """
    tools = repository() / 'tools'
    known = {path.relative_to(tools).with_suffix('').as_posix(): path for path in _py(tools)}
    name = arguments[0].removesuffix('.py') if arguments else '--help'
    if name not in known:
        asked = name in ('-h', '--help')
        text = f'{__doc__}\nTools: {", ".join(sorted(known))}'
        print(text if asked else f'error: there is no tool {name!r}\n\n{text}', file=_out(asked))
        return 0 if asked else 2
    sys.argv = [str(known[name]), *_with_config(arguments[1:])]
    runpy.run_path(sys.argv[0], run_name='__main__')
    return 0


def _py(folder: Path) -> list[Path]:
    return list(folder.rglob('*.py'))


def _out(asked: bool):
    return sys.stdout if asked else sys.stderr


def _with_config(arguments: list[str]) -> list[str]:
    """The arguments, the first of them made a path if it names a config that is shipped."""
    if arguments and arguments[0].endswith('.py') and not Path(arguments[0]).exists():
        try:
            return [config_path(arguments[0]), *arguments[1:]]
        except FileNotFoundError as error:
            sys.exit(f'error: {arguments[0]}: no such file, and {error}')
    return arguments


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
