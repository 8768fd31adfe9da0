# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The same tools run configs of mmpretrain."""

import json
import shutil

import pytest

CONFIG = """
default_scope = 'mmpretrain'
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(32, 32)),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='CustomDataset', data_root='set by --data-root', pipeline=pipeline),
)
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CustomDataset', data_root='set by --data-root', pipeline=pipeline),
)
test_evaluator = dict(type='Accuracy', topk=1)
test_cfg = dict()
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2),
    visualization=dict(type='VisualizationHook'),
)
visualizer = dict(type='UniversalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
log_processor = dict(by_epoch=False)
data_preprocessor = dict(num_classes=2, mean=[127.0] * 3, std=[64.0] * 3)
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=18, stem_channels=4, base_channels=4),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead', num_classes=2, in_channels=32, loss=dict(type='CrossEntropyLoss')
    ),
)
"""


@pytest.fixture
def photos_by_class(voc_root, tmp_path):
    """Two folders of two photos each, as mmpretrain's CustomDataset expects them."""
    for number, photo in enumerate(sorted((voc_root / 'JPEGImages').iterdir())[:4]):
        folder = tmp_path / 'photos' / ('even' if number % 2 == 0 else 'odd')
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder)
    return tmp_path / 'photos'


def test_train_and_test_a_classifier(run_tool, photos_by_class, tmp_path):
    config = tmp_path / 'classifier.py'
    config.write_text(CONFIG)
    where = ['--data-root', photos_by_class, '--work-dir', tmp_path / 'work']
    assert run_tool('train', config, '--amp', '--device', 'cpu', *where) == 0
    pictures = tmp_path / 'pictures'
    checkpoint = tmp_path / 'work' / 'iter_2.pth'
    where[-1] = tmp_path / 'scored'
    assert run_tool('test', config, checkpoint, '--show-dir', pictures, *where) == 0
    (scores,) = (tmp_path / 'scored').glob('*/*.json')
    assert json.loads(scores.read_text())['accuracy/top1'] in (0, 25, 50, 75, 100)
    assert len(list(pictures.rglob('*.png'))) == 4


def test_out_needs_label_maps(run_tool, photos_by_class, tmp_path, capsys):
    config = tmp_path / 'classifier.py'
    config.write_text(CONFIG)
    weights = tmp_path / 'weights.pth'
    weights.touch()
    assert run_tool('test', config, weights, '--out', tmp_path, '--data-root', photos_by_class) == 1
    assert 'error: --out needs one of IoUMetric' in capsys.readouterr().err
