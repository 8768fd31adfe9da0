# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""tools/prepare_tags.py; run inside the test process, since its imports take seconds."""

import importlib.util
import json
import shlex

import numpy as np
import pytest


@pytest.fixture(scope='module')
def tool(repo_root):
    path = repo_root / 'tools' / 'prepare_tags.py'
    spec = importlib.util.spec_from_file_location('prepare_tags_tool', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_npy_to_json_with_names_file_and_ids(tool, tmp_path, capsys):
    np.save(tmp_path / 'cls_labels.npy', {'a': np.array([0, 1]), 'b': np.array([1, 1])})
    (tmp_path / 'names.txt').write_text('cat\ntraffic light\n')
    (tmp_path / 'ids.txt').write_text('/JPEGImages/b.jpg /masks/b.png\n')
    source, out = str(tmp_path / 'cls_labels.npy'), str(tmp_path / 'tags.json')
    names = ['--classes', str(tmp_path / 'names.txt')]
    tool.main([source, out, *names, '--ids', str(tmp_path / 'ids.txt')])
    assert json.loads((tmp_path / 'tags.json').read_text()) == {'b': ['cat', 'traffic light']}
    assert f'{out}: tags of 1 images' in capsys.readouterr().out


def test_the_example_covers_training_and_validation(tool, voc_root, tmp_path):
    example = tool.__doc__.split('Example')[1].split('prepare_tags.py')[1].replace('\\\n', ' ')
    argv = [
        # Masks stand in for the XML files, which the small data set lacks.
        word.replace('data/VOCdevkit/VOC2012/Annotations', str(voc_root / 'SegmentationClassAug'))
        .replace('data/VOCdevkit/VOC2012/image_tags.json', str(tmp_path / 'tags.json'))
        .replace('data/VOCdevkit/VOC2012', str(voc_root))
        for word in shlex.split(example)
    ]
    tool.main(argv)
    lists = voc_root / 'ImageSets' / 'Segmentation'
    ids = {
        id_ for name in ('train_aug', 'val') for id_ in (lists / f'{name}.txt').read_text().split()
    }
    assert ids <= json.loads((tmp_path / 'tags.json').read_text()).keys()


def test_errors_end_the_command_with_their_text(tool, tmp_path):
    np.save(tmp_path / 'cls_labels.npy', {'a': np.array([0, 1]), 'b': np.array([1, 1])})
    source, out = str(tmp_path / 'cls_labels.npy'), str(tmp_path / 'tags.json')
    with pytest.raises(SystemExit, match=r'each of the 20 classes: a \(2\), b \(2\)'):
        tool.main([source, out, '--classes', 'voc'])
    with pytest.raises(SystemExit, match="--classes vox: neither one of .'coco14', 'voc'. nor"):
        tool.main([source, out, '--classes', 'vox'])
    with pytest.raises(SystemExit, match=r'ids\.txt: no such file'):
        tool.main([source, out, '--classes', 'voc', '--ids', str(tmp_path / 'ids.txt')])
    assert not (tmp_path / 'tags.json').exists()
