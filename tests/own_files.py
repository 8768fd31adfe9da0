# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Small images of one's own with tags, and ways to damage them."""

import io
import json

import numpy as np
from PIL import Image

from mmocr_wsss.converters.own_data import convert_own_data

HEIGHT, WIDTH = 32, 40
CLASSES = ('cat', 'dog', 'hot dog')
#: Path below the folder of images -> tags. With the share 0.4, VAL is the validation list.
TAGS = {
    'a/1.jpg': ['cat'],
    'a/2.png': ['cat', 'dog'],
    'b/3.jpg': ['dog'],
    'b/4.jpg': ['hot dog'],
    'b/deep/5.JPG': ['cat', 'hot dog'],
    '6.jpg': ['dog'],
}
IDS = {path: path.rsplit('.', 1)[0].replace('/', '__') for path in TAGS}


def pixels(seed, height=HEIGHT, width=WIDTH):
    """(height, width, 3) uint8: a smooth colour ramp, so that JPEG hardly changes it."""
    rng = np.random.default_rng(seed)
    low, high = rng.integers(0, 256, (2, 3))
    ramp = np.linspace(0, 1, width)[None, :, None] * np.ones((height, 1, 1))
    return np.round(low + (high - low) * ramp).astype(np.uint8)


def encoded(image, suffix='.jpg', **options):
    """The bytes of a file of a Pillow image or an array."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, Image.registered_extensions()[suffix], **options)
    return buffer.getvalue()


def put(path, content):
    """Write a file and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_own_images(root):
    """``root/in`` with the images of TAGS, ``tags.csv`` in the form image,tags, classes.txt."""
    for seed, path in enumerate(TAGS):
        put(root / 'in' / path, encoded(pixels(seed), path[path.rindex('.') :].lower()))
    put(root / 'tags.csv', csv_of_names(TAGS))
    put(root / 'classes.txt', ''.join(f'{name}\n' for name in CLASSES))


def csv_of_names(tags):
    """The form image,tags."""
    return 'image,tags\n' + ''.join(f'{path},{"|".join(names)}\n' for path, names in tags.items())


def csv_of_columns(tags, delimiter=','):
    """The form image,NAME1,NAME2, with the classes in another order than their ids."""
    columns = CLASSES[::-1]
    rows = [['image', *columns]]
    rows += [[path, *(str(int(c in names)) for c in columns)] for path, names in tags.items()]
    return ''.join(delimiter.join(row) + '\n' for row in rows)


def json_of_numbers(tags):
    """The form {image: [0, 1, ...]}."""
    table = {path: [int(name in names) for name in CLASSES] for path, names in tags.items()}
    return json.dumps(table)


def convert(root, **changes):
    """``convert_own_data`` of :func:`write_own_images` to ``root/out``; gives the report."""
    options = dict(
        images=root / 'in', out=root / 'out', tags=root / 'tags.csv', classes=root / 'classes.txt'
    )
    return convert_own_data(**options | dict(val_share=0.0) | changes)


def contents(folder):
    """{relative path: bytes} of all files."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def stored(root, image_id):
    """(mode, array) of a photo that was written."""
    with Image.open(root / f'out/images/{image_id}.jpg') as image:
        assert image.format == 'JPEG' and image.getexif().get(0x0112, 1) == 1
        return image.mode, np.asarray(image).astype(int)
