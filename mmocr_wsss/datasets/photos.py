# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The photo of an image id, and how its pixels are read."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mmocr_wsss.datasets.id_lists import IMAGE_SUFFIXES


def find_photo(folder: str | os.PathLike, image_id: str, suffix: str | None = None) -> Path:
    """``folder/ID`` with the suffix under which the photo exists.

    Args:
        folder: of the photos.
        image_id: may hold folders.
        suffix: of all photos; None: ``.jpg``, ``.jpeg`` or ``.png``, small or capital.

    Raises:
        FileNotFoundError: there is none.
    """
    known = (suffix,) if suffix else (*IMAGE_SUFFIXES, *map(str.upper, IMAGE_SUFFIXES))
    for ending in known:
        if (path := Path(folder, image_id + ending)).is_file():
            return path
    raise FileNotFoundError(
        f'no {"/".join(known)} of {image_id} in {folder}; --img-suffix tells how photos end'
    )


def read_photo(path: str | os.PathLike) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a file, as :func:`decode_photo`."""
    return decode_photo(Path(path).read_bytes())


def decode_photo(content: bytes) -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned by the EXIF orientation as OpenCV does.

    Raises:
        OSError: the bytes are no image, or not all of one.
        ValueError: it has more than 8 bits per channel, which Pillow would cut off to white.
    """
    with Image.open(BytesIO(content)) as image:
        if image.mode.startswith(('I', 'F')):
            raise ValueError(
                f'photos must have 8 bits per channel, got Pillow mode {image.mode!r}; convert it'
            )
        return np.asarray(ImageOps.exif_transpose(image).convert('RGB'))
