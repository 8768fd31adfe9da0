# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The pages of docs/en, cut into what can be checked."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs' / 'en'
#: Pages that the build copies from the root; they have tests of their own.
COPIED = {'readme.md', 'contributing.md', 'changelog.md'}
PAGES = sorted(
    path
    for path in DOCS.rglob('*.md')
    if '_build' not in path.parts and str(path.relative_to(DOCS)) not in COPIED
)
#: Inline code that starts so is a command or a part of one.
_COMMANDS = ('python ', 'make ', 'pip ', 'tools/dist_', '--cfg-options ')
_PIECE = re.compile(
    r'^```(?P<language>[^\n]*)\n(?P<block>.*?)^```$|`(?P<inline>[^`\n]+)`', re.M | re.S
)


class Piece(NamedTuple):
    """A fenced block, or inline code that reads as a command (language 'inline')."""

    language: str
    text: str


def pieces(page: Path) -> list[Piece]:
    """All fenced blocks and inline commands of a page, in order."""
    found = []
    for match in _PIECE.finditer(page.read_text(encoding='utf-8')):
        if match['inline'] is None:
            found.append(Piece(match['language'].strip(), match['block']))
        elif match['inline'].startswith(_COMMANDS):
            found.append(Piece('inline', match['inline']))
    return found


def commands(piece: Piece) -> list[list[str]]:
    """The words of every command; continued lines are joined, comments are left out."""
    lines = piece.text.replace('\\\n', ' ').splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def headings(text: str) -> list[str]:
    """Titles outside of fenced blocks."""
    return re.findall(r'^#+ (.+)$', re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S), re.M)


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings for links."""
    plain = [re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', title) for title in headings(text)]
    return {re.sub(r'[^\w\- ]', '', title.lower()).strip().replace(' ', '-') for title in plain}


def links(text: str) -> list[str]:
    """Targets of links and pictures, outside of fenced blocks and inline code."""
    text = re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S)
    return re.findall(r'\]\(([^)\s]+)\)', re.sub(r'`[^`\n]*`', '', text))
