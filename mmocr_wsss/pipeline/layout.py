# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Where a pipeline keeps what below its output folder, and how its config is read."""

import os
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmocr_wsss.artifacts import require_file
from mmocr_wsss.dataset_file import DatasetFacts, read_dataset_file

#: Stages with a config of their own.
CONFIGURED = ('cam', 'cams', 'affinity', 'baseline', 'oc')
_DATA_KEYS = {
    'root', 'images', 'tags', 'tag_source', 'classes', 'true_masks', 'scored_list', 'scored_images',
    'val_list', 'val_masks', 'supported',
}  # fmt: skip
_KEYS = {*CONFIGURED, 'data', 'affinity_labels', 'tta', 'weights'}


class Layout:
    """Paths below the output folder of a pipeline.

    Args:
        out: the folder; everything that the stages make lies in it.
    """

    def __init__(self, out: str | os.PathLike) -> None:
        self.out = Path(out)

    def stage(self, name: str) -> Path:
        """Folder of what a stage makes."""
        return self.out / name

    def log(self, name: str) -> Path:
        """What the commands of a stage print."""
        return self.out / 'logs' / f'{name}.log'

    def record(self, name: str) -> Path:
        """What a stage was made from and how far it is."""
        return self.out / 'stages' / f'{name}.json'

    def classes(self) -> Path:
        """List of the foreground classes, where the config names no known set."""
        return self.out / 'classes.txt'

    def score(self, name: str) -> Path:
        """Numbers of an evaluation: ``cams``, ``pseudo_masks``, ``baseline_val``, ..."""
        return self.stage('evaluation') / f'{name}.json'

    def predictions(self, name: str) -> Path:
        """Label maps of a segmenter: ``baseline_val``, ``oc_train``, ..."""
        return self.stage('evaluation') / name


def read_pipeline(path: str | os.PathLike, data_root: str | None = None) -> dict[str, Any]:
    """The settings of a pipeline config; paths of stage configs are made absolute.

    Args:
        path: config with ``data``, a config per trained stage and their settings;
            configs are relative to the folder ``configs`` that it lies in, or to its own.
        data_root: replaces ``data.root``; with a ``dataset.json`` in it, what that says
            replaces the other settings of ``data``, too.

    Raises:
        FileNotFoundError: the config, or a config that it names, is not there.
        ValueError: a setting is missing or unknown.
    """
    require_file(path)
    cfg = dict(Config.fromfile(path).to_dict())
    unknown, missing = sorted(set(cfg) - _KEYS), sorted(_KEYS - {'weights'} - set(cfg))
    strange = sorted(set(cfg.get('data', {})) ^ _DATA_KEYS)
    if unknown or missing or strange:
        raise ValueError(
            f'{path}: a pipeline config has {sorted(_KEYS)}, and data {sorted(_DATA_KEYS)}; '
            f'unknown {unknown}, missing {missing}, missing or unknown in data {strange}.'
        )
    for stage in CONFIGURED:
        cfg[stage] = _config_path(Path(path).resolve(), cfg[stage])
    if data_root is not None:
        cfg['data']['root'] = data_root
        facts = read_dataset_file(data_root)
        if facts is not None:
            cfg['data'] |= _data_of(facts)
    if not Path(cfg['data']['root']).is_dir():
        raise FileNotFoundError(
            f'{cfg["data"]["root"]}: no such folder (data.root of {path}); give --data-root.'
        )
    return cfg


def _data_of(facts: DatasetFacts) -> dict[str, Any]:
    """The settings ``data`` of a pipeline for the data set of a ``dataset.json``."""
    train, val = facts.train, facts.val
    return dict(
        images=train.images,
        tags=facts.tags,
        tag_source=None,
        classes=facts.classes,
        background=facts.background,
        train_list=train.list,
        true_masks=train.masks,
        scored_list=train.scored_list,
        val_images=val.images if val else None,
        val_list=val.list if val else None,
        val_masks=val.masks if val else None,
        img_suffix=facts.img_suffix,
        supported=None,
    )


def _config_path(pipeline: Path, name: str) -> str:
    """A stage's config: absolute, beside the pipeline config, or below ``configs``."""
    places = [pipeline.parent / name, pipeline.parent.parent / name]
    for place in places:
        if place.is_file():
            return str(place.resolve())
    raise FileNotFoundError(f'{pipeline} names the config {name}; there is none at {places[0]}.')
