# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Class names and tags of images of one's own: CSV, JSON or a folder per class."""

import csv
import difflib
import functools
import io
import os
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mmocr_wsss.artifacts import Offenders, read_json, require_file
from mmocr_wsss.converters.own_photos import nfc
from mmocr_wsss.dataset_file import MAX_CLASSES
from mmocr_wsss.labels import BACKGROUND_NAME

FORMS = (
    'Tags come as CSV with the header image,tags (tags separated by | or ; or a comma, then '
    'in quotes) or image,NAME1,NAME2,... (0 or 1 per class), or as JSON {image: [names]} or '
    '{image: [0, 1, ...]}.'
)
_SEPARATORS = '|;,'
_HEADER = re.compile(r'[ ]*"?image"?\s*([,;\t])', re.IGNORECASE)


class TagTable(NamedTuple):
    """Tags of image files.

    Attributes:
        tags: path -> class names in id order, () for none; sorted by path.
        missing: names of images that are not there, with their place in the table.
        merged_rows: number of further rows of an image that brought other tags.
        duplicate_rows: paths of images with a row that repeats an earlier one.
    """

    tags: dict[str, tuple[str, ...]]
    missing: list[str]
    merged_rows: int
    duplicate_rows: list[str]


class _Row(NamedTuple):
    where: str
    image: str
    names: frozenset[str]
    additive: bool  # whether further rows of an image add their tags


def read_class_list(path: str | os.PathLike) -> tuple[str, ...]:
    """The K foreground class names of a UTF-8 text file, one per line, composed (NFC).

    Spaces around names and empty lines are dropped.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not UTF-8, lists no name, more than 254, one twice, or the background.
    """
    lines = _read_text(path).splitlines()
    names = [nfc(line.strip()) for line in lines if line.strip()]
    bad = Offenders(str(path))
    for name, count in Counter(names).items():
        if count > 1:
            bad.add('name listed more than once', f'{name} ({count} times)')
    if BACKGROUND_NAME in names:
        bad.add('name that stands for class id 0, which is added by itself', BACKGROUND_NAME)
    if not 1 <= len(names) <= MAX_CLASSES:
        bad.add(f'list of less than 1 or more than {MAX_CLASSES} names', f'{len(names)} names')
    bad.raise_if_any('List every foreground class once, one name per line.')
    return tuple(names)


class ImageNames:
    """Finds image files by the names that tables give them.

    Args:
        files: paths relative to the folder of images, with ``/``.
    """

    def __init__(self, files: Iterable[str]) -> None:
        self._tables = [defaultdict(list) for _ in range(4)]
        for file in files:
            path = nfc(file)
            stem = os.path.splitext(path)[0]
            keys = (path, stem, posixpath.basename(path), posixpath.basename(stem))
            for table, key in zip(self._tables, keys, strict=True):
                table[key].append(file)

    def find(self, name: str) -> list[str]:
        """All files that a name fits best: one, none, or several if it is ambiguous.

        The path comes first, then the path without suffix, the bare file name, the bare
        stem. A backslash counts as ``/``; composed and decomposed letters are the same.
        """
        key = posixpath.normpath(nfc(name.strip()).replace('\\', '/'))
        return next((table[key] for table in self._tables if key in table), [])


