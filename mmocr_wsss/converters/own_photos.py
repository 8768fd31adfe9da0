# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Photos of any folder and format as JPEG files under flat ids."""

import hashlib
import os
import struct
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from mmocr_wsss.artifacts import atomic_path
from mmocr_wsss.datasets.id_lists import IMAGE_SUFFIXES

MIN_SIDE = 16
#: How photos are written that are not copied.
ENCODER: dict[str, Any] = {'format': 'JPEG', 'quality': 95, 'subsampling': 0}

#: Formats that Pillow only recognizes, or hands to other programs.
_NO_PHOTOS = {'BUFR', 'EPS', 'GRIB', 'HDF5', 'MPEG', 'WMF'}
_MORE_OF_OPENCV = {
    '.avif', '.bmp', '.dib', '.exr', '.hdr', '.jp2', '.jpe', '.pbm', '.pfm', '.pgm', '.pic',
    '.pnm', '.ppm', '.pxm', '.ras', '.sr', '.tif', '.tiff', '.webp',
}  # fmt: skip
#: What damaged files make Pillow, its plugins and OpenCV raise.
MALFORMED = (
    AttributeError, EOFError, IndexError, KeyError, MemoryError, OSError, OverflowError,
    SyntaxError, TypeError, ValueError, ZeroDivisionError, struct.error, zlib.error, cv2.error,
    Image.DecompressionBombError,
)  # fmt: skip
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MAX_ID_BYTES = 160  # temporary names are longer by 38, and file systems stop at 255


def nfc(text: str) -> str:
    """Text in the composed form; macOS hands out file names in the other one."""
    return unicodedata.normalize('NFC', text)


def image_suffixes() -> set[str]:
    """Suffixes of files that are taken as photos, in small letters, with the dot."""
    known = Image.registered_extensions()  # loads the plugins, which fills OPEN
    formats = set(Image.OPEN) - _NO_PHOTOS
    return {suffix for suffix, name in known.items() if name in formats} | _MORE_OF_OPENCV


