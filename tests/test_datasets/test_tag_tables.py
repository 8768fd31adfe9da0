# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""All forms of tag tables give the same tags; malformed ones one clear error."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from mmocr_wsss.datasets.tag_tables import object_names, prepare_tags, read_tags
from mmocr_wsss.labels import CLASS_SETS

CLASSES = ('cat', 'dog', 'cow')
# Sorted by id, as every reader must return them.
EXPECTED = {
    '2007_000032': [False, True, True],
    '2007_000033': [True, False, False],
    '2008_000001': [False, False, False],
}
NAMES = {'2008_000001': [], '2007_000033': ['cat'], '2007_000032': ['cow', 'dog', 'cow']}


def annotation(*names, head='<annotation>'):
    objects = ''.join(
        f'<object><name> {name} </name><difficult>1</difficult>'
        '<part><name>head</name></part></object>'
        for name in names
    )
    other = '<filename>other.jpg</filename><owner><name>sheep</name></owner>'
    return f'{head}{other}{objects}</annotation>'


def write_source(form, folder):
    """Write EXPECTED in one of the forms; gives the path or mapping."""
    folder.mkdir(exist_ok=True)
    numbers = {key: [int(tag) for tag in row] for key, row in reversed(EXPECTED.items())}
    vectors = {key: np.array(row, np.float32) for key, row in numbers.items()}
    path = folder / 'tags.json'
    if form == 'names':
        path.write_text(json.dumps(NAMES))
    elif form == 'numbers':
        path.write_text(json.dumps(numbers))
    elif form == 'suffixes':
        path.write_text(json.dumps({f'{key}.jpg': row for key, row in numbers.items()}))
    elif form == 'mapping':
        return NAMES
    elif form == 'npy':
        path = folder / 'cls_labels.npy'
        np.save(path, vectors)
    elif form == 'npy_irn':
        path = folder / 'cls_labels.npy'
        np.save(path, {np.int32(key.replace('_', '')): row for key, row in vectors.items()})
    elif form == 'xml':
        path = folder
        for key, names in NAMES.items():
            (folder / f'{key}.xml').write_text(annotation(*names))
    elif form in ('grey', 'palette'):
        path = folder
        (folder / '.hidden.png').write_bytes(b'no image')
        for key, row in numbers.items():
            mask = np.zeros((4, 5), np.uint8)
            mask[0, :3] = np.array(row) * [1, 2, 3]
            mask[1:3] = 255
            image = Image.fromarray(mask)
            if form == 'palette':
                image.putpalette(list(range(256)) * 3)
            image.save(folder / f'{key}.png')
    return path


FORMS = [
    'names', 'numbers', 'suffixes', 'mapping', 'npy', 'npy_irn', 'xml', 'grey', 'palette',
]  # fmt: skip


@pytest.mark.parametrize('form', FORMS)
def test_every_form_gives_the_same_sorted_tags(tmp_path, form):
    tags = read_tags(write_source(form, tmp_path / form), CLASSES)
    assert list(tags) == list(EXPECTED)
    assert all(row.dtype == bool for row in tags.values())
    assert {key: row.tolist() for key, row in tags.items()} == EXPECTED


def test_convention_index_k_is_the_k_th_foreground_class(tmp_path):
    tags = read_tags({'a': ['aeroplane', 'tvmonitor']}, 'voc')['a']
    assert np.flatnonzero(tags).tolist() == [0, 19]
    mask = np.full((2, 2), 20, np.uint8)
    Image.fromarray(mask).save(tmp_path / 'a.png')
    assert np.flatnonzero(read_tags(tmp_path, 'voc')['a']).tolist() == [19]


def error_of(source, classes=CLASSES):
    with pytest.raises(ValueError) as error:
        read_tags(source, classes)
    return str(error.value)


def test_malformed_entries_come_in_one_error(tmp_path):
    path = tmp_path / 'tags.json'
    table = {f'u{number}': ['cat', 'lion'] for number in range(6)}
    table |= {'short': [0, 1], 'two': [0, 2, 1], 'odd': 'cat', 'nested': [[0, 1, 1]]}
    table |= {'ragged': [[0], [1, 2]], 'same': ['cat'], 'same.jpg': ['cat']}
    path.write_text(json.dumps(table))
    message = error_of(path)
    assert message.startswith(f'{path}:\n')
    assert "6 x entry with unknown class names: u0 ['lion'], u1 ['lion']," in message
    assert "u4 ['lion'], ...\n" in message and "u5 ['lion']" not in message
    assert '1 x entry without exactly one number for each of the 3 classes: short (2)' in message
    assert '1 x entry with numbers other than 0 and 1: two (2)' in message
    assert '3 x entry that lists neither class names nor numbers: odd ' in message
    assert '1 x id given more than once: same\n' in message
    assert 'Tags are read from JSON' in message


def test_repeated_json_keys_are_refused(tmp_path):
    (tmp_path / 'tags.json').write_text('{"a": ["cat"], "a": ["dog"]}')
    assert 'key given more than once: a' in error_of(tmp_path / 'tags.json')


