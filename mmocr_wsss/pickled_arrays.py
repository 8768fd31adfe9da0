# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The field's pickled ``.npy`` dictionaries, read without running anything from them."""

import math
import os
import pickle
import re
from typing import Any

import numpy as np


def load_pickled_arrays(path: str | os.PathLike) -> dict:
    """Read the ``.npy`` files of the field that hold one pickled dictionary.

    The pickle never runs foreign code: what it names is looked up in a closed
    table of stand-ins that only record dtype, shape and bytes, and the arrays
    are made from those records afterwards. NumPy's own unpickling functions are
    not called either, since a forged dtype state makes them read wild pointers.

    Args:
        path: file written by ``numpy.save(path, {...})`` by any version of
            NumPy, Python 2 included (its byte strings are read as Latin-1).

    Returns:
        the dictionary, with keys str or int; values made of arrays and scalars of
        plain numeric and string types, str, bytes, int, float, bool, None,
        list, tuple and dict.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such file, or its pickle asks for anything else.
    """
    try:
        with open(path, 'rb') as file:
            _skip_npy_header(file)
            data = _resolve(_ArrayUnpickler(file, encoding='latin1').load(), {})
    except _REFUSALS as error:
        reason = str(error) or type(error).__name__
        raise ValueError(
            f'{path}: only .npy files that hold one pickled dictionary of NumPy arrays '
            f'are read here; {reason}. Nothing from the file was run. Save the content '
            'anew as plain arrays, strings and numbers, or as JSON.'
        ) from error
    if isinstance(data, np.ndarray) and data.shape == ():
        data = data.item()
    if not isinstance(data, dict):
        raise ValueError(f'{path}: holds a {type(data).__name__}, expected a dictionary.')
    return data


#: Whatever a broken or hostile file can raise in the unpickler.
_REFUSALS = (
    pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError, TypeError, ValueError,
    MemoryError, OverflowError, RecursionError,
)  # fmt: skip


def _skip_npy_header(file) -> None:
    """Move to the pickle behind the header of an object array."""
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f'format version {version} holds no pickled dictionary')
    shape, _, dtype = readers[version](file)
    if shape != () or not dtype.hasobject:
        raise ValueError(f'this one holds a plain array, dtype {dtype}, shape {shape}')


class _StandIn:
    """Base of what the pickle may name.

    Every stand-in has a ``__setstate__``, so that the unpickler's BUILD never
    falls back to setting attributes, neither on objects nor on these classes.
    """

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise ValueError(f'the pickle sets a state on {type(self).__name__}')


class _NdArrayType(_StandIn):
    """For the type object ``numpy.ndarray``, an argument of ``_reconstruct``."""

    def __new__(cls, *args: Any) -> None:
        raise ValueError('the pickle calls numpy.ndarray itself')


class _Dtype(_StandIn):
    __slots__ = ('code', 'order')
    _CODES = re.compile(r'[biufc](1|2|4|8|16)|[SU][1-9]\d{0,5}|O[48]?')

    def __new__(cls, code: str, align: Any = False, copy: Any = True) -> '_Dtype':
        if not isinstance(code, str) or not cls._CODES.fullmatch(code):
            raise ValueError(f'dtype {code!r} is no plain number, string or object')
        self = super().__new__(cls)
        self.code, self.order = code, '='
        return self

    def __setstate__(self, state: tuple) -> None:
        _, order, *fields = state[:5]
        if order not in ('<', '>', '|', '=') or fields != [None, None, None]:
            raise ValueError(f'dtype {self.code!r} carries fields or a byte order {order!r}')
        self.order = order

    def numpy(self) -> np.dtype:
        """The real dtype."""
        return np.dtype(object if self.code[0] == 'O' else self.order + self.code)


class _Array(_StandIn):
    __slots__ = ('state',)

    def __new__(cls, subtype: Any, shape: Any, code: Any) -> '_Array':
        if subtype is not _NdArrayType:
            raise ValueError(f'the pickle rebuilds an array as {subtype!r}')
        self = super().__new__(cls)
        self.state = None
        return self

    def __setstate__(self, state: tuple) -> None:
        shape, dtype, fortran, data = state[-4:]
        _require_shape_and_dtype(shape, dtype)
        self.state = shape, dtype.numpy(), bool(fortran), data


