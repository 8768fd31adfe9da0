# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A small training with every kind of randomness, and what must agree when it is resumed."""

from pathlib import Path

import torch

from mmocr_wsss.engine.safe_checkpoint import load_from_file

#: Augmentation by numpy and by Python's generator, stochastic depth, dropout, batch norm that
#: learns, momentum, validation in between.
CONFIG = """
_base_ = __import__('mmocr_wsss').config_path('_base_/cam_runtime.py')
tagged_images = dict(
    type='mmocr_wsss.TaggedImageDataset',
    classes='voc',
    tags='image_tags.json',
    data_root='set by --data-root',
    data_prefix=dict(img_path='JPEGImages'),
    ann_file='ImageSets/Segmentation/train_aug.txt',
)
pipeline = [
    dict(type='mmocr_wsss.SeedTransforms'),
    dict(type='LoadImageFromFile'),
    dict(type='mmocr_wsss.RandomLongEdge', edge_range=(28, 40)),
    dict(
        type='mmcv.RandomApply',
        prob=0.5,
        transforms=dict(
            type='ColorJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1
        ),
    ),
    dict(type='mmcv.RandomGrayscale', prob=0.3, keep_channels=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomErasing', erase_prob=0.5, mode='rand'),
    dict(type='mmocr_wsss.RandomCropOrPad', crop_size=32),
    dict(type='PackInputs'),
]
loader = dict(num_workers=0, persistent_workers=False, collate_fn=dict(type='default_collate'))
train_dataloader = dict(
    batch_size=3,
    sampler=dict(type='mmocr_wsss.SeededInfiniteSampler', shuffle=True),
    dataset=dict(pipeline=pipeline, **tagged_images),
    **loader,
)
val_dataloader = dict(
    batch_size=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')], **tagged_images
    ),
    **loader,
)
val_evaluator = dict(type='AveragePrecision')
model = dict(
    type='mmocr_wsss.CAMClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3, to_rgb=True
    ),
    backbone=dict(
        type='ResNet',
        depth=18,
        stem_channels=4,
        base_channels=4,
        out_indices=(3,),
        drop_path_rate=0.3,
    ),
    head=dict(type='mmocr_wsss.CAMHead', num_classes=20, in_channels=32, dropout_ratio=0.5),
)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=8, val_interval=5)
default_hooks = dict(
    logger=dict(interval=1),
    checkpoint=dict(interval=3, max_keep_ckpts=2, save_best='auto', rule='greater'),
)
"""


def write_config(folder: Path) -> Path:
    """Write the recipe to ``folder/recipe.py``."""
    path = folder / 'recipe.py'
    path.write_text(CONFIG)
    return path


def training_state(path: Path) -> dict[str, torch.Tensor]:
    """All tensors and numbers of weights, buffers, optimiser and schedules by their place."""
    checkpoint = load_from_file(str(path))
    parts = {key: checkpoint[key] for key in ('state_dict', 'optimizer', 'param_schedulers')}
    return dict(_leaves(parts, ''))


def _leaves(node, place):
    if isinstance(node, dict):
        for key, child in node.items():
            yield from _leaves(child, f'{place}/{key}')
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from _leaves(child, f'{place}/{index}')
    else:
        yield place, node


def differing(one: Path, two: Path) -> list[str]:
    """Places where two checkpoints are not equal to the last bit."""
    first, second = training_state(one), training_state(two)
    places = sorted(first.keys() ^ second.keys())
    for place in first.keys() & second.keys():
        a, b = first[place], second[place]
        same = torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        if not same:
            places.append(place)
    return places
