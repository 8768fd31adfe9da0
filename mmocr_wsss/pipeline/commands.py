# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Where the tools lie, and how their command lines begin."""

import sys
from pathlib import Path
from typing import Any


def repository() -> Path:
    """The folder that holds ``configs`` and ``tools``: the checkout, or ``.mim`` of a wheel."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent
    return checkout if (checkout / 'tools' / 'train.py').is_file() else package / '.mim'


def tool_command(tool: str) -> list[Any]:
    """The beginning of the command line of a tool, such as ``analysis/show_cams``."""
    return [sys.executable, repository() / 'tools' / f'{tool}.py']