class _FromBuffer(_Array):
    """For ``numpy._core.numeric._frombuffer`` of pickle protocol 5."""

    __slots__ = ()

    def __new__(cls, data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
        array = _Array(_NdArrayType, (0,), b'b')
        array.__setstate__((shape, dtype, order == 'F', data))
        return array


class _Scalar(_StandIn):
    def __new__(cls, dtype: Any, data: Any = None) -> np.generic:
        _require_shape_and_dtype((), dtype)
        return _array_from((), dtype.numpy(), False, data, {})[()]


class _Latin1(_StandIn):
    """For ``_codecs.encode``, which protocols 0 to 2 store byte strings with."""

    def __new__(cls, text: str, encoding: str) -> bytes:
        if encoding not in ('latin1', 'latin-1'):
            raise ValueError(f'the pickle encodes text as {encoding!r}')
        return text.encode('latin1')


class _EmptyBytes(_StandIn):
    """For ``bytes()``, the empty byte string of protocols 0 to 2."""

    def __new__(cls) -> bytes:
        return b''


_ADMITTED = {
    ('numpy', 'ndarray'): _NdArrayType,
    ('numpy', 'dtype'): _Dtype,
    ('_codecs', 'encode'): _Latin1,
    ('__builtin__', 'bytes'): _EmptyBytes,
    ('builtins', 'bytes'): _EmptyBytes,
}
for _core in ('numpy.core', 'numpy._core'):
    _ADMITTED[f'{_core}.multiarray', '_reconstruct'] = _Array
    _ADMITTED[f'{_core}.multiarray', 'scalar'] = _Scalar
    _ADMITTED[f'{_core}.numeric', '_frombuffer'] = _FromBuffer


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f'this one asks for {module}.{name}')
        return _ADMITTED[module, name]


def _require_shape_and_dtype(shape: Any, dtype: Any) -> None:
    if not isinstance(dtype, _Dtype):
        raise ValueError(f'an array has the dtype {dtype!r}')
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f'an array has the shape {shape!r}')


def _array_from(
    shape: tuple, dtype: np.dtype, fortran: bool, data: Any, memo: dict[int, Any]
) -> np.ndarray:
    """Make the array from its record; sizes are checked before anything is allocated."""
    size = math.prod(shape)
    if dtype.hasobject:
        if type(data) is not list or len(data) != size:
            raise ValueError('an object array does not come with the list of its elements')
        array = np.empty(size, dtype=object)
        for position, value in enumerate(data):
            array[position] = _resolve(value, memo)
        return array.reshape(shape)
    if isinstance(data, str):  # a byte string of Python 2
        data = data.encode('latin1')
    if not isinstance(data, (bytes, bytearray)) or len(data) != size * dtype.itemsize:
        raise ValueError(f'an array of shape {shape}, dtype {dtype} comes with other data')
    flat = np.frombuffer(data, dtype) if size else np.empty(0, dtype)
    return flat.astype(dtype.newbyteorder('=')).reshape(shape, order='F' if fortran else 'C')


def _resolve(value: Any, memo: dict[int, Any]) -> Any:
    """Replace the records in ``value`` by arrays; shared parts are made once."""
    if isinstance(value, (str, bytes, bool, int, float, complex, np.generic, type(None))):
        return value
    if id(value) not in memo:
        memo[id(value)] = _PENDING
        memo[id(value)] = _resolve_container(value, memo)
    if memo[id(value)] is _PENDING:
        raise ValueError('a container holds itself')
    return memo[id(value)]


_PENDING = object()


def _resolve_container(value: Any, memo: dict[int, Any]) -> Any:
    if type(value) is dict:
        return {_resolve(key, memo): _resolve(item, memo) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)([_resolve(item, memo) for item in value])
    if isinstance(value, _Array) and value.state is not None:
        return _array_from(*value.state, memo)
    raise ValueError(f'it holds a {getattr(value, "__name__", type(value).__name__)}')
