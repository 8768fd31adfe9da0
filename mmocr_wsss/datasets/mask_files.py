# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Look into image and mask files without decoding more than is needed."""

import io
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from mmengine import fileio
from PIL import Image

from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID

Item = TypeVar('Item')
Result = TypeVar('Result')

_ORIENTATION = 0x0112  # EXIF tag; 5..8 swap width and height
_THREADS = 4  # decoding releases the interpreter lock


def require_data_folder(
    data_prefix: dict[str, str], key: str, data_root: str | None, backend_args: dict | None
) -> None:
    """Whether a folder of a dataset is there.

    Raises:
        FileNotFoundError: names the folder, the keys that it comes from and where it was sought.
    """
    if not fileio.isdir(data_prefix[key], backend_args):
        raise FileNotFoundError(
            f'{data_prefix[key]}: no such folder (data_prefix[{key!r}], data_root {data_root!r}; '
            f'relative paths start at {os.getcwd()}). --data-root names the folder of the data.'
        )


def image_size(path: str, backend_args: dict | None = None) -> tuple[int, int]:
    """(height, width) of an image from its header, as the pipelines will load it.

    mmcv's default reader turns photos by their EXIF orientation, and so does this.
    """
    with _open(path, backend_args) as image:
        width, height = image.size
        turned = image.getexif().get(_ORIENTATION, 1) >= 5
    return (width, height) if turned else (height, width)


def mask_size_and_ids(
    path: str, backend_args: dict | None = None
) -> tuple[tuple[int, int], np.ndarray]:
    """(height, width) of a mask and the sorted values that occur in it.

    Palette masks give indices, not colours.

    Raises:
        ValueError: the image is not 8-bit grey or palette.
    """
    with _open(path, backend_args) as image:
        if image.mode not in ('L', 'P'):
            raise ValueError(
                f'{path}: a mask must be an 8-bit grey or palette image of class ids, got '
                f'mode {image.mode!r}.'
            )
        width, height = image.size
        return (height, width), np.flatnonzero(image.histogram())


def out_of_range_ids(ids: np.ndarray, num_classes: int) -> list[int]:
    """Values that are neither a class id below ``num_classes`` nor "ignore" (255)."""
    return ids[(ids >= num_classes) & (ids != IGNORE_ID)].tolist()


def foreground_ids(ids: np.ndarray) -> np.ndarray:
    """The class ids among ``ids`` without background and "ignore"."""
    return ids[(ids != BACKGROUND_ID) & (ids != IGNORE_ID)]


def map_files(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """``[function(item) for item in items]`` on a few threads, order kept."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(function, items))


def _open(path: str | os.PathLike, backend_args: dict | None) -> Image.Image:
    if backend_args is None:
        return Image.open(path)
    return Image.open(io.BytesIO(fileio.get(path, backend_args=backend_args)))
