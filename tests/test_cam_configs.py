# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Every recipe of configs/cam trains and writes CAMs, with one process and with two."""

import json
from functools import cache

import cam_recipes
import numpy as np
import pytest
import torch
from mmengine.config import Config
from published_optimisers import factors, groups

from mmocr_wsss.cam_files import read_cam
from mmocr_wsss.stage_files import read_stage

LEAVES = cam_recipes.LEAVES
METHODS = ('affinitynet_r38', 'seam_r38', 'mctformer_v2')


def of(name):
    return cam_recipes.CONFIGS / 'cam' / f'{name}.py'


def test_three_methods_on_two_datasets():
    names = {path.stem for path in LEAVES}
    assert {f'{method}_{data}' for method in METHODS for data in ('voc', 'coco')} <= names


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('recipes')


@pytest.fixture(scope='module')
def one_process(folder, voc_root):
    """Trains a recipe and makes its CAMs once: name -> (runner, changed, metrics, folder)."""

    @cache
    def run(path):
        place = folder / path.stem
        cam_recipes.write_data(Config.fromfile(path), voc_root, place / 'data')
        cfg = cam_recipes.tiny_config(path, place / 'data', place / 'one')
        trained = cam_recipes.train(cfg)
        checkpoint = place / 'one' / f'iter_{cam_recipes.STEPS}.pth'
        metrics = cam_recipes.make_cams(cfg, checkpoint, place / 'one' / 'cams')
        return *trained, metrics, place / 'one'

    return run


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_recipe_trains_and_writes_cams(one_process, path):
    runner, changed, metrics, place = one_process(path)
    (log,) = (log for log in place.glob('*/vis_data/scalars.json') if 'loss' in log.read_text())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [line for line in lines if 'loss' in line]
    assert len(steps) == cam_recipes.STEPS and all(np.isfinite(s['loss']) for s in steps)
    assert any('multi-label/mAP' in line for line in lines)
    trained = {key for key, p in runner.model.named_parameters() if p.requires_grad}
    for part in {key.split('.')[0] for key in trained}:  # MCTformer V1 has no head to train
        assert any(key.startswith(part) for key in changed & trained), part
    assert metrics == {'cam/written': 7}
    dataset = runner.train_dataloader.dataset
    stage = read_stage(place / 'cams')
    assert stage['num_images'] == 7
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        cam_file = read_cam(place / 'cams' / f'{info["img_id"]}.npz')
        assert cam_file.class_ids.tolist() == (np.flatnonzero(info['gt_score']) + 1).tolist()
        assert cam_file.image_size == (48, 64) and cam_file.cam.max() <= 1


def test_two_processes_write_the_bytes_of_one(one_process, run_process, folder):
    paths = [of(f'{method}_{data}') for method in METHODS for data in ('voc', 'coco')]
    for path in paths:
        one_process(path)
    cam_recipes.run_in_two_processes(run_process, cam_recipes.__file__, folder, paths)
    for path in paths:
        one, two = cam_recipes.files_of_both(folder / path.stem, 'cams')
        assert len(one) == 8 and one == two, path.stem  # seven CAMs and stage.json


def trained_groups(path):
    """As :func:`published_optimisers.groups`, and the config."""
    from mmengine.registry import init_default_scope
    from mmpretrain.registry import MODELS

    cfg = Config.fromfile(path)
    init_default_scope('mmpretrain')
    cfg.model.backbone.init_cfg = None
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    return *groups(model, cfg), cfg


@pytest.mark.parametrize(
    ('name', 'new', 'lr', 'iters', 'batch'),
    [
        # 43 convolutions of which conv1a and the 7 of b2 are frozen; fc8, or fc8, f8_3, f8_4, f9
        ('affinitynet_r38_voc', 1, 0.1, 661 * 15, 16),
        ('affinitynet_r38_coco', 1, 0.1, 5173 * 15, 16),
        ('seam_r38_voc', 4, 0.01, 1322 * 8, 8),
        ('seam_r38_coco', 4, 0.01, 10347 * 8, 8),
    ],
)
def test_convention_optimiser_is_the_published_one(name, new, lr, iters, batch):
    found, defaults, cfg = trained_groups(of(name))
    assert found == {(1, 5e-4): 35, (10, 5e-4): new}
    assert (defaults['lr'], defaults['momentum']) == (lr, 5e-4)
    assert cfg.train_cfg.max_iters == iters and cfg.auto_scale_lr.base_batch_size == batch


@pytest.mark.parametrize('name', ['affinitynet_r38_voc', 'seam_r38_voc', 'seam_r38_coco'])
def test_convention_poly_schedule_is_the_published_one(name):
    cfg = Config.fromfile(of(name))
    for step, factor in factors(cfg, (0, 1, 1999)).items():
        expected = (1 - step / cfg.train_cfg.max_iters) ** 0.9
        assert factor == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_layout_of_recipe(path):
    text = path.read_text(encoding='utf-8')
    header = '\n'.join(line for line in text.splitlines() if line[:1] == '#')
    assert all(word in header for word in ('Needs', 'Run', 'CAMs', 'Gives'))
    cfg = Config.fromfile(path)
    assert cfg.default_scope == 'mmpretrain'
    # Nothing here may see a mask.
    loaders = str([cfg[f'{split}_dataloader'] for split in ('train', 'val', 'test')])
    assert 'seg_map' not in loaders and 'SegmentationClass' not in loaders
    assert cfg.train_dataloader.dataset.pipeline[0].type == 'mmocr_wsss.SeedTransforms'
    # Published for all but MCTformer+.
    assert (cfg.test_cfg.background_threshold is None) == ('plus' in path.stem)
