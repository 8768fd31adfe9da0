# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Tags that a classifier gives, and label maps restricted to tags."""

import json

import pytest
import torch
from PIL import Image

from mmocr_wsss.evaluation import RestrictedLabelMaps, TagDumper

CLASSES = ('background', 'cat', 'dog', 'person')


def test_tags_by_threshold(tmp_path):
    path = tmp_path / 'deep' / 'tags.json'
    metric = TagDumper(str(path), threshold=0.5)
    metric.dataset_meta = dict(classes=CLASSES[1:])
    scores = dict(b=[0.5, 0.49, 0.9], a=[0.1, 0.2, 0.3])
    samples = [dict(img_path=f'x/{k}.jpg', pred_score=torch.tensor(v)) for k, v in scores.items()]
    metric.process({}, samples)
    assert metric.evaluate(len(samples)) == {'tags/images': 2, 'tags/per_image': 1}
    assert json.loads(path.read_text()) == dict(a=[], b=['cat', 'person'])
    assert path.read_text().index('"a"') < path.read_text().index('"b"')


def test_threshold_is_checked(tmp_path):
    with pytest.raises(ValueError, match=r'threshold must lie in \[0, 1\], got 2'):
        TagDumper(str(tmp_path / 'tags.json'), threshold=2)


def test_maps_keep_to_tags_and_background(tmp_path):
    tags = tmp_path / 'tags.json'
    tags.write_text(json.dumps(dict(a=['cat'], b=[])))
    metric = RestrictedLabelMaps(str(tmp_path / 'out'), str(tags))
    metric.dataset_meta = dict(classes=CLASSES)
    logits = torch.tensor([[[0.0, 5.0]], [[1.0, 2.0]], [[9.0, 9.0]], [[-1.0, 0.0]]])
    samples = [
        dict(img_path=f'x/{name}.jpg', seg_logits=dict(data=logits)) for name in ('a', 'b', 'c')
    ]
    metric.process({}, samples)
    assert metric.evaluate(3) == {'restricted/written': 2}
    maps = {path.stem: Image.open(path) for path in (tmp_path / 'out').iterdir()}
    assert {name: list(image.getdata()) for name, image in maps.items()} == dict(a=[1, 0], b=[0, 0])
    assert all(image.mode == 'P' for image in maps.values())