def find_images(folder: str | os.PathLike) -> tuple[list[str], int]:
    """Image files at any depth below a folder, and how many other files there are.

    What counts is the suffix, in small or capital letters. Hidden files and folders are
    skipped; links are followed.

    Returns:
        Paths relative to ``folder``, with ``/``, sorted; number of other files.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not os.path.isdir(folder):
        raise FileNotFoundError(f'{folder}: no such folder (looked at {os.path.abspath(folder)}).')
    suffixes = image_suffixes()
    files = list(_walk(os.fspath(folder), '', frozenset()))
    images = [file for file in files if os.path.splitext(file)[1].lower() in suffixes]
    return sorted(images), len(files) - len(images)


def _walk(folder: str, prefix: str, above: frozenset[str]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in above:  # a link to a folder that it lies in
        return
    with os.scandir(folder) as entries:
        shown = [entry for entry in entries if not entry.name.startswith('.')]
    for entry in shown:
        if entry.is_dir():
            yield from _walk(entry.path, f'{prefix}{entry.name}/', above | {real})
        elif entry.is_file() or entry.is_symlink():
            yield prefix + entry.name


def flat_ids(files: Iterable[str]) -> dict[str, str]:
    """An image id for every relative path: {path: id}, in sorted order of the paths.

    The id is the path without its suffix, composed (NFC), with ``__`` for ``/`` and ``_`` for
    every character that is neither a letter or digit of some script nor one of ``-_.``. An
    image suffix at its end would be taken for one and loses the dot. Long ones are cut and
    get a hash. Paths that come to the same id, capital letters or not, get ``-2``, ``-3``, ...
    """
    ids: dict[str, str] = {}
    taken: set[str] = set()
    count: dict[str, int] = defaultdict(lambda: 1)
    for file in sorted(files):
        plain = image_id = _plain_id(file)
        while image_id.casefold() in taken:
            count[plain.casefold()] += 1
            image_id = f'{plain}-{count[plain.casefold()]}'
        taken.add(image_id.casefold())
        ids[file] = image_id
    return ids


def _plain_id(file: str) -> str:
    text = nfc(os.path.splitext(file)[0]).replace('/', '__')
    text = ''.join(char if char.isalnum() or char in '-_.' else '_' for char in text)
    if text.lower().endswith(IMAGE_SUFFIXES):
        stem, _, suffix = text.rpartition('.')
        text = f'{stem}_{suffix}'
    if len(text.encode()) > _MAX_ID_BYTES:
        digest = hashlib.sha1(file.encode('utf-8', 'surrogateescape')).hexdigest()[:12]
        text = f'{text.encode()[: _MAX_ID_BYTES - 13].decode(errors="ignore")}-{digest}'
    return text


def photo_size(path: str | os.PathLike) -> tuple[int, int]:
    """(height, width) that a photo will be stored with, from its header where that is enough.

    Raises:
        ValueError: it is no image, has more pixels than Pillow takes for harmless, or less
            than 16 on a side.
    """
    try:
        (width, height), turned = _header(path)
    except MALFORMED as error:
        raise _unusable(path, error) from error
    if min(width, height) < MIN_SIDE:
        raise ValueError(
            f'{path}: a photo must have at least {MIN_SIDE} pixels on each side, got '
            f'{width} x {height}. Take a larger one, or leave it out with --skip-unusable.'
        )
    return (width, height) if turned else (height, width)


def _header(path: str | os.PathLike) -> tuple[tuple[int, int], bool]:
    try:
        with Image.open(path, formats=_formats()) as image:
            orientation = _orientation(image)
            # Versions of Pillow differ in when they turn a TIFF.
            if image.format != 'TIFF' or orientation == 1:
                return image.size, orientation in (5, 6, 7, 8)
    except UnidentifiedImageError:
        pass
    return decode_image(Path(path).read_bytes())[0].size, False


def photo_as_jpeg(path: str | os.PathLike) -> bytes:
    """A photo as an 8-bit RGB or grey JPEG file without orientation.

    A file that is one already comes back byte for byte, after it was decoded once to see
    that it is whole. Of all others: the first frame, turned by the EXIF orientation, what is
    transparent on white, CMYK as RGB, 16 bits of grey divided by 257.

    Raises:
        ValueError: the file is truncated or no image, holds numbers with a fraction, has
            more pixels than Pillow takes for harmless, or less than 16 on a side.
    """
    photo_size(path)
    try:
        content = Path(path).read_bytes()
        image, plain = decode_image(content)
        if plain:
            return content
        buffer = BytesIO()
        image.save(buffer, **ENCODER)
    except MALFORMED as error:
        raise _unusable(path, error) from error
    return buffer.getvalue()


def write_photo(path: str | os.PathLike, target: str | os.PathLike) -> None:
    """Write :func:`photo_as_jpeg` of a photo, whole or not at all; errors as there."""
    content = photo_as_jpeg(path)
    with atomic_path(target) as temporary:
        Path(temporary).write_bytes(content)


def decode_image(content: bytes) -> tuple[Image.Image, bool]:
    """The photo in mode L or RGB, as :func:`photo_as_jpeg` says, and whether it is a plain JPEG.

    Raises:
        ValueError: or another of :data:`MALFORMED`; the bytes are no image, or not all of one.
    """
    try:
        image: Image.Image = Image.open(BytesIO(content), formats=_formats())
    except UnidentifiedImageError:
        # Only then: OpenCV fills up truncated files with grey where Pillow refuses.
        return _eight_bits(_by_opencv(content)), False
    with image:
        image.load()
        orientation = _orientation(image)
        plain = image.format == 'JPEG' and image.mode in ('L', 'RGB') and orientation == 1
        image = _eight_bits(image)
        if orientation in _TURNS:
            image = image.transpose(_TURNS[orientation])
        return image, plain


def _formats() -> list[str]:
    Image.init()
    return [name for name in Image.ID if name not in _NO_PHOTOS]


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 if there is none, 0 if the EXIF data are damaged."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except MALFORMED:
        return 0


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode == 'F':
        raise ValueError('numbers with a fraction; convert it to 8 bits')
    if image.mode.startswith('I'):
        return Image.fromarray(_grey(np.asarray(image)))
    if image.mode in ('LA', 'La', 'PA', 'RGBA', 'RGBa') or 'transparency' in image.info:
        rgba = image.convert('RGBA')
        white = Image.new('RGBA', rgba.size, 'white')
        return Image.alpha_composite(white, rgba).convert('RGB')
    if image.mode in ('1', 'L'):
        return image.convert('L')
    return image.convert('RGB')


def _grey(values: np.ndarray) -> np.ndarray:
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest > 65535:
        raise ValueError(f'grey values {lowest}..{highest} outside 0..65535; convert it to 8 bits')
    # Pillow's mode I;16 is 16-bit for certain, mode I only if the values say so.
    wide = values.dtype.itemsize == 2 or highest > 255
    return (values // 257 if wide else values).astype(np.uint8)


def _by_opencv(content: bytes) -> Image.Image:
    values = None
    if content:
        values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError('no image of a format that they know' if content else 'an empty file')
    if values.dtype == np.uint16:
        values = (values // 257).astype(np.uint8)
    if values.dtype != np.uint8:
        raise ValueError(f'numbers of type {values.dtype}; convert it to 8 bits')
    channels = 1 if values.ndim == 2 else values.shape[2]
    if channels > 1:
        code = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}.get(channels)
        if code is None:
            raise ValueError(f'{channels} channels; convert it to RGB')
        values = cv2.cvtColor(values, code)
    return Image.fromarray(values)


def _unusable(path: str | os.PathLike, error: BaseException) -> ValueError:
    kind = '' if type(error) is ValueError else f'{type(error).__name__}: '
    return ValueError(
        f'{path}: a photo must be an image that Pillow or OpenCV can decode whole to 8 bits, got '
        f'{kind}{error}. Replace the file, or leave it out with --skip-unusable.'
    )
