# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Fenced blocks of the documentation, and its commands read by the parsers of the tools."""

import argparse
import contextlib
import importlib.util
import io
import re
import shlex
import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language; there is at least one."""
    found = re.findall(rf'```{language}\n(.*?)```', text, flags=re.DOTALL)
    assert found
    return found


def commands(text: str) -> list[list[str]]:
    """Every line of the bash blocks as words, without comments; continued lines are joined."""
    lines = '\n'.join(blocks(text, 'bash')).replace('\\\n', ' ').splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def parsed(words: list[str]) -> argparse.Namespace | None:
    """The options of a command of one of our tools; None for other programs.

    Raises:
        AssertionError: there is no such tool, or its parser refuses the words.
    """
    if words[:3] == ['python', '-m', 'mmocr_wsss']:
        tool, arguments = f'tools/{words[3]}.py', words[4:]
        assert (ROOT / 'configs' / arguments[0]).is_file(), f'{arguments[0]} is not shipped'
    elif words[:3] == ['python', '-m', 'torch.distributed.run']:
        return parsed(['python', *words[words.index('-m', 3) :]])
    elif words[0] == 'python':
        tool, arguments = words[1], words[2:]
    elif match := re.fullmatch(r'tools/dist_(train|test)\.sh', words[0]):
        assert (ROOT / words[0]).is_file()
        tool = f'tools/{match[1]}.py'
        place = 2 if match[1] == 'train' else 3  # of the number of processes
        assert words[place].isdigit(), words
        arguments = words[1:place] + words[place + 1 :]
    else:
        return None
    path = ROOT / tool
    assert path.is_file(), f'there is no {tool}'
    spec = importlib.util.spec_from_file_location(f'parser_of_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said = io.StringIO()
    with mock.patch.object(sys, 'argv', [tool, *arguments]), contextlib.redirect_stderr(said):
        try:
            return module.parse_args()
        except SystemExit:
            raise AssertionError(f'{shlex.join(words)}: {said.getvalue()}') from None
