# Copyright (c) mmocr_wsss contributors. All rights reserved.
import struct

import numpy as np
import pytest
from mxnet_fixture import FLAGS, array_record, params_file, write_mxnet_params

from mmocr_wsss.checkpoints.mxnet_params import read_mxnet_params

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)


def write(tmp_path, data: bytes):
    path = tmp_path / 'x.params'
    path.write_bytes(data)
    return path


@pytest.mark.parametrize('layout', ['oldest', 'v1', 'v2', 'v3'])
def test_all_layouts_give_the_arrays_back(tmp_path, layout):
    arrays = {'arg:a_weight': ARRAY, 'aux:b_mean': np.array([0.5, -2.0], np.float32)}
    write_mxnet_params(tmp_path / 'x.params', arrays, layout)
    read = read_mxnet_params(tmp_path / 'x.params')
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_layouts_may_be_mixed_in_one_file(tmp_path):
    records = [array_record(ARRAY + k, layout) for k, layout in enumerate(['v2', 'oldest', 'v1'])]
    read = read_mxnet_params(write(tmp_path, params_file(records, ['a', 'b', 'c'])))
    for k, name in enumerate('abc'):
        np.testing.assert_array_equal(read[name], ARRAY + k)


@pytest.mark.parametrize('dtype', list(FLAGS))
def test_all_types(tmp_path, dtype):
    array = np.array([[0, 1], [1, 0]], dtype=dtype)
    write_mxnet_params(tmp_path / 'x.params', {'a': array}, 'v2')
    read = read_mxnet_params(tmp_path / 'x.params')['a']
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


def test_a_hand_made_file(tmp_path):
    """One array (2,) in the oldest layout, byte by byte."""
    data = bytes.fromhex(
        '1201000000000000' '0000000000000000' '0100000000000000'  # magic, reserved, one array
        '01000000' '02000000'  # one dimension of 2
        '01000000' '00000000' '00000000'  # CPU 0, float32
        '0000803f' '000000c0'  # 1.0, -2.0
        '0100000000000000' '0500000000000000' '6172673a78'  # one name of 5 bytes: arg:x
    )  # fmt: skip
    (item,) = read_mxnet_params(write(tmp_path, data)).items()
    assert item[0] == 'arg:x'
    assert item[1].tolist() == [1.0, -2.0]


def test_empty_array_and_scalar(tmp_path):
    empty_v2 = struct.pack('<Iii', 0xF993FAC9, 0, 0)  # 0 dimensions: the record ends
    empty_v3 = struct.pack('<Iii', 0xF993FACA, 0, -1)
    scalar_v3 = array_record(np.array(7, np.int64), 'v3')
    data = params_file([empty_v2, empty_v3, scalar_v3, array_record(ARRAY)], list('abcd'))
    read = read_mxnet_params(write(tmp_path, data))
    assert read['a'].size == read['b'].size == 0
    assert read['c'] == 7
    np.testing.assert_array_equal(read['d'], ARRAY)


def test_every_cut_is_an_error(tmp_path):
    data = params_file([array_record(ARRAY), array_record(ARRAY, 'v2')], ['arg:a', 'arg:b'])
    for length in range(len(data)):
        with pytest.raises(ValueError, match='cut short at byte'):
            read_mxnet_params(write(tmp_path, data[:length]))


@pytest.mark.parametrize(
    'data, message',
    [
        (b'PK' + bytes(40), 'starts with 0x112, this file with'),
        (params_file([array_record(ARRAY)], ['a']) + b'x', '1 bytes are left over'),
        (params_file([array_record(ARRAY)], []), 'it has 1 arrays, but 0 names'),
        (params_file([array_record(ARRAY)] * 2, ['a', 'a']), r"names are repeated: \['a'\]"),
        (
            params_file([struct.pack('<Ii', 0xF993FAC9, 2) + bytes(40)], ['a']),
            r'array 0 of 1 has storage type 2 \(CSR\); only dense',
        ),
        (
            params_file([struct.pack('<IIiii', 1, 0, 1, 0, 99)], ['a']),
            'has type flag 99',
        ),
        (params_file([struct.pack('<I', 5000) + bytes(64)], ['a']), 'claims 5000 dimensions'),
        (
            params_file([struct.pack('<Iiiq', 0xF993FAC9, 0, 1, -3) + bytes(12)], ['a']),
            r'claims the shape \(-3,\)',
        ),
        (
            struct.pack('<QQQ', 0x112, 0, 1)
            + array_record(ARRAY)
            + struct.pack('<QQ', 1, 2)
            + b'\xff\xfe',
            'name 0 of 1 is not text',
        ),
    ],
)
def test_damaged_files(tmp_path, data, message):
    with pytest.raises(ValueError, match=message) as error:
        read_mxnet_params(write(tmp_path, data))
    assert 'x.params' in str(error.value)


def test_a_huge_claimed_size_does_not_allocate(tmp_path):
    record = struct.pack('<I2I', 2, 2**31, 2**31) + struct.pack('<iii', 1, 0, 0)
    with pytest.raises(ValueError, match='cut short'):
        read_mxnet_params(write(tmp_path, params_file([record], ['a'])))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.params'):
        read_mxnet_params(tmp_path / 'none.params')
