# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A config made to run its test on one of its splits, from tags alone where there are no masks."""

import copy
import os.path as osp
from typing import Any

from mmengine.config import Config, ConfigDict

from mmocr_wsss.engine.config_edits import nodes
from mmocr_wsss.engine.dataset_edits import without_annotations

SPLITS = ('val', 'train', 'test')
#: Wrappers of training that repeat or mix images; the images inside are wanted once.
_REPEATING = ('RepeatDataset', 'ClassBalancedDataset', 'MultiImageMixDataset')
_TRAINING = ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler')
_VALIDATION = ('val_dataloader', 'val_cfg', 'val_evaluator')


def set_evaluated_split(cfg: Config, split: str, *, tags_only: bool) -> None:
    """Let the test run on every image of a split once, in order; edits ``cfg`` in place.

    Photos of ``'train'`` go through the pipeline of validation (of test, where there is none):
    no augmentation, and no masks, since those of training are not true. The other splits
    read theirs unless ``tags_only`` is set or the folder is not there. Training and validation
    are left out of the config.

    Args:
        cfg: final config of a segmenter.
        split: one of :data:`SPLITS`.
        tags_only: read no masks.

    Raises:
        ValueError: the config has no such dataloader, or nowhere a pipeline without augmentation.
    """
    key = f'{split}_dataloader'
    if not cfg.get(key):
        others = [name for name in SPLITS if cfg.get(f'{name}_dataloader')]
        raise ValueError(
            f'--split {split}: {cfg.filename} has no {key}. It has {", ".join(others) or "none"}; '
            'the data of a dataset.json without a list for validation has no val.'
        )
    loader = copy.deepcopy(cfg[key])
    if split == 'train':
        loader = _training_photos(cfg, loader.dataset)
    if split == 'train' or tags_only or not _has_masks(loader.dataset):
        _drop_masks(loader.dataset)
    cfg.test_dataloader = loader
    # Not a loop of ours that makes files.
    fp16 = bool((cfg.get('test_cfg') or {}).get('fp16'))
    cfg.test_cfg = dict(type='TestLoop', fp16=fp16)
    for name in (*_TRAINING, *_VALIDATION):
        cfg[name] = None


def _training_photos(cfg: Config, dataset: ConfigDict) -> ConfigDict:
    model = cfg.get('val_dataloader') or cfg.get('test_dataloader')
    pipelines = [node['pipeline'] for node in nodes(model and model.dataset) if 'pipeline' in node]
    if not pipelines:
        raise ValueError(
            f'--split train: neither val_dataloader nor test_dataloader of {cfg.filename} has a '
            'pipeline, and that of training augments. Add one of the two.'
        )
    dataset = _once(dataset)
    for node in nodes(dataset):
        if 'pipeline' in node:
            node['pipeline'] = copy.deepcopy(pipelines[0])
            node['test_mode'] = True
    loader = copy.deepcopy(model)
    loader.dataset = dataset
    loader.sampler = dict(type='DefaultSampler', shuffle=False)
    loader.pop('batch_sampler', None)
    return loader


def _once(node: Any) -> Any:
    """Without the wrappers that repeat or mix."""
    if isinstance(node, dict):
        if str(node.get('type')).split('.')[-1] in _REPEATING:
            return _once(node['dataset'])
        for key in ('dataset', 'datasets'):
            if key in node:
                node[key] = _once(node[key])
    elif isinstance(node, (list, tuple)):
        return [_once(child) for child in node]
    return node


def _mask_folders(dataset: ConfigDict) -> list[str]:
    return [
        osp.join(node.get('data_root') or '', node['data_prefix']['seg_map_path'])
        for node in nodes(dataset)
        if (node.get('data_prefix') or {}).get('seg_map_path')
    ]


def _has_masks(dataset: ConfigDict) -> bool:
    """False where a folder of masks on this machine is not there; URLs are trusted."""
    return all('://' in folder or osp.isdir(folder) for folder in _mask_folders(dataset))


def _drop_masks(dataset: ConfigDict) -> None:
    for node in nodes(dataset):
        if 'pipeline' in node:
            node['pipeline'] = without_annotations(node['pipeline'])
        if str(node.get('type')).endswith('PseudoMaskDataset'):
            node['test_mode'] = True
            node.get('data_prefix', {}).pop('seg_map_path', None)
