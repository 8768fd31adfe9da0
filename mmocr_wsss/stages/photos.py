# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The photo of an image id."""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mmocr_wsss.datasets.id_lists import IMAGE_SUFFIXES


def find_photo(folder: str | os.PathLike, image_id: str) -> Path:
    """``folder/ID`` with the suffix under which the photo exists.

    Raises:
        FileNotFoundError: there is none.
    """
    for suffix in IMAGE_SUFFIXES:
        if (path := Path(folder, image_id + suffix)).is_file():
            return path
    raise FileNotFoundError(f'no {"/".join(IMAGE_SUFFIXES)} of {image_id} in {folder}')


def read_photo(path: str | os.PathLike) -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned by its EXIF orientation as the pipelines do."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert('RGB'))
