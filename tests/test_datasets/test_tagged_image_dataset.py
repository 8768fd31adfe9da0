# Copyright (c) mmocr_wsss contributors. All rights reserved.
import json
import shutil

import numpy as np
import pytest

from mmocr_wsss.datasets import TaggedImageDataset
from mmocr_wsss.labels import CLASS_SETS

LIST = 'ImageSets/Segmentation/train_aug.txt'
PREFIX = dict(img_path='JPEGImages')


def build(root, **kwargs):
    settings = dict(classes='voc', tags='image_tags.json', ann_file=LIST, data_prefix=PREFIX)
    return TaggedImageDataset(data_root=str(root), **{**settings, **kwargs})


def test_items_follow_the_list(voc_root):
    dataset = build(voc_root)
    ids = (voc_root / LIST).read_text().split()
    tags = json.loads((voc_root / 'image_tags.json').read_text())
    assert [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))] == ids
    info = dataset.get_data_info(3)
    assert info['img_path'] == str(voc_root / 'JPEGImages' / f'{ids[3]}.jpg')
    assert info['gt_score'].dtype == np.float32
    shown = [CLASS_SETS['voc'][k] for k in np.flatnonzero(info['gt_score'])]
    assert sorted(shown) == sorted(tags[ids[3]])
    assert dataset.metainfo['classes'] == CLASS_SETS['voc']
    assert dataset.tag_matrix.shape == (8, 20) and dataset.tag_matrix.dtype == bool
    assert (dataset.tag_matrix[3] == info['gt_score']).all()


def test_without_a_list_all_images_of_the_folder_sorted(voc_root):
    dataset = build(voc_root, ann_file='')
    ids = sorted(path.stem for path in (voc_root / 'JPEGImages').iterdir())
    assert [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))] == ids


def test_a_table_in_the_config_and_nested_folders(voc_root, tmp_path):
    (tmp_path / 'a' / 'b').mkdir(parents=True)
    shutil.copy(next((voc_root / 'JPEGImages').iterdir()), tmp_path / 'a' / 'b' / 'x.jpg')
    dataset = TaggedImageDataset(
        classes=['cat', 'dog'], tags={'a/b/x': ['dog']}, data_root=str(tmp_path)
    )
    info = dataset.get_data_info(0)
    assert info['img_id'] == 'a/b/x' and info['gt_score'].tolist() == [0, 1]


def test_indices_and_pipeline_are_the_hosts(voc_root):
    dataset = build(voc_root, indices=3, pipeline=[lambda info: info['img_id']])
    assert len(dataset) == 3 and dataset[2] == '2007_000003'


def test_every_problem_is_listed_at_once(voc_root, tmp_path):
    shutil.copytree(voc_root, tmp_path / 'root')
    root = tmp_path / 'root'
    (root / 'JPEGImages' / '2007_000002.jpg').unlink()
    table = json.loads((root / 'image_tags.json').read_text())
    del table['2007_000005'], table['2007_000006']
    table['2007_000001'] = ['unicorn']
    (root / 'image_tags.json').write_text(json.dumps(table))
    with pytest.raises(ValueError) as error:
        build(root)
    text = str(error.value)
    assert 'image_tags.json' in text
    assert '1 x missing image' in text and '2007_000002.jpg' in text
    assert '2 x id without tags: 2007_000005, 2007_000006' in text
    assert "2007_000001 ['unicorn']" in text
    assert 'take the ids out of the list' in text


@pytest.mark.parametrize(
    ('kwargs', 'kind', 'message'),
    [
        (dict(ann_file='none.txt'), FileNotFoundError, 'none.txt'),
        (dict(tags='none.json'), FileNotFoundError, 'none.json'),
        (
            dict(data_prefix=dict(img_path='photos')),
            FileNotFoundError,
            'photos: no such .*start at /',
        ),
        (
            dict(ann_file='', img_suffix='.tif'),
            ValueError,
            r"no file ends with '.tif', there are {'.jpg': 12}. Set img_suffix",
        ),
        (dict(classes='imagenet'), ValueError, "classes='imagenet'"),
    ],
)
def test_what_is_missing_is_named(voc_root, kwargs, kind, message):
    with pytest.raises(kind, match=message):
        build(voc_root, **kwargs)


def test_without_a_background_every_image_needs_a_tag(voc_root):
    ids = [path.stem for path in (voc_root / 'JPEGImages').iterdir()]
    options = dict(classes='voc', data_root=str(voc_root), data_prefix=dict(img_path='JPEGImages'))
    tags = {image_id: ['cat'] for image_id in ids}
    assert TaggedImageDataset(tags=tags, background=False, **options).background is False
    tags[ids[0]] = []
    assert len(TaggedImageDataset(tags=tags, **options)) == len(ids)
    with pytest.raises(
        ValueError, match=f'1 x id with no tag at all, .*background=False.*{ids[0]}'
    ):
        TaggedImageDataset(tags=tags, background=False, **options)
