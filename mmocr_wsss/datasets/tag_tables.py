# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Read image-level tags from whatever form they come in.

Convention: tags are a boolean vector of length K; index k is class id k + 1. An
image id is the file stem of the image, or its path without suffix where stems
repeat. Candidate noise is not judged here: a table says what an image may show.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from xml.parsers import expat

import numpy as np

from mmocr_wsss.artifacts import Offenders, load_pickled_arrays, read_json, write_json
from mmocr_wsss.datasets.id_lists import strip_image_suffix
from mmocr_wsss.datasets.mask_files import (
    foreground_ids,
    map_files,
    mask_size_and_ids,
    out_of_range_ids,
)
from mmocr_wsss.labels import candidates_from_tags, foreground_classes, tags_from_names

WAY_OUT = (
    'Tags are read from JSON {id: [class names]}, JSON {id: [0, 1, ...]} with one number per '
    'class, a folder of VOC annotations (.xml), a folder of masks (.png), cls_labels.npy. '
    'Correct these entries, or pass the list of classes that they are meant for.'
)

Source = str | os.PathLike | Mapping
Tags = dict[str, np.ndarray]


def read_tags(source: Source, classes: str | Sequence[str]) -> Tags:
    """Read a tag table.

    Args:
        source: one of

            * ``*.json``: {id: [class names]} or {id: [0, 1, ...]};
            * ``*.npy``: the field's ``cls_labels.npy``, {id: K numbers 0 or 1};
              integer ids are IRN's form, 2007000032 for 2007_000032;
            * a folder of VOC annotation files ``<id>.xml``: every object counts,
              "difficult" ones too, part names do not;
            * a folder of masks ``<id>.png``, grey or palette, with class ids;
            * a mapping of the same form as the JSON files.

            An image suffix at the end of an id is dropped.
        classes: ``'voc'``, ``'coco14'`` or the K foreground names in id order. A
            table of numbers is taken to be in this order.

    Returns:
        (K,) bool by id, sorted by id.

    Raises:
        FileNotFoundError: ``source`` does not exist.
        ValueError: the form is unknown, or entries are malformed: one error with
            the count and the first examples of each kind.
    """
    bad = Offenders(describe(source))
    tags = collect_tags(source, foreground_classes(classes), bad)
    bad.raise_if_any(WAY_OUT)
    return tags


def collect_tags(source: Source, classes: Sequence[str], bad: Offenders) -> Tags:
    """As :func:`read_tags`, but notes malformed entries in ``bad`` (their tags are empty).

    Raises:
        FileNotFoundError: there is no such table.
        ValueError: the form of the table cannot be told.
    """
    if isinstance(source, Mapping):
        return _from_mapping(source, classes, bad)
    path = os.fspath(source)
    if os.path.isdir(path):
        return _from_folder(path, classes, bad)
    if not os.path.exists(path):
        raise FileNotFoundError(
            f'{path}: no such tag table (at {os.path.abspath(path)}). Make one: '
            f'python tools/prepare_tags.py SRC {path} --classes CLASSES'
        )
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in ('.json', '.npy'):
        raise ValueError(f'{path}: cannot tell the form of this tag table. {WAY_OUT}')
    table = read_json(path) if suffix == '.json' else load_pickled_arrays(path)
    if not isinstance(table, Mapping):
        raise ValueError(f'{path}: holds a {type(table).__name__}, no table of ids. {WAY_OUT}')
    return _from_mapping(table, classes, bad)


def describe(source: Source) -> str:
    """Name of a tag source for error messages."""
    return 'tags' if isinstance(source, Mapping) else os.fspath(source)


def names_of(tags: np.ndarray, classes: Sequence[str]) -> list[str]:
    """Class names of (K,) bool tags, in id order."""
    return [name for name, present in zip(classes, tags, strict=True) if present]


def prepare_tags(
    source: Source, out: str, classes: str | Sequence[str], ids: Iterable[str] | None = None
) -> int:
    """Write any tag table as JSON {id: [class names]}, sorted by id; gives the count.

    Args:
        source: see :func:`read_tags`.
        out: file to write.
        classes: see :func:`read_tags`.
        ids: keep only these images; each must be in the table.

    Raises:
        ValueError: see :func:`read_tags`; or an id has no tags.
    """
    names = foreground_classes(classes)
    tags = read_tags(source, names)
    if ids is not None:
        wanted = sorted(set(ids))
        bad = Offenders(describe(source))
        for image_id in wanted:
            if image_id not in tags:
                bad.add('id without tags', image_id)
        bad.raise_if_any('Take these ids out of the list, or add them to the tag table.')
        tags = {image_id: tags[image_id] for image_id in wanted}
    write_json(out, {image_id: names_of(row, names) for image_id, row in tags.items()})
    return len(tags)


def _from_mapping(table: Mapping, classes: Sequence[str], bad: Offenders) -> Tags:
    tags: Tags = {}
    for key, value in table.items():
        image_id = _image_id(key, bad)
        if image_id in tags:
            bad.add('id given more than once', image_id)
        tags[image_id] = _tags_of_entry(image_id, value, classes, bad)
    return dict(sorted(tags.items()))


