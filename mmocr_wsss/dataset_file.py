# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""``DATA_ROOT/dataset.json``: what the configs need to know of a data set.

With this file in the folder that ``--data-root`` gives, every config takes classes, lists
and folders from it, whatever data it was written for.
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from mmocr_wsss.artifacts import Offenders, read_json, write_json
from mmocr_wsss.labels import IGNORE_ID, foreground_classes

DATASET_FILE = 'dataset.json'
#: Class ids 1..254 are free, since 0 is the background and 255 "ignore".
MAX_CLASSES = IGNORE_ID - 1
_WAY_OUT = 'The tools of tools/dataset_converters write this file; run one again or correct these.'


class Split(NamedTuple):
    """A part of a data set; paths are relative to the folder of the file, with ``/``.

    Attributes:
        list: of image ids, one per line.
        images: folder of the photos.
        masks: folder of true masks ``ID.png``; None: there are none.
        scored_list: ids of the images that have true masks, for numbers on training photos;
            None: there are none, or (validation) all of ``list`` have.
    """

    list: str
    images: str
    masks: str | None = None
    scored_list: str | None = None


class DatasetFacts(NamedTuple):
    """What ``dataset.json`` holds.

    Attributes:
        classes: K foreground names in the order of their ids 1..K, 1 <= K <= 254.
        background: whether pixels may show none of the classes.
        img_suffix: of all photos, with its dot.
        tags: table {id: [class names]} of both splits, relative as the paths of ``Split``.
        train: what is trained on.
        val: images held out; None: there are none.
    """

    classes: tuple[str, ...]
    background: bool
    img_suffix: str
    tags: str
    train: Split
    val: Split | None


def write_dataset_file(root: str | os.PathLike, facts: DatasetFacts) -> None:
    """Write ``root/dataset.json``, whole or not at all.

    Raises:
        ValueError: :func:`read_dataset_file` would not take it.
    """
    path = Path(root, DATASET_FILE)
    data = facts._asdict() | {
        'classes': list(facts.classes),
        'train': facts.train._asdict(),
        'val': None if facts.val is None else facts.val._asdict(),
    }
    _check(path, data)
    write_json(path, data)


def read_dataset_file(root: str | os.PathLike) -> DatasetFacts | None:
    """Read and check ``root/dataset.json``; None if there is no such file.

    Whether the files that it names exist is not looked at.

    Raises:
        ValueError: it is no JSON object with exactly the keys of :class:`DatasetFacts`, or
            values have another type, classes are repeated, none or more than 254, or paths
            lead out of ``root``: one error for all.
    """
    path = Path(root, DATASET_FILE)
    if not path.is_file():
        return None
    data = read_json(path)
    _check(path, data)
    splits = {key: data[key] and Split(**data[key]) for key in ('train', 'val')}
    return DatasetFacts(**data | {'classes': tuple(data['classes'])} | splits)


def _check(path: Path, data: Any) -> None:
    bad = Offenders(str(path))
    for rule, example in _problems(data):
        bad.add(rule, example)
    bad.raise_if_any(_WAY_OUT)


def _problems(data: Any) -> Iterator[tuple[str, str]]:
    yield from _key_problems(data, DatasetFacts._fields, 'the file')
    if not isinstance(data, dict):
        return
    rules = {
        'classes': _class_rule,
        'background': lambda value: None if isinstance(value, bool) else 'must be true or false',
        'img_suffix': _suffix_rule,
        'tags': _path_rule,
    }
    for key, rule_of in rules.items():
        if key in data and (rule := rule_of(data[key])):
            yield rule, f'{key} = {data[key]!r:.100}'
    for name in ('train', 'val'):
        split = data.get(name)
        if split is None and (name == 'val' or name not in data):
            continue
        yield from _key_problems(split, Split._fields, name)
        for key, value in split.items() if isinstance(split, dict) else ():
            optional = key in Split._field_defaults
            rule = None if optional and value is None else _path_rule(value)
            if rule and key in Split._fields:
                yield rule + (', or null' if optional else ''), f'{name}.{key} = {value!r:.100}'


def _key_problems(data: Any, keys: tuple[str, ...], name: str) -> Iterator[tuple[str, str]]:
    if not isinstance(data, dict):
        yield f'{name} must be a JSON object with the keys {list(keys)}', type(data).__name__
        return
    for key in keys:
        if key not in data:
            yield f'missing key of {name}', key
    for key in data:
        if key not in keys:
            yield f'unknown key of {name} (known: {", ".join(keys)})', key


def _suffix_rule(value: Any) -> str | None:
    good = isinstance(value, str) and value.startswith('.') and not set(value) & set('/\\')
    return None if good and len(value) > 1 else 'must be a suffix such as .jpg'


def _path_rule(value: Any) -> str | None:
    parts = PurePosixPath(value).parts if isinstance(value, str) else ()
    if not parts or value.startswith('/') or '..' in parts or set(value) & set('\\:'):
        return 'must be a relative path inside the folder of this file, with /'
    return None


def _class_rule(value: Any) -> str | None:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return 'must be a list of names'
    if any(not name.strip() or name != name.strip() or '\n' in name for name in value):
        return 'must be names without spaces around them, none empty, on one line each'
    try:
        count = len(foreground_classes(value))
    except ValueError as error:
        return str(error)[:200]
    return None if count <= MAX_CLASSES else f'must be at most {MAX_CLASSES} names, got {count}'