def read_tag_table(
    source: str | os.PathLike, files: Sequence[str], classes: Sequence[str], bad: Offenders
) -> TagTable:
    """Tags of images from a CSV or JSON file.

    Forms: CSV with the header ``image,tags``, tags separated by ``|``, ``;`` or a comma; here
    rows of one image add up. CSV with the header ``image,NAME1,NAME2,...``, a column of 0 and 1
    for every class, in any order. Columns are divided by commas, semicolons or tabs, as behind
    ``image`` in the header. JSON ``{image: [names]}`` or ``{image: [0, 1, ...]}``.

    Args:
        source: ``.csv``, ``.tsv`` or ``.json`` file, UTF-8.
        files: paths of the images that exist, see :class:`ImageNames` for how they are named.
        classes: the K foreground names in id order.
        bad: gets unknown tags, malformed or contradictory entries and ambiguous names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file as a whole has none of these forms.
    """
    suffix = os.path.splitext(source)[1].lower()
    if suffix not in ('.csv', '.tsv', '.json'):
        raise ValueError(f'{source}: tags must be a .csv, .tsv or .json file. {FORMS}')
    rows = (_json_rows if suffix == '.json' else _csv_rows)(source, classes, bad)
    images = ImageNames(files)
    seen: dict[str, list[frozenset[str]]] = {}
    missing, duplicates, merged = [], [], 0
    for row in rows:
        fitting = images.find(row.image)
        if not fitting:
            missing.append(f'{row.image} ({row.where})')
        elif len(fitting) > 1:
            text = f'{row.image} ({row.where}) fits {", ".join(fitting[:5])}'
            bad.add('image name that fits several files', text)
        else:
            earlier = seen.setdefault(fitting[0], [])
            if row.names in earlier:
                duplicates.append(fitting[0])
            elif earlier and not row.additive:
                text = f'{row.image} ({row.where}: {sorted(row.names)}, was {sorted(earlier[0])})'
                bad.add('image given more than once, with other tags', text)
            else:
                merged += bool(earlier)
                earlier.append(row.names)
    tags = {path: in_id_order(frozenset().union(*seen[path]), classes) for path in sorted(seen)}
    return TagTable(tags, missing, merged, sorted(duplicates))


def tags_from_folders(
    files: Sequence[str], classes: Sequence[str], bad: Offenders
) -> dict[str, tuple[str, ...]]:
    """Tags of images that lie in a folder per class: {path: (class name,)}.

    Args:
        files: paths ``CLASS/...``; only the first folder counts.
        classes: the foreground names.
        bad: gets images in no folder, and folders that are no class.
    """
    tags: dict[str, tuple[str, ...]] = {}
    strange = Counter()
    for file in files:
        folder, slash, _ = file.partition('/')
        if not slash:
            bad.add('image in no folder of a class', file)
        elif nfc(folder) not in classes:
            strange[folder] += 1
        else:
            tags[file] = (nfc(folder),)
    for folder, count in sorted(strange.items()):
        text = f'{folder} with {count} images{_nearest(folder, tuple(classes))}'
        bad.add('folder that is no class', text)
    return tags


def in_id_order(names: Iterable[str], classes: Sequence[str]) -> tuple[str, ...]:
    """Class names in the order of ``classes``, each once."""
    names = frozenset(names)
    return tuple(name for name in classes if name in names)


def _read_text(path: str | os.PathLike) -> str:
    require_file(path)
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path}: must be UTF-8 text, got byte {error.object[error.start]:#04x} at '
            f'{error.start}. Save it as UTF-8 (in a spreadsheet: "CSV UTF-8").'
        ) from error


def _csv_rows(path: str | os.PathLike, classes: Sequence[str], bad: Offenders) -> Iterator[_Row]:
    text = _read_text(path)
    found = _HEADER.match(text)
    if found is None:
        first = text.partition('\n')[0].rstrip()
        raise ValueError(f'{path}: the first line must be a header, got {first!r:.80}. {FORMS}')
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=found[1], strict=True)
    try:
        header = [nfc(cell.strip()) for cell in next(reader)]
        cells_of = _names_in_cell
        if by_name := [name.lower() for name in header[1:]] == ['tags']:
            _require_no_separators(path, classes)
        else:
            _require_class_columns(path, header[1:], classes)
            cells_of = _names_of_columns
        for cells in reader:
            where = f'row {reader.line_num}'
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                bad.add(f'row without exactly {len(header)} columns', f'{where} ({len(cells)})')
            elif not cells[0].strip():
                bad.add('row without the name of an image', where)
            else:
                place = f'{cells[0].strip()} ({where})'
                names = cells_of(place, header[1:], cells[1:], classes, bad)
                yield _Row(where, cells[0].strip(), names, additive=by_name)
    except csv.Error as error:
        raise ValueError(
            f'{path}: no well-formed CSV near row {reader.line_num} ({error}). {FORMS}'
        ) from error


