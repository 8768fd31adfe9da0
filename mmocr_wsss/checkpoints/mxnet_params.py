# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Reader of MXNet's binary ``.params`` files, without MXNet.

All integers are little-endian. A file is: uint64 magic 0x112, uint64 reserved,
uint64 number of arrays, the arrays, uint64 number of names, and per name a
uint64 length and its bytes. An array starts with a uint32 that says which of the
four layouts follows; in the oldest one it is the number of dimensions itself.

Reference: github.com/apache/mxnet ``src/ndarray/ndarray.cc`` and
``include/mxnet/tuple.h``.
"""

import math
import struct
from os import PathLike

import numpy as np

from mmocr_wsss.artifacts import require_file

_LIST_MAGIC = 0x112
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_DENSE = 0
_STORAGE_NAMES = {1: 'row-sparse', 2: 'CSR'}
_MAX_DIMS = 32  # more than any array has: a larger number means a damaged file
#: MXNet's type flags that NumPy knows; 12 is bfloat16.
_DTYPES = {
    0: np.float32, 1: np.float64, 2: np.float16, 3: np.uint8, 4: np.int32, 5: np.int8,
    6: np.int64, 7: np.bool_, 8: np.int16, 9: np.uint16, 10: np.uint32, 11: np.uint64,
}  # fmt: skip


def read_mxnet_params(path: str | PathLike) -> dict[str, np.ndarray]:
    """Arrays of a ``.params`` file by their full names (``arg:...``, ``aux:...``).

    Sparse and bfloat16 arrays are refused.

    Returns:
        name -> array, in the order of the file; the arrays are writable copies.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a named MXNet list, is cut short, has bytes
            left over, or holds a kind of array that is refused.
    """
    require_file(path)
    with open(path, 'rb') as file:
        reader = _Reader(file.read(), path)
    magic, _ = reader.unpack('QQ', 'the header')
    if magic != _LIST_MAGIC:
        raise reader.error(
            f'an MXNet list starts with {_LIST_MAGIC:#x}, this file with {magic:#x}; '
            'is it really a .params file of MXNet?'
        )
    (count,) = reader.unpack('Q', 'the number of arrays')
    arrays = [_read_array(reader, f'array {k} of {count}') for k in range(count)]
    (num_names,) = reader.unpack('Q', 'the number of names')
    if num_names != count:
        raise reader.error(f'it has {count} arrays, but {num_names} names')
    names = [_read_name(reader, f'name {k} of {count}') for k in range(count)]
    if reader.left:
        raise reader.error(f'{reader.left} bytes are left over after the last name')
    if len(set(names)) != count:
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise reader.error(f'names are repeated: {repeated[:5]}')
    return dict(zip(names, arrays, strict=True))


class _Reader:
    """A cursor over the bytes of one file; every failure names file and place."""

    def __init__(self, data: bytes, path: str | PathLike):
        self.data, self.path, self.position = data, path, 0

    @property
    def left(self) -> int:
        return len(self.data) - self.position

    def error(self, problem: str) -> ValueError:
        return ValueError(f'{self.path}: not a readable MXNet parameter file: {problem}.')

    def take(self, size: int, what: str) -> bytes:
        if size > self.left:
            raise self.error(
                f'it is cut short at byte {self.position}, where {what} needs {size} bytes '
                f'and {self.left} are left'
            )
        self.position += size
        return self.data[self.position - size : self.position]

    def unpack(self, layout: str, what: str) -> tuple[int, ...]:
        layout = '<' + layout
        return struct.unpack(layout, self.take(struct.calcsize(layout), what))


def _read_array(reader: _Reader, what: str) -> np.ndarray:
    (magic,) = reader.unpack('I', what)
    if magic in (_V2, _V3):
        (storage,) = reader.unpack('i', what)
        if storage != _DENSE:
            kind = _STORAGE_NAMES.get(storage, 'unknown')
            raise reader.error(f'{what} has storage type {storage} ({kind}); only dense is read')
    if magic in (_V1, _V2, _V3):
        (ndim,) = reader.unpack('i', what)
        shape = _read_shape(reader, ndim, 'q', what)
    else:
        ndim, shape = magic, _read_shape(reader, magic, 'I', what)  # no magic: the dimensions
    # "No array" is written as 0 dimensions, with NumPy semantics (version 3) as -1; the record
    # ends there. A version-3 record with 0 dimensions is a scalar.
    if ndim == (-1 if magic == _V3 else 0):
        return np.empty(0, np.float32)
    reader.unpack('ii', what)  # device type and id
    (flag,) = reader.unpack('i', what)
    if flag not in _DTYPES:
        raise reader.error(f'{what} has type flag {flag}; known are {sorted(_DTYPES)}')
    dtype = np.dtype(_DTYPES[flag]).newbyteorder('<')
    data = reader.take(math.prod(shape) * dtype.itemsize, f'{what}, shape {shape}')
    return np.frombuffer(data, dtype).reshape(shape).astype(_DTYPES[flag])


def _read_shape(reader: _Reader, ndim: int, kind: str, what: str) -> tuple[int, ...]:
    if not -1 <= ndim <= _MAX_DIMS:
        raise reader.error(f'{what} claims {ndim} dimensions')
    shape = reader.unpack(f'{max(ndim, 0)}{kind}', what)
    if any(side < 0 for side in shape):
        raise reader.error(f'{what} claims the shape {shape}')
    return shape


def _read_name(reader: _Reader, what: str) -> str:
    (length,) = reader.unpack('Q', what)
    try:
        return reader.take(length, what).decode('utf-8')
    except UnicodeDecodeError as error:
        raise reader.error(f'{what} is not text') from error
