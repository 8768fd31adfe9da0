# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Pipelines of configs/pipelines made small: tiny networks, two steps, the data of conftest."""

from pathlib import Path

import affinity_recipes
import cam_recipes
from mmengine.config import Config
from test_configs import shrink as shrink_segmenter

CONFIGS = cam_recipes.CONFIGS
LEAVES = sorted((CONFIGS / 'pipelines').glob('*.py'))
_OWN = ('work_dir', 'experiment_name')


def write_tiny_pipeline(path: Path, folder: Path, root: Path) -> Path:
    """Write the pipeline config ``path`` and its stages' configs, small, into ``folder``.

    Args:
        path: of configs/pipelines.
        folder: becomes ``configs``; the pipeline config lies in its ``pipelines``.
        root: the data; must have the layout that the config names.

    Returns:
        The new pipeline config.
    """
    settings = dict(Config.fromfile(path).to_dict())
    for stage in ('cam', 'cams', 'affinity', 'baseline', 'oc'):
        source, target = CONFIGS / settings[stage], folder / settings[stage]
        if stage == 'affinity':
            cfg = affinity_recipes.tiny_config(source, root, Path('unused'))
            cfg.test_dataloader.dataset.stage_dir = cfg.train_dataloader.dataset.stage_dir = 'unset'
        else:
            cfg = Config.fromfile(source)
            shrink = cam_recipes.shrink if stage in ('cam', 'cams') else shrink_segmenter
            shrink(cfg, root, Path('unused'))
        if stage in ('cam', 'affinity', 'baseline', 'oc'):
            cfg.default_hooks.checkpoint.update(interval=1, by_epoch=False)
        for key in _OWN:
            cfg.pop(key, None)
        target.parent.mkdir(parents=True, exist_ok=True)
        cfg.dump(target)
    settings['weights'] = {}
    settings['tta'] = False
    target = folder / 'pipelines' / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    Config(settings).dump(target)
    return target
