# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Instance annotations of MS COCO: read in one stream, checked, looked up image by image.

The annotations of 80,000 images do not fit into 2 GiB as Python objects, so they
go through a SQLite file from which each process fetches those of an image.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePath
from typing import Any, NamedTuple

from mmocr_wsss.artifacts import Offenders, require_file
from mmocr_wsss.converters.coco_segmentations import (
    encloses_area,
    is_integer,
    is_number,
    segmentation_problem,
)
from mmocr_wsss.labels import CLASS_SETS

#: Ids of the 80 categories in the 91-id space of MS COCO; class id = position + 1.
CATEGORY_IDS = tuple(
    sorted({*range(1, 91)} - {12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
)  # fmt: skip
CLASS_ID_OF_CATEGORY = {category: k + 1 for k, category in enumerate(CATEGORY_IDS)}

_WAY_OUT = 'Take the file from the archive of annotations again, or correct these entries.'


class CocoImage(NamedTuple):
    """An image of the JSON: its number, file name without suffix, and size in pixels."""

    number: int
    stem: str
    height: int
    width: int


class Instance(NamedTuple):
    """An object: class id 1..80, crowd region or not, ``area`` of the JSON, polygons or RLE."""

    class_id: int
    crowd: bool
    area: float
    segmentation: Any


class Annotations(NamedTuple):
    """What is kept of a file in memory.

    images: in the order of their stems. class_ids: per image, of all its objects, crowds too.
    crowds: number of crowd regions. flat: number of objects whose polygons enclose no area.
    """

    images: list[CocoImage]
    class_ids: dict[str, list[int]]
    objects: int
    crowds: int
    flat: int


def index_annotations(path: str | os.PathLike, database: str | os.PathLike) -> Annotations:
    """Check an ``instances_*.json`` and put its objects into a SQLite file.

    Args:
        path: JSON with ``images``, ``annotations`` and ``categories``.
        database: file to write; it must not be there.

    Raises:
        FileNotFoundError: there is no such JSON.
        ValueError: it is truncated or no such JSON, its categories are not the 80 of MS
            COCO, or entries are malformed: one error with counts and first examples.
    """
    require_file(path)
    _check_categories(path)
    bad = Offenders(str(path))
    images = _read_images(path, bad)
    bad.raise_if_any(_WAY_OUT)
    connection = sqlite3.connect(database)
    try:
        connection.executescript(
            'PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;'
            'CREATE TABLE image (stem TEXT PRIMARY KEY, number INT, height INT, width INT);'
            'CREATE TABLE object (image INT, body TEXT);'
        )
        rows = ((image.stem, image.number, image.height, image.width) for image in images.values())
        connection.executemany('INSERT INTO image VALUES (?, ?, ?, ?)', rows)
        counts = {'objects': 0, 'crowds': 0, 'flat': 0}
        seen: dict[int, set[int]] = {number: set() for number in images}
        objects = _object_rows(path, images, seen, counts, bad)
        connection.executemany('INSERT INTO object VALUES (?, ?)', objects)
        bad.raise_if_any(_WAY_OUT)
        connection.execute('CREATE INDEX of_image ON object (image)')
        connection.commit()
    finally:
        connection.close()
    ordered = sorted(images.values(), key=lambda image: image.stem)
    class_ids = {image.stem: sorted(seen[image.number]) for image in ordered}
    return Annotations(ordered, class_ids, **counts)


def read_instances(database: str | os.PathLike, stem: str) -> tuple[CocoImage, list[Instance]]:
    """An image and its objects in the order of the JSON, from :func:`index_annotations`."""
    connection = _reader(os.fspath(database))
    row = connection.execute(
        'SELECT number, stem, height, width FROM image WHERE stem = ?', (stem,)
    ).fetchone()
    image = CocoImage(*row)
    bodies = connection.execute(
        'SELECT body FROM object WHERE image = ? ORDER BY rowid', (image.number,)
    )
    return image, [Instance(*json.loads(body)) for (body,) in bodies]


@lru_cache(maxsize=2)
def _reader(database: str) -> sqlite3.Connection:
    return sqlite3.connect(f'file:{database}?mode=ro', uri=True, check_same_thread=False)


def stream_items(path: str | os.PathLike, key: str) -> Iterator[Any]:
    """The items of the list ``key`` of a JSON object, one after the other.

    Raises:
        ImportError: ijson, which reads JSON in pieces, is not installed.
        ValueError: the file is truncated or no JSON, or ``key`` is no list with items.
    """
    try:
        import ijson
    except ImportError as error:
        raise ImportError(
            'ijson reads the annotations of MS COCO and is not installed: '
            'pip install -r requirements/converters.txt'
        ) from error
    count = 0
    with open(path, 'rb') as file:
        try:
            for item in ijson.items(file, f'{key}.item', use_float=True):
                count += 1
                yield item
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise ValueError(
                f'{path}: is truncated or no JSON, after {count:,} of {key} '
                f'({str(error).splitlines()[0]}). Take it from the archive of annotations again.'
            ) from error
    if not count:
        raise ValueError(
            f'{path}: has no list {key!r} with entries; expected an instances_*.json of MS COCO '
            'with images, annotations and categories.'
        )


def _check_categories(path: str | os.PathLike) -> None:
    expected = dict(zip(CATEGORY_IDS, CLASS_SETS['coco14'], strict=True))
    bad = Offenders(f'{path}: categories')
    found = {}
    for item in stream_items(path, 'categories'):
        if not isinstance(item, dict) or not {'id', 'name'} <= set(item):
            bad.add('entry without id and name', repr(item))
            continue
        if item['id'] in found:
            bad.add('id given more than once', item['id'])
        found[item['id']] = item['name']
    for category, name in expected.items():
        if category not in found:
            bad.add('missing category', f'{category} {name}')
        elif found[category] != name:
            bad.add('other name', f'{category} is {found[category]!r}, not {name!r}')
    for category in found:
        if category not in expected:
            bad.add('category that MS COCO does not have', f'{category!r} {found[category]!r}')
    bad.raise_if_any(
        'The masks have the 80 categories of MS COCO in the order of their ids. Data of other '
        'classes: tools/dataset_converters/from_tags.py.'
    )


def _read_images(path: str | os.PathLike, bad: Offenders) -> dict[int, CocoImage]:
    images: dict[int, CocoImage] = {}
    stems = set()
    for item in stream_items(path, 'images'):
        problem = _image_problem(item)
        if problem:
            bad.add(*problem)
            continue
        stem = PurePath(item['file_name']).stem
        if item['id'] in images:
            bad.add('image id given more than once', item['id'])
        if stem in stems:
            bad.add('image file given more than once', item['file_name'])
        stems.add(stem)
        images[item['id']] = CocoImage(item['id'], stem, item['height'], item['width'])
    return images


def _image_problem(item: Any) -> tuple[str, str] | None:
    if not isinstance(item, dict):
        return 'image that is no object', repr(item)
    if not is_integer(item.get('id')):
        return 'image without an integer id', repr(item)
    name = item.get('file_name')
    if not isinstance(name, str) or not name or PurePath(name).name != name:
        return 'image without a plain file_name', f'{item["id"]}: {name!r}'
    for side in ('height', 'width'):
        if not is_integer(item.get(side)) or not 1 <= item[side] <= 65535:
            return f'image without {side} in 1..65535', f'{name}: {item.get(side)!r}'
    return None


def _object_rows(
    path: str | os.PathLike,
    images: dict[int, CocoImage],
    seen: dict[int, set[int]],
    counts: dict[str, int],
    bad: Offenders,
) -> Iterator[tuple[int, str]]:
    """Rows of the objects; notes class ids, counts and malformed entries on the way."""
    ids = set()
    for item in stream_items(path, 'annotations'):
        problem = _object_problem(item, images)
        if problem:
            bad.add(*problem)
            continue
        if item['id'] in ids:
            bad.add('annotation id given more than once', item['id'])
        ids.add(item['id'])
        segmentation, crowd = item['segmentation'], bool(item.get('iscrowd', 0))
        if isinstance(segmentation, list):
            segmentation = [polygon for polygon in segmentation if encloses_area(polygon)]
            counts['flat'] += not segmentation
        class_id = CLASS_ID_OF_CATEGORY[item['category_id']]
        counts['objects'] += 1
        counts['crowds'] += crowd
        seen[item['image_id']].add(class_id)
        yield item['image_id'], json.dumps([class_id, crowd, item['area'], segmentation])


def _object_problem(item: Any, images: dict[int, CocoImage]) -> tuple[str, str] | None:
    if not isinstance(item, dict) or not is_integer(item.get('id')):
        return 'annotation without an integer id', f'{item!r:.100}'
    where = f'annotation {item["id"]}'
    number = item.get('image_id')
    image = images.get(number) if is_integer(number) else None
    if image is None:
        return 'annotation of an image that is not listed', f'{where}: {number!r}'
    category = item.get('category_id')
    if not is_integer(category) or category not in CLASS_ID_OF_CATEGORY:
        return 'annotation with an unknown category', f'{where}: {category!r}'
    if item.get('iscrowd', 0) not in (0, 1):
        return 'annotation with iscrowd other than 0 and 1', f'{where}: {item["iscrowd"]!r}'
    area = item.get('area')
    if not is_number(area) or area < 0:
        return 'annotation without an area >= 0', f'{where}: {area!r}'
    problem = segmentation_problem(item.get('segmentation'), image.height, image.width)
    return (problem, where) if problem else None
