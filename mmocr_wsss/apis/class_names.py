# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Which class an id of a label map stands for."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

from mmocr_wsss.engine.config_edits import nodes
from mmocr_wsss.labels import BACKGROUND_NAME, IGNORE_ID, foreground_classes


def class_names(
    cfg: Config, meta: Mapping, num_classes: int, given: Sequence[str] | None = None
) -> tuple[str, ...]:
    """The C names indexed by class id.

    Args:
        cfg: config of the model; that of its test dataset counts where nothing else does.
        meta: ``meta`` of the checkpoint, which says what it was trained on.
        num_classes: C of the model.
        given: names that come before all others.

    Raises:
        ValueError: nobody names the classes, their number is not that of the model, or there
            are more than ids below 255.
    """
    sources = {
        'classes': given,
        'the checkpoint': (meta.get('dataset_meta') or {}).get('classes') or meta.get('CLASSES'),
        f'the test dataset of {cfg.filename}': _of_config(cfg),
    }
    named = {where: tuple(names) for where, names in sources.items() if names}
    if not named:
        raise ValueError(
            f'neither the checkpoint nor the test dataset of {cfg.filename} names the classes. '
            'Pass classes=[...], one name per class id.'
        )
    where, names = next(iter(named.items()))
    if not len(names) == num_classes <= IGNORE_ID or num_classes < 2:
        raise ValueError(
            f'{where}: {len(names)} class names, {names[:3]}..., but the model predicts '
            f'{num_classes} classes. Both must be the same, 2 to {IGNORE_ID}. Check num_classes '
            'of the config; for classes of your own give the --data-root of their dataset.json.'
        )
    return names


def background_is_candidate(cfg: Config) -> bool:
    """Whether pixels of the config's data set may show none of the classes."""
    return all(node.get('background', True) for node in _test_nodes(cfg))


def _test_nodes(cfg: Config) -> list[dict]:
    return list(nodes((cfg.get('test_dataloader') or {}).get('dataset')))


def _of_config(cfg: Config) -> Sequence[str] | None:
    for node in _test_nodes(cfg):
        if classes := _of_dataset(node):
            return classes
    return None


def _of_dataset(node: dict) -> Sequence[str] | None:
    if classes := (node.get('metainfo') or {}).get('classes'):
        return classes
    if node.get('classes'):  # of our datasets: without the background
        return BACKGROUND_NAME, *foreground_classes(node['classes'])
    kind: Any = DATASETS.get(node['type']) if 'type' in node else None
    return (getattr(kind, 'METAINFO', None) or {}).get('classes')
