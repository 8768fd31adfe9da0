# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A tiny folder in the layout of MS COCO 2014, with crowd regions and overlaps."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from mmocr_wsss.converters.coco_instances import CATEGORY_IDS
from mmocr_wsss.labels import CLASS_SETS

HEIGHT, WIDTH = 40, 60


def box(left, top, right, bottom):
    """A polygon with straight edges, as MS COCO writes it."""
    return [left, top, right, top, right, bottom, left, bottom]


def crowd_runs(rows):
    """Uncompressed RLE of the first ``rows`` rows of an image."""
    counts = []
    for _ in range(WIDTH):
        counts += [0, rows, HEIGHT - rows] if not counts else [rows, HEIGHT - rows]
    # Runs alternate between off and on; the first is off and empty.
    return {'size': [HEIGHT, WIDTH], 'counts': counts}


def annotation(number, image, category, segmentation, area, crowd=0):
    """One entry of ``annotations``."""
    return dict(
        id=number, image_id=image, category_id=category, segmentation=segmentation, area=area,
        iscrowd=crowd,
    )  # fmt: skip


def coco_json(split='train2014', images=4):
    """Content of ``instances_SPLIT.json``; the last image has no object.

    In each other image a small person (1) lies in a large bottle (44), a toothbrush (90)
    overlaps both, and a crowd of persons fills the top rows.
    """
    first = 1 if split == 'train2014' else 101
    data = dict(
        info={},
        images=[
            dict(
                id=number, file_name=f'COCO_{split}_{number:012d}.jpg', height=HEIGHT, width=WIDTH
            )
            for number in range(first, first + images)
        ],
        licenses=[],
        annotations=[],
        categories=[
            dict(id=number, name=name, supercategory='thing')
            for number, name in zip(CATEGORY_IDS, CLASS_SETS['coco14'], strict=True)
        ],
    )  # fmt: skip
    for item in data['images'][:-1]:
        number, shift = item['id'], item['id'] % 7
        data['annotations'] += [
            annotation(10 * number, number, 1, [box(20 + shift, 15, 30 + shift, 25)], 100.0),
            annotation(10 * number + 1, number, 44, [box(10, 10, 50, 35)], 1000.0),
            annotation(10 * number + 2, number, 90, [box(25, 20, 45, 38)], 360.0),
            annotation(10 * number + 3, number, 1, crowd_runs(12), 720, crowd=1),
        ]
    return data


def write_coco_root(root, images=4, photos=True):
    """Write annotations and photos of both splits below ``root``."""
    for split in ('train2014', 'val2014'):
        data = coco_json(split, images)
        write_annotations(root, split, data)
        if photos:
            write_photos(root, split, data)
    return Path(root)


def write_annotations(root, split, data):
    """Write ``annotations/instances_SPLIT.json``."""
    path = Path(root, 'annotations', f'instances_{split}.json')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding='utf-8')


def write_photos(root, split, data):
    """Noise of the listed sizes as ``images/SPLIT/*.jpg``."""
    folder = Path(root, 'images', split)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for item in data['images']:
        noise = rng.integers(0, 256, (item['height'], item['width'], 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / item['file_name'], quality=80)
