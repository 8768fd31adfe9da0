# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Photos that a user names, as files or folders, and their pixels."""

import os
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.converters.own_photos import MALFORMED, decode_image, find_images

#: MPO is a JPEG with further pictures behind the first, as many phones write.
_JPEG = ('JPEG', 'MPO')


def collect_photos(
    inputs: Sequence[str | os.PathLike], leave_out: str | os.PathLike | None = None
) -> dict[str, str]:
    """Every photo under a name of its own.

    The name of a photo of a folder is its path below that folder, that of a file its file
    name, both without suffix. A photo that is given twice under one name counts once.

    Args:
        inputs: files, and folders, which are searched at any depth.
        leave_out: a folder whose files are none of the photos, such as that of the results.

    Returns:
        absolute paths by name, in the order of ``inputs``, a folder's sorted.

    Raises:
        FileNotFoundError: inputs are not there.
        ValueError: a folder holds no photo, or photos have the same name.
    """
    missing = [os.fspath(path) for path in inputs if not os.path.exists(path)]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {len(inputs)} inputs: no such file or folder: '
            f'{", ".join(missing[:5])} (looked from {os.getcwd()}).'
        )
    below = None if leave_out is None else Path(leave_out).resolve()
    photos: dict[str, str] = {}
    bad = Offenders('inputs')
    for given in inputs:
        found = 0
        for name, path in _named(given):
            if below is not None and below in path.resolve().parents:
                continue
            found += 1
            first = photos.setdefault(name, str(path))
            if first != str(path) and not os.path.samefile(first, path):
                bad.add('photos that would write the same output', f'{name} ({first} and {path})')
        if not found:
            bad.add('folder without photos', os.fspath(given))
    bad.raise_if_any(
        'Photos are found by their suffix. Outputs are named by the path below the folder that is '
        'given, without suffix: rename one, or predict them into several folders.'
    )
    return photos


def _named(given: str | os.PathLike) -> Iterator[tuple[str, Path]]:
    path = Path(os.path.abspath(given))
    if not path.is_dir():
        yield path.stem, path
        return
    for file in find_images(path)[0]:
        yield os.path.splitext(file)[0], path / file


def read_photo(path: str | os.PathLike, load: Callable[[dict], dict]) -> np.ndarray:
    """Pixels of a photo of any format, whole or not at all.

    8-bit JPEGs are read as a test reads them, which gives the same predictions. All others
    become what ``tools/dataset_converters/from_tags.py`` makes of them for training: turned by
    the EXIF orientation, what is transparent on white, 16 bits of grey divided by 257, the first
    frame.

    Args:
        path: the file.
        load: the transform with which the test pipeline reads files.

    Returns:
        (H, W, 3) BGR in 0..255, uint8 unless ``load`` gives another type.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no image, truncated, or holds numbers with a fraction.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{path}: no such photo (looked at {os.path.abspath(path)}).')
    try:
        content = Path(path).read_bytes()
        image, _ = decode_image(content)
        if _is_plain_jpeg(content):
            return load(dict(img_path=os.fspath(path)))['img']
        return np.ascontiguousarray(np.asarray(image.convert('RGB'))[..., ::-1])
    except MALFORMED as error:
        kind = '' if type(error) is ValueError else f'{type(error).__name__}: '
        raise ValueError(
            f'{path}: a photo must be an image that Pillow or OpenCV can decode whole to 8 bits, '
            f'got {kind}{error}. Replace the file, or leave it out.'
        ) from error


def _is_plain_jpeg(content: bytes) -> bool:
    try:
        with Image.open(BytesIO(content)) as header:
            return header.format in _JPEG and header.mode in ('L', 'RGB')
    except UnidentifiedImageError:
        return False
