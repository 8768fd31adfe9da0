# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Run the recipes of configs/affinity on tiny photos: small networks, two steps, then the walk.

As a program (``torch.distributed.run``): train and walk every config given, in the
processes of one group.
"""

from pathlib import Path

import cam_recipes
import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from mmocr_wsss.cam_files import cam_grid, cam_path, write_cam
from mmocr_wsss.crf_files import write_crf_scores
from mmocr_wsss.labels import class_ids_from_tags
from mmocr_wsss.stage_files import write_stage

CONFIGS = cam_recipes.CONFIGS
LEAVES = sorted((CONFIGS / 'affinity').glob('*.py'))
STEPS = cam_recipes.STEPS
SIDE = 96
HEIGHT, WIDTH = 48, 64


def write_stage_files(root: Path, classes: str, ids: list[str]) -> None:
    """CAM files and CRF scores of some images below ``root``: blobs of two classes."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for number, image_id in enumerate(ids):
        tags = np.zeros(20, bool)
        tags[[number % 20, (number + 7) % 20]] = True
        class_ids = class_ids_from_tags(tags)
        centres = rng.uniform((0, 0), (HEIGHT, WIDTH), (2, 2))
        cam = np.stack([np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 200) for cy, cx in centres])
        grid = cam_grid((HEIGHT, WIDTH), 4)
        write_cam(cam_path(root / 'cams', image_id), cam[:, ::4, ::4], class_ids, (HEIGHT, WIDTH))
        assert cam[:, ::4, ::4].shape[1:] == grid
        low, high = (
            np.concatenate([(1 - cam.max(axis=0, keepdims=True)) ** power, cam])
            for power in (1, 12)
        )
        scores = cam_path(root / 'labels', image_id)
        write_crf_scores(scores, low / low.sum(axis=0), high / high.sum(axis=0), class_ids)
    for folder in ('cams', 'labels'):
        write_stage(root / folder, {'background_threshold': 0.3, 'classes': classes})


def tiny_config(path: Path, root: Path, work_dir: Path) -> Config:
    """The config of a recipe, made small; data of :func:`cam_recipes.write_data`."""
    cfg = Config.fromfile(path)
    cfg.work_dir = str(work_dir)
    cfg.train_cfg.update(max_iters=STEPS)
    cfg.default_hooks.logger.interval = 1
    cfg.train_dataloader.batch_size = 2
    for loader, folder in (('train_dataloader', 'labels'), ('test_dataloader', 'cams')):
        cfg[loader].update(num_workers=0, persistent_workers=False)
        cfg[loader].dataset.update(data_root=str(root), stage_dir=str(root / folder))
        for transform in cfg[loader].dataset.pipeline:
            if 'crop_size' in transform:
                transform.crop_size = (SIDE, SIDE)
    backbone = cfg.model.backbone
    backbone.init_cfg = None
    if backbone.type == 'mmocr_wsss.WideResNet38':
        backbone.width_mult = 1 / 16
        cfg.model.head.update(in_channels=(32, 64, 256), widths=(4, 8, 16))
    return cfg


def make_masks(cfg, checkpoint: Path, out: Path) -> dict:
    """Pseudo masks of the training list; gives the metrics."""
    Visualizer._instance_dict.clear()
    cfg.load_from = str(checkpoint)
    cfg.test_evaluator.update(out_dir=str(out), scores=True)
    return Runner.from_cfg(cfg).test()


if __name__ == '__main__':
    cam_recipes.main(__doc__, tiny_config, make_masks, 'masks')