def _require_no_separators(path, classes: Sequence[str]) -> None:
    if odd := [name for name in classes if set(name) & set(_SEPARATORS)]:
        raise ValueError(
            f'{path}: the class names {odd[:5]} hold a separator of tags ({_SEPARATORS}). Write '
            'a column per class, or JSON.'
        )


def _require_class_columns(path, columns: Sequence[str], classes: Sequence[str]) -> None:
    bad = Offenders(f'{path}, header')
    for name, count in Counter(columns).items():
        if name not in classes:
            bad.add('column that is no class', f'{name!r}{_nearest(name, tuple(classes))}')
        elif count > 1:
            bad.add('column given more than once', name)
    for name in classes:
        if name not in columns:
            bad.add('class without a column', name)
    bad.raise_if_any(FORMS)


def _names_in_cell(place, columns, cells, classes, bad) -> frozenset[str]:
    names = re.split(f'[{re.escape(_SEPARATORS)}]', cells[0])
    return _known(place, [name.strip() for name in names if name.strip()], classes, bad)


def _names_of_columns(place, columns, cells, classes, bad) -> frozenset[str]:
    for name, cell in zip(columns, cells, strict=True):
        if cell.strip() not in ('0', '1'):
            bad.add('cell other than 0 and 1', f'{place}, column {name}: {cell.strip()!r:.20}')
    return frozenset(name for name, cell in zip(columns, cells, strict=True) if cell.strip() == '1')


def _json_rows(path: str | os.PathLike, classes: Sequence[str], bad: Offenders) -> Iterator[_Row]:
    table = read_json(path)
    if not isinstance(table, dict):
        raise ValueError(f'{path}: must be a JSON object, got a {type(table).__name__}. {FORMS}')
    for image, value in table.items():
        names = _names_of_entry(image, value, classes, bad)
        yield _Row('JSON', image, names, additive=False)


def _names_of_entry(
    image: str, value: Any, classes: Sequence[str], bad: Offenders
) -> frozenset[str]:
    values = value if isinstance(value, list) else [None]
    texts = [item.strip() for item in values if isinstance(item, str)]
    if len(texts) == len(values):
        return _known(image, texts, classes, bad)
    if not all(isinstance(item, (int, float)) for item in values):
        bad.add('entry that lists neither names nor numbers', f'{image}: {value!r:.60}')
    elif len(values) != len(classes):
        rule = f'entry without exactly one number for each of the {len(classes)} classes'
        bad.add(rule, f'{image}: {len(values)}')
    elif odd := [item for item in values if item not in (0, 1)]:
        bad.add('entry with numbers other than 0 and 1', f'{image}: {odd[0]}')
    else:
        return frozenset(name for name, item in zip(classes, values, strict=True) if item)
    return frozenset()


def _known(
    place: str, names: Iterable[str], classes: Sequence[str], bad: Offenders
) -> frozenset[str]:
    names = frozenset(map(nfc, names))
    for name in sorted(names.difference(classes)):
        bad.add('unknown tag', f'{place}: {name!r}{_nearest(name, tuple(classes))}')
    return names.intersection(classes)


@functools.lru_cache(1024)
def _nearest(name: str, classes: tuple[str, ...]) -> str:
    small = {known.lower(): known for known in classes}
    near = difflib.get_close_matches(nfc(name).lower(), small, n=1, cutoff=0.4)
    return f' (nearest class: {small[near[0]]!r})' if near else f' (no class; {classes[0]!r}, ...)'
