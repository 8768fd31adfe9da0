# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A config written for one data set, made to run on that of a ``dataset.json``."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from mmocr_wsss.dataset_file import DATASET_FILE, DatasetFacts, Split, read_dataset_file
from mmocr_wsss.engine.config_edits import nodes
from mmocr_wsss.labels import foreground_classes

#: Datasets with class names of their own -> the class set.
_FIXED = {'PascalVOCDataset': 'voc', 'COCO14Dataset': 'coco14'}
_PSEUDO_MASKS = 'mmocr_wsss.PseudoMaskDataset'


def follow_dataset_file(cfg: Config, data_root: str | None) -> None:
    """:func:`set_dataset` with the ``dataset.json`` of a folder, if it has one.

    Raises:
        ValueError: the file is malformed, or as :func:`set_dataset`.
    """
    if data_root is None:
        return
    facts = read_dataset_file(data_root)
    if facts is None:
        return
    set_dataset(cfg, facts)
    print_log(
        f'{Path(data_root, DATASET_FILE)}: {len(facts.classes)} classes, lists and folders as it '
        'says, instead of those of the config',
        'current',
    )


def set_dataset(cfg: Config, facts: DatasetFacts) -> None:
    """Replace classes, lists, folders and tags; edits ``cfg`` in place.

    The number of classes of the model follows, wherever it was that of the config's data
    set with or without the background. Without validation images there is no validation;
    without masks of them it gives the out-of-candidate rate alone. The folder of pseudo masks
    and the schedule stay; expected results go unless the config is written for this data set.

    Raises:
        ValueError: datasets of the config have different numbers of classes.
    """
    before, tested = _number_of_classes(cfg), _tested(cfg)
    _set_split(cfg, 'train_dataloader', facts.train, facts)
    if cfg.get('val_dataloader'):
        if facts.val is None:
            cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
        else:
            _set_split(cfg, 'val_dataloader', facts.val, facts)
    _set_test(cfg, facts)
    if before is not None:
        _resize(cfg.get('model'), before, len(facts.classes))
    cfg.pop('dataset_type', None)
    if tested != [(tuple(facts.classes), *place) for _, *place in _tested(cfg)]:
        cfg.pop('expected_results', None)
    if not facts.background:
        _without_background(cfg)


def _tested(cfg: Config) -> list[tuple]:
    """(foreground classes or None, list, folders) of what a config tests on."""
    return [
        (
            dataset_classes(node) and tuple(foreground_classes(dataset_classes(node))),
            node.get('ann_file'),
            dict(node.get('data_prefix') or {}),
        )
        for node in nodes((cfg.get('test_dataloader') or {}).get('dataset'))
        if 'data_root' in node
    ]


def _set_test(cfg: Config, facts: DatasetFacts) -> None:
    """Segmenters are tested on validation images, or, where there are none, on training images
    (on those with masks if any have); what makes files for the next stage reads the latter."""
    if not cfg.get('test_dataloader'):
        return
    inner = list(nodes(cfg.test_dataloader.dataset))
    split = facts.train
    if any(_is_segmentation(node) for node in inner):
        split = facts.val or split._replace(list=split.scored_list or split.list)
    _set_split(cfg, 'test_dataloader', split, facts)


def _set_split(cfg: Config, loader: str, split: Split, facts: DatasetFacts) -> None:
    if not cfg.get(loader):
        return
    blind = False
    for node in nodes(cfg[loader].dataset):
        if 'tags' in node:
            node['tags'] = facts.tags
        if 'data_root' not in node:
            continue
        if _is_segmentation(node):
            blind = _set_segmentation(node, split, training=loader == 'train_dataloader')
        node['ann_file'] = split.list
        node['img_suffix'] = facts.img_suffix
        node.setdefault('data_prefix', ConfigDict())['img_path'] = split.images
        if 'classes' in node:
            node['classes'] = list(facts.classes)
        node.pop('indices', None)
    if not facts.background:
        for node in nodes(cfg[loader].dataset):
            if str(node.get('type')).endswith(('ImageTagDataset', 'TaggedImageDataset')):
                node['background'] = False
    if blind and cfg.get('tta_pipeline') and loader == 'test_dataloader':
        cfg.tta_pipeline = without_annotations(cfg.tta_pipeline)
    if blind:
        _score_without_masks(cfg, loader.replace('dataloader', 'evaluator'))


def _set_segmentation(node: dict, split: Split, training: bool) -> bool:
    """Whether the images have no masks to compare with."""
    if training:
        return False
    node.pop('metainfo', None)
    node.update(type=_PSEUDO_MASKS, classes=[], test_mode=True)
    node['data_prefix'] = ConfigDict(img_path=split.images)
    if split.masks is not None:
        node['data_prefix']['seg_map_path'] = split.masks
        return False
    node['pipeline'] = without_annotations(node.get('pipeline', []))
    return True


def without_annotations(pipeline: list) -> list:
    """A pipeline that loads no masks; branches of ``TestTimeAug`` are looked through."""
    kept: list[Any] = []
    for step in pipeline:
        if isinstance(step, list):
            if inner := without_annotations(step):
                kept.append(inner)
        elif 'transforms' in step:
            kept.append({**step, 'transforms': without_annotations(step['transforms'])})
        elif step['type'] != 'LoadAnnotations':
            kept.append(step)
    return kept


def _score_without_masks(cfg: Config, key: str) -> None:
    """IoU needs masks; the metric stays for its second task, to write label maps (test)."""
    evaluators = cfg.get(key) or []
    evaluators = [evaluators] if isinstance(evaluators, Mapping) else evaluators
    kept = []
    for evaluator in evaluators:
        if not str(evaluator['type']).endswith('IoUMetric'):
            kept.append(evaluator)
        elif key == 'test_evaluator':
            kept.append(ConfigDict(type='mmocr_wsss.RunningIoUMetric', format_only=True))
    cfg[key] = kept


def _is_segmentation(node: Mapping) -> bool:
    return _name(node) in _FIXED or _name(node) == 'PseudoMaskDataset'


def _name(node: Mapping) -> str:
    return str(node.get('type')).removeprefix('mmocr_wsss.').removeprefix('mmseg.')


def dataset_classes(node: Mapping) -> Any:
    """The class set or names that a dataset config gives, or its type; None: neither."""
    return node.get('classes') or _FIXED.get(_name(node))


def _number_of_classes(cfg: Config) -> int | None:
    """K of the datasets of a config; None where none says."""
    found = {}
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for node in nodes((cfg.get(loader) or {}).get('dataset')):
            if classes := dataset_classes(node):
                found[loader] = len(foreground_classes(classes))
    if len(set(found.values())) > 1:
        raise ValueError(
            f'the datasets of {cfg.filename} have different numbers of classes ({found}), so the '
            'model cannot follow dataset.json. Write a config for this data set.'
        )
    return next(iter(found.values()), None)


def _resize(node: Any, before: int, after: int) -> None:
    """``num_classes`` at any depth, with or without the background."""
    if isinstance(node, MutableMapping):
        if node.get('num_classes') in (before, before + 1):
            node['num_classes'] += after - before
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        _resize(child, before, after)


def _without_background(cfg: Config) -> None:
    test_cfg = cfg.get('test_cfg') or {}
    if str(test_cfg.get('type')).endswith('CAMLoop'):
        test_cfg['background_threshold'] = 0.0
    loss = (cfg.get('model') or {}).get('loss_oc')
    if loss:
        loss['background'] = False
