# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Image ids from list files and paths."""

import pytest

from mmocr_wsss.datasets.id_lists import possible_ids, read_id_list, strip_image_suffix


def write(path, text):
    path.write_text(text)
    return path


def test_plain_ids_keep_their_order_and_folders(tmp_path):
    text = '2007_000033\n2007_000032\n\naachen/aachen_0001\nmy photo 1\nlast'
    assert read_id_list(write(tmp_path / 'a.txt', text)) == (
        '2007_000033', '2007_000032', 'aachen/aachen_0001', 'my photo 1', 'last',
    )  # fmt: skip


def test_path_style_lists_give_the_stem_of_the_image(tmp_path):
    text = (
        '/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png\n'
        '/JPEGImages/2007_000033.jpg\n'
        'images/x.PNG labels/x.png\n'
    )
    assert read_id_list(write(tmp_path / 'a.txt', text)) == ('2007_000032', '2007_000033', 'x')


def test_list_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a\.txt: no such file'):
        read_id_list(tmp_path / 'a.txt')
    with pytest.raises(ValueError, match=r'a\.txt: lists no image id'):
        read_id_list(write(tmp_path / 'a.txt', '\n \n'))
    with pytest.raises(ValueError, match=r'2 x id listed more than once: a, a\n'):
        read_id_list(write(tmp_path / 'a.txt', 'a\nb\na\na\n'))


def test_convention_possible_ids_grow_from_the_stem():
    assert possible_ids('/data/img/aachen/0001.v2.png') == [
        '0001.v2', 'aachen/0001.v2', 'img/aachen/0001.v2', 'data/img/aachen/0001.v2',
    ]  # fmt: skip
    assert possible_ids('0001.png') == ['0001']


def test_only_image_suffixes_are_dropped_from_ids():
    assert strip_image_suffix('COCO_train2014_000000000009.jpg') == 'COCO_train2014_000000000009'
    assert strip_image_suffix('a.v2') == 'a.v2'
