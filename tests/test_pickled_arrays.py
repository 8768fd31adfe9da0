# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The restricted reader of pickled .npy dictionaries."""

import io
import os
import pickle

import numpy as np
import pytest

from mmocr_wsss.artifacts import load_pickled_arrays

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def write_npy(path, stream: bytes) -> str:
    """A .npy file of a 0-d object array whose pickle is ``stream``."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {'descr': '|O', 'fortran_order': False, 'shape': ()}
    )
    path.write_bytes(header.getvalue() + stream)
    return str(path)


def table():
    rng = np.random.default_rng(0)
    return {
        '2007_000032': np.array([1, 0, 1], np.float32),
        2007000033: np.arange(6, dtype=np.int64).reshape(2, 3),
        np.int32(7): np.asfortranarray(rng.normal(size=(3, 4))),
        'empty': np.zeros((0, 3)),
        'scalar': np.float32(0.25),
        'bools': np.array([True, False]),
        'big endian': np.array([1, 258], '>i2'),
        'text': np.array(['ab', 'c']),
        'bytes': np.array([b'ab', b'']),
        'objects': np.array([[np.ones(2), 'x'], [None, {'deep': np.uint8(3)}]], dtype=object),
        'plain': [1, 2.5, 'é', (True, None, b'\xff')],
    }


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype.newbyteorder('=')
        assert found.shape == expected.shape
        if expected.dtype.hasobject:
            for one, other in zip(found.flat, expected.flat, strict=True):
                assert_same(one, other)
        else:
            np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, (list, tuple)):
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_reads_every_protocol(tmp_path, protocol):
    array = np.empty((), dtype=object)
    array[()] = table()
    path = write_npy(tmp_path / 'a.npy', pickle.dumps(array, protocol=protocol))
    assert_same(load_pickled_arrays(path), table())


def test_reads_what_numpy_saves(tmp_path):
    np.save(tmp_path / 'a.npy', table())
    assert_same(load_pickled_arrays(tmp_path / 'a.npy'), table())


@pytest.mark.parametrize('protocol', [0, 1, 2, 3])
def test_reads_the_module_names_of_old_numpy(tmp_path, protocol):
    stream = pickle.dumps(table(), protocol=protocol)
    assert b'numpy._core' in stream
    path = write_npy(tmp_path / 'a.npy', stream.replace(b'numpy._core', b'numpy.core'))
    assert_same(load_pickled_arrays(path), table())


def test_reads_byte_strings_of_python_2(tmp_path):
    # {'ab': array([1, 2], uint8)} as Python 2 writes it: 8-bit str for keys and data.
    stream = (
        b'\x80\x02}U\x02abcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b'
        b'\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff'
        b'\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\xc3\x02tbs.'
    )
    found = load_pickled_arrays(write_npy(tmp_path / 'a.npy', stream))
    assert_same(found, {'ab': np.array([0xC3, 2], np.uint8)})


def test_arrays_can_be_written_to_and_share_what_was_shared(tmp_path):
    row = np.zeros(2)
    np.save(tmp_path / 'a.npy', {'a': row, 'b': row})
    found = load_pickled_arrays(tmp_path / 'a.npy')
    found['a'][0] = 1
    assert found['b'][0] == 1


class Call:
    """Pickles as a call of ``function(*args)``."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def hidden_in_object_array(evil):
    return {'a': np.array([1, [evil]], dtype=object)}


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize(
    'place', [lambda evil: evil, lambda evil: {'a': evil}, hidden_in_object_array]
)
def test_calls_are_refused_and_do_not_run(tmp_path, protocol, place):
    witness = tmp_path / 'ran'
    for function, argument, name in (
        (os.system, f'touch {witness}', 'posix.system'),
        (eval, f'open({str(witness)!r}, "w")', r'(__builtin__|builtins).eval'),
        (getattr, 'x', r'(__builtin__|builtins).getattr'),
    ):
        stream = pickle.dumps(place(Call(function, argument)), protocol=protocol)
        path = write_npy(tmp_path / 'a.npy', stream)
        with pytest.raises(ValueError, match=f'asks for {name}. Nothing') as error:
            load_pickled_arrays(path)
        assert str(error.value).startswith(path)
        assert not witness.exists()