def test_number_keys_other_than_voc_ids_are_refused(tmp_path):
    np.save(tmp_path / 'a.npy', {391895: np.ones(3), 2007000032: np.ones(3)})
    assert '1 x key that is neither text nor a VOC id of 10 digits: 391895\n' in error_of(
        tmp_path / 'a.npy'
    )


def test_npy_of_another_class_list_is_refused(tmp_path):
    np.save(tmp_path / 'a.npy', {'x': np.ones(20)})
    assert 'each of the 3 classes: x (20)' in error_of(tmp_path / 'a.npy')


class Evil:
    def __reduce__(self):
        return eval, ('1/0',)


def test_hostile_npy_is_refused(tmp_path):
    np.save(tmp_path / 'a.npy', {'x': Evil()})
    assert 'asks for builtins.eval' in error_of(tmp_path / 'a.npy')


def test_sources_of_unknown_form(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.json: no such tag table.*prepare_tags.py'):
        read_tags(tmp_path / 'none.json', CLASSES)
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps({}))
    assert 'a.pkl: cannot tell the form' in error_of(tmp_path / 'a.pkl')
    (tmp_path / 'list.json').write_text('["a"]')
    assert 'list.json: holds a list, no table of ids' in error_of(tmp_path / 'list.json')
    (tmp_path / 'empty').mkdir()
    assert 'holds neither .xml nor .png files' in error_of(tmp_path / 'empty')
    (tmp_path / 'empty' / 'a.xml').write_text(annotation())
    (tmp_path / 'empty' / 'a.png').write_bytes(b'')
    assert 'holds .xml and .png files; one form is needed' in error_of(tmp_path / 'empty')


def test_masks_with_other_ids_or_modes(tmp_path):
    Image.fromarray(np.array([[0, 4, 9, 255]], np.uint8)).save(tmp_path / 'a.png')
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / 'b.png')
    (tmp_path / 'c.png').write_bytes(b'no image')
    message = error_of(tmp_path)
    assert '1 x mask with ids other than 0..3 and 255: a.png [4, 9]' in message
    assert '2 x mask that cannot be read as 8-bit class ids: b.png (' in message
    assert "got mode 'RGB'" in message


def test_broken_annotations(tmp_path):
    (tmp_path / 'a.xml').write_text(annotation('lion'))
    (tmp_path / 'b.xml').write_text('<annotation><object>')
    (tmp_path / 'c.xml').write_text('<html></html>')
    (tmp_path / 'd.xml').write_text('<annotation><object><pose/></object></annotation>')
    message = error_of(tmp_path)
    assert "1 x entry with unknown class names: a.xml ['lion']" in message
    assert '3 x file that is no VOC annotation: b.xml (no element found' in message
    assert "c.xml (root element 'html' instead of" in message
    assert 'd.xml (an object has no name)' in message


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-16'])
def test_entities_in_annotations_are_refused(tmp_path, encoding):
    head = (
        f'<?xml version="1.0" encoding="{encoding}"?>'
        '<!DOCTYPE annotation [<!ENTITY a "cat">]><annotation>'
    )
    (tmp_path / 'a.xml').write_bytes(annotation('&a;', head=head).encode(encoding))
    with pytest.raises(ValueError, match='document type declarations are refused'):
        object_names(tmp_path / 'a.xml')


def test_names_come_from_objects_only(tmp_path):
    (tmp_path / 'a.xml').write_text(annotation('cat', 'dog', 'cat'))
    assert object_names(tmp_path / 'a.xml') == ['cat', 'dog', 'cat']


def test_prepare_tags_writes_names_sorted(tmp_path):
    out = tmp_path / 'out' / 'tags.json'
    assert prepare_tags(write_source('npy', tmp_path), str(out), CLASSES) == 3
    assert list(json.loads(out.read_text()).items()) == [
        ('2007_000032', ['dog', 'cow']), ('2007_000033', ['cat']), ('2008_000001', []),
    ]  # fmt: skip
    assert read_tags(out, CLASSES).keys() == EXPECTED.keys()


def test_prepare_tags_keeps_the_wanted_ids(tmp_path):
    out = tmp_path / 'tags.json'
    prepare_tags(NAMES, str(out), CLASSES, ['2007_000033'])
    assert json.loads(out.read_text()) == {'2007_000033': ['cat']}
    with pytest.raises(ValueError, match='2 x id without tags: x, y\n'):
        prepare_tags(NAMES, str(out), CLASSES, ['y', 'x', '2007_000033'])
    assert json.loads(out.read_text()) == {'2007_000033': ['cat']}


def test_fixture_tags_match_its_masks(voc_root):
    from_names = read_tags(voc_root / 'image_tags.json', 'voc')
    from_masks = read_tags(voc_root / 'SegmentationClassAug', CLASS_SETS['voc'])
    assert list(from_names) == list(from_masks)
    for image_id, row in from_names.items():
        np.testing.assert_array_equal(row, from_masks[image_id])
