# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The numbers of MCTformer's recipes and what its pipelines make of a photo."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.registry import TRANSFORMS

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / 'cam'
#: Leaf -> classes, training images, batch, epochs, side of the crop, learning rate.
RECIPES = {
    'mctformer_v1_voc': (20, 10582, 64, 60, 224, 6.25e-5),
    'mctformer_v2_voc': (20, 10582, 64, 60, 224, 6.25e-5),
    'mctformer_v2_coco': (80, 82783, 64, 60, 224, 6.25e-5),
    'mctformer_plus_voc': (20, 10582, 32, 45, 448, 3.125e-5),
    'mctformer_plus_coco': (80, 82783, 32, 45, 448, 3.125e-5),
}


def load(name):
    init_default_scope('mmpretrain')  # for what is built from the config
    return Config.fromfile(CONFIGS / f'{name}.py')


def test_every_leaf_has_a_recipe():
    assert sorted(RECIPES) == sorted(p.stem for p in CONFIGS.glob('mctformer_*.py'))


@pytest.mark.parametrize('name', list(RECIPES))
def test_numbers_fit_each_other(name):
    classes, images, batch, epochs, side, lr = RECIPES[name]
    cfg = load(name)
    updates = images // batch  # the incomplete batch is dropped
    (schedule,) = cfg.param_scheduler
    assert (schedule.iters_per_epoch, schedule.max_epochs) == (updates, epochs)
    assert schedule.end == cfg.train_cfg.max_iters == updates * epochs
    assert cfg.train_cfg.val_interval == updates
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == batch
    assert cfg.optim_wrapper.optimizer.lr == lr == 5e-4 * batch / 512
    assert cfg.model.backbone.num_classes == cfg.model.head.num_classes == classes
    assert cfg.model.backbone.img_size == side
    assert cfg.test_cfg.normalisation == 'min_max'


@pytest.mark.parametrize('name', ['mctformer_v2_voc', 'mctformer_plus_voc'])
def test_pipelines(name):
    """Training and validation give the same size; training differs from draw to draw."""
    side = RECIPES[name][4]
    cfg = load(name)
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)

    def run(pipeline):
        results = dict(img=photo.copy(), img_shape=photo.shape[:2], ori_shape=photo.shape[:2])
        for transform in pipeline:
            if transform.type not in ('LoadImageFromFile', 'mmocr_wsss.SeedTransforms'):
                results = TRANSFORMS.build(transform)(results)
        return results['inputs']

    train, val = cfg.train_dataloader.dataset.pipeline, cfg.val_dataloader.dataset.pipeline
    first, second = run(train), run(train)
    assert first.shape == second.shape == run(val).shape == (3, side, side)
    assert not first.equal(second)
    (resize,) = [t for t in val if t.type == 'ResizeEdge']
    assert resize.scale == round(side * 256 / 224)


def test_fill_values_are_bgr():
    """Photos are BGR in the pipeline: ImageNet's mean comes blue first."""
    cfg = load('mctformer_v2_voc')
    assert cfg.model.data_preprocessor.to_rgb
    pipeline = {t.type: t for t in cfg.train_dataloader.dataset.pipeline}
    mean, std = (cfg.model.data_preprocessor[key][::-1] for key in ('mean', 'std'))
    assert pipeline['RandomErasing'].fill_color == mean
    assert pipeline['RandomErasing'].fill_std == std
    assert pipeline['RandAugment'].hparams.pad_val == [round(v) for v in mean]
    assert len(TRANSFORMS.build(pipeline['RandAugment']).transforms) == 15