@pytest.mark.parametrize(
    'name', ['numpy\nload', 'numpy.core.multiarray\nfromfile', 'torch._utils\n_rebuild_tensor_v2']
)
def test_other_functions_of_numpy_and_torch_are_refused(tmp_path, name):
    path = write_npy(tmp_path / 'a.npy', f'c{name}\n.'.encode())
    with pytest.raises(ValueError, match=f'asks for {name.replace(chr(10), ".")}'):
        load_pickled_arrays(path)


NDARRAY = b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS"b"\ntR'


@pytest.mark.parametrize(
    'stream, reason',
    [
        # Data that does not fill the shape; with NumPy's own loader this is checked late.
        (NDARRAY + b'(I1\n(I9\ntcnumpy\ndtype\n(S"u1"\ntRI00\nS"ab"\ntb.', 'other data'),
        (NDARRAY + b'(I1\n(I-1\ntcnumpy\ndtype\n(S"u1"\ntRI00\nS"ab"\ntb.', 'the shape'),
        # Raw bytes as object pointers.
        (NDARRAY + b'(I1\n(I1\ntcnumpy\ndtype\n(S"O8"\ntRI00\nS"12345678"\ntb.', 'object array'),
        (b'cnumpy\ndtype\n(S"O8"\ntR(I3\nS"|"\nN(S"f"\ntNtb.', 'carries fields'),
        (b'cnumpy\ndtype\n(S"V8"\ntR.', 'no plain number'),
        (b'cnumpy\ndtype\n(S"M8[s]"\ntR.', 'no plain number'),
        (b'cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S"O8"\ntRI1\ntR.', 'object array'),
        (b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntS"b"\ntR.', 'rebuilds'),
        (b'cnumpy\nndarray\n(I1\ntR.', 'calls numpy.ndarray'),
        (b'c_codecs\nencode\n(S"a"\nS"zip"\ntR.', "encodes text as 'zip'"),
        (b'(dS"a"\nc_codecs\nencode\ns.', 'it holds a '),
        (NDARRAY + b'.', 'it holds a '),
        (b'c_codecs\nencode\n}S"__new__"\nS"x"\nsb.', 'state'),
        (b'c_codecs\nencode\n(N}S"__new__"\nS"x"\nstb.', 'state'),
        (b'(lp0\ng0\na.', 'holds itself'),
        (b'\x80\x04\x8f.', 'it holds a set'),
        (b'(S"a"\n', 'Ran out of input'),
    ],
)
def test_forged_content_is_refused(tmp_path, stream, reason):
    path = write_npy(tmp_path / 'a.npy', stream)
    with pytest.raises(ValueError, match=reason):
        load_pickled_arrays(path)


def test_content_that_is_no_table_is_refused(tmp_path):
    np.save(tmp_path / 'a.npy', np.ones(3))
    with pytest.raises(ValueError, match=r'this one holds a plain array, dtype float64'):
        load_pickled_arrays(tmp_path / 'a.npy')
    np.save(tmp_path / 'b.npy', np.array([1, None]))
    with pytest.raises(ValueError, match='plain array, dtype object'):
        load_pickled_arrays(tmp_path / 'b.npy')
    with pytest.raises(ValueError, match='holds a list, expected a dictionary'):
        load_pickled_arrays(write_npy(tmp_path / 'c.npy', pickle.dumps([1])))
    (tmp_path / 'd.npy').write_bytes(pickle.dumps({'a': 1}))
    with pytest.raises(ValueError, match=r'd\.npy: only \.npy files'):
        load_pickled_arrays(tmp_path / 'd.npy')
    with pytest.raises(FileNotFoundError, match=r'e\.npy'):
        load_pickled_arrays(tmp_path / 'e.npy')


def test_repeated_nesting_takes_no_exponential_time(tmp_path):
    stream = b'(lp0\n0' + b''.join(b'(lp%d\ng%d\nag%d\na0' % (i + 1, i, i) for i in range(60))
    path = write_npy(tmp_path / 'a.npy', b'(dS"a"\n' + stream + b'g60\ns.')
    assert set(load_pickled_arrays(path)) == {'a'}