def _image_id(key: object, bad: Offenders) -> str:
    """Id of a table key; IRN stores VOC ids as numbers, without the underscore."""
    if isinstance(key, str) and key:
        return strip_image_suffix(key)
    if isinstance(key, (int, np.integer)) and len(str(key)) == 10:
        return f'{str(key)[:4]}_{str(key)[4:]}'
    bad.add('key that is neither text nor a VOC id of 10 digits', repr(key))
    return str(key)


def _tags_of_entry(
    image_id: str, value: object, classes: Sequence[str], bad: Offenders
) -> np.ndarray:
    none = np.zeros(len(classes), dtype=bool)
    if isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value):
        known = [name for name in value if name in classes]
        unknown = sorted(set(value) - set(classes))
        if unknown:
            bad.add('entry with unknown class names', f'{image_id} {unknown}')
        return tags_from_names(known, classes)
    try:
        numbers = np.asarray(value)
    except ValueError:  # ragged
        numbers = np.empty(0, dtype=object)
    if numbers.dtype.kind not in 'biuf' or numbers.ndim != 1:
        bad.add('entry that lists neither class names nor numbers', f'{image_id} {value!r:.60}')
    elif numbers.size != none.size:
        rule = f'entry without exactly one number for each of the {none.size} classes'
        bad.add(rule, f'{image_id} ({numbers.size})')
    elif not np.isin(numbers, (0, 1)).all():
        odd = numbers[~np.isin(numbers, (0, 1))][0]
        bad.add('entry with numbers other than 0 and 1', f'{image_id} ({odd})')
    else:
        return numbers.astype(bool)
    return none


def _from_folder(path: str, classes: Sequence[str], bad: Offenders) -> Tags:
    files = sorted(name for name in os.listdir(path) if not name.startswith('.'))
    readers = {'.xml': _tags_of_annotation, '.png': _tags_of_mask}
    found = {
        suffix: [name for name in files if name.lower().endswith(suffix)] for suffix in readers
    }
    forms = [suffix for suffix, names in found.items() if names]
    if len(forms) != 1:
        has = ' and '.join(forms) or 'neither .xml nor .png'
        raise ValueError(f'{path}: the folder holds {has} files; one form is needed. {WAY_OUT}')
    names, reader = found[forms[0]], readers[forms[0]]
    rows = map_files(lambda name: reader(os.path.join(path, name), classes), names)
    tags = {}
    for name, (row, problem) in zip(names, rows, strict=True):
        image_id = os.path.splitext(name)[0]
        if problem:
            bad.add(problem[0], f'{name} {problem[1]}'.rstrip())
        if image_id in tags:
            bad.add('id given more than once', image_id)
        tags[image_id] = row
    return dict(sorted(tags.items()))


def _tags_of_mask(path: str, classes: Sequence[str]) -> tuple[np.ndarray, tuple | None]:
    tags = np.zeros(len(classes), dtype=bool)
    candidates = candidates_from_tags(tags)
    try:
        _, ids = mask_size_and_ids(path)
    except (OSError, ValueError) as error:
        return tags, ('mask that cannot be read as 8-bit class ids', f'({error})')
    extra = out_of_range_ids(ids, candidates.size)
    if extra:
        return tags, (f'mask with ids other than 0..{tags.size} and 255', str(extra))
    candidates[foreground_ids(ids)] = True
    return candidates[1:], None


def _tags_of_annotation(path: str, classes: Sequence[str]) -> tuple[np.ndarray, tuple | None]:
    none = np.zeros(len(classes), dtype=bool)
    try:
        names = object_names(path)
    except (expat.ExpatError, ValueError) as error:
        return none, ('file that is no VOC annotation', f'({error})')
    unknown = sorted(set(names) - set(classes))
    if unknown:
        return none, ('entry with unknown class names', str(unknown))
    return tags_from_names(names, classes), None


def object_names(path: str | os.PathLike) -> list[str]:
    """Object names of a VOC annotation file: ``annotation/object/name``, parts left out.

    Raises:
        ValueError: the root is not ``annotation``, an object has no name, or the
            file declares a document type, whose entities could blow up.
        xml.parsers.expat.ExpatError: the file is not well-formed.
    """
    stack: list[str] = []
    names: list[str] = []

    def start(tag: str, attributes: dict) -> None:
        stack.append(tag)
        if stack[0] != 'annotation':
            raise ValueError(f'root element {stack[0]!r} instead of "annotation"')
        if stack == ['annotation', 'object']:
            names.append('')

    def text(data: str) -> None:
        if stack == ['annotation', 'object', 'name']:
            names[-1] += data

    def refuse(*_: object) -> None:
        raise ValueError('document type declarations are refused')

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: stack.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    with open(path, 'rb') as file:
        parser.ParseFile(file)
    names = [name.strip() for name in names]
    if '' in names:
        raise ValueError('an object has no name')
    return names
