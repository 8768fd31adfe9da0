# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Writer of small MXNet ``.params`` files in all four layouts, for tests only."""

import struct

import numpy as np

MAGIC = {'v1': 0xF993FAC8, 'v2': 0xF993FAC9, 'v3': 0xF993FACA}
FLAGS = {
    'float32': 0, 'float64': 1, 'float16': 2, 'uint8': 3, 'int32': 4, 'int8': 5, 'int64': 6,
    'bool': 7,
}  # fmt: skip


def array_record(array: np.ndarray, layout: str = 'oldest') -> bytes:
    """Bytes of one dense array on device "CPU 0"."""
    if layout == 'oldest':
        head = struct.pack(f'<I{array.ndim}I', array.ndim, *array.shape)
    else:
        head = struct.pack('<I', MAGIC[layout])
        if layout != 'v1':
            head += struct.pack('<i', 0)
        head += struct.pack(f'<i{array.ndim}q', array.ndim, *array.shape)
    head += struct.pack('<iii', 1, 0, FLAGS[str(array.dtype)])
    return head + np.ascontiguousarray(array).tobytes()


def params_file(records: list[bytes], names: list[str]) -> bytes:
    """Bytes of a file with these records and names."""
    parts = [struct.pack('<QQQ', 0x112, 0, len(records)), *records]
    parts.append(struct.pack('<Q', len(names)))
    for name in names:
        parts.append(struct.pack('<Q', len(name.encode())) + name.encode())
    return b''.join(parts)


def write_mxnet_params(path, arrays: dict[str, np.ndarray], layout: str = 'oldest') -> None:
    records = [array_record(array, layout) for array in arrays.values()]
    with open(path, 'wb') as file:
        file.write(params_file(records, list(arrays)))
