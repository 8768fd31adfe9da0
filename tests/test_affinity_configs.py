# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Every recipe of configs/affinity trains and writes pseudo masks, with one process and two."""

import json
import re
from functools import cache

import affinity_recipes
import cam_recipes
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from test_cam_configs import trained_groups

from mmocr_wsss.cam_files import read_cam
from mmocr_wsss.stage_files import read_stage

LEAVES = affinity_recipes.LEAVES
METHODS = ('affinitynet', 'seam', 'mctformer')


def of(name):
    return affinity_recipes.CONFIGS / 'affinity' / f'{name}.py'


def test_three_methods_on_two_datasets():
    names = {path.stem for path in LEAVES}
    assert {f'{method}_r38_{data}' for method in METHODS for data in ('voc', 'coco')} <= names


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('recipes')


@pytest.fixture(scope='module')
def one_process(folder, voc_root):
    """Trains a recipe and walks once: name -> (runner, changed, metrics, folder)."""

    @cache
    def run(path):
        place = folder / path.stem
        classes = 'coco14' if 'coco' in path.stem else 'voc'
        data = Config.fromfile(
            cam_recipes.CONFIGS / 'cam' / f'seam_r38_{classes.removesuffix("14")}.py'
        )
        cam_recipes.write_data(data, voc_root, place / 'data')
        ids = (place / 'data' / data.train_dataloader.dataset.ann_file).read_text().split()
        affinity_recipes.write_stage_files(place / 'data', classes, ids)
        cfg = affinity_recipes.tiny_config(path, place / 'data', place / 'one')
        trained = cam_recipes.train(cfg)
        checkpoint = place / 'one' / f'iter_{affinity_recipes.STEPS}.pth'
        metrics = affinity_recipes.make_masks(cfg, checkpoint, place / 'one' / 'masks')
        return *trained, metrics, place / 'one'

    return run


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_recipe_trains_and_writes_masks(one_process, path):
    runner, changed, metrics, place = one_process(path)
    (log,) = (log for log in place.glob('*/vis_data/scalars.json') if 'loss' in log.read_text())
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(steps) == affinity_recipes.STEPS
    for step in steps:
        terms = [step[f'loss_{name}'] for name in ('background', 'foreground', 'negative')]
        assert sum(terms) == pytest.approx(step['loss'], rel=1e-4) and min(terms) > 0
    trained = {key for key, p in runner.model.named_parameters() if p.requires_grad}
    for part in ('backbone.', 'head.reduce.0', 'head.reduce.2', 'head.embed'):
        assert any(key.startswith(part) for key in changed & trained), part
    assert metrics == {'pseudo_masks/written': 7}
    stage = read_stage(place / 'masks')
    assert stage['stage'] == 'pseudo_masks' and stage['num_images'] == 7
    used = set()
    for file in (place.parent / 'data' / 'cams').glob('*.npz'):
        with Image.open(place / 'masks' / f'{file.stem}.png') as image:
            assert image.mode == 'P' and image.size == (64, 48)
            ids = set(np.unique(np.asarray(image)).tolist())
        assert ids <= {0, *read_cam(file).class_ids.tolist()}
        used |= ids
        with np.load(place / 'masks' / 'scores' / file.name) as arrays:
            assert arrays['scores'].shape == (3, 6, 8) and arrays['scores'].dtype == np.float16
    assert 0 in used and len(used) > 2


def test_two_processes_write_the_bytes_of_one(one_process, run_process, folder):
    paths = [of(f'{method}_r38_{data}') for method in METHODS for data in ('voc', 'coco')]
    for path in paths:
        one_process(path)
    cam_recipes.run_in_two_processes(run_process, affinity_recipes.__file__, folder, paths)
    for path in paths:
        one, two = cam_recipes.files_of_both(folder / path.stem, 'masks')
        assert len(one) == 15 and one == two, path.stem  # masks, scores and stage.json


@pytest.mark.parametrize(
    ('name', 'lr', 'iters', 'walk'),
    [
        ('affinitynet_r38_voc', 0.1, 1322 * 8, dict(steps=256, beta=8, background_power=16)),
        ('seam_r38_voc', 0.01, 1322 * 8, dict(steps=64, beta=8, background_power=6)),
        ('mctformer_r38_voc', 0.01, 1322 * 5, dict(steps=64, beta=8, background_threshold=0.39)),
    ],
)
def test_convention_settings_are_the_published_ones(name, lr, iters, walk):
    found, defaults, cfg = trained_groups(of(name))
    # 43 convolutions of which conv1a and the 7 of b2 are frozen; f8_3, f8_4, f8_5, f9
    assert found == {(1, 5e-4): 35, (10, 5e-4): 4}
    assert (defaults['lr'], defaults['momentum']) == (lr, 5e-4)
    assert cfg.train_cfg.max_iters == iters and cfg.auto_scale_lr.base_batch_size == 8
    assert {key: value for key, value in cfg.test_cfg.items() if key != 'type'} == walk


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_layout_of_recipe(path):
    text = path.read_text(encoding='utf-8')
    header = '\n'.join(line for line in text.splitlines() if line[:1] == '#')
    assert all(word in header for word in ('Needs', 'Run', 'Pseudo masks', 'Gives'))
    cfg = Config.fromfile(path)
    # The CAMs that the header names are those that the walk reads, in a folder that their
    # recipe writes, and the labels go where training looks for them.
    cams = cfg.test_dataloader.dataset.stage_dir
    assert f'make_affinity_labels.py {cams} ' in header
    recipe = re.fullmatch(r'work_dirs/(cam/\S+)/cams', cams).group(1)
    assert (affinity_recipes.CONFIGS / f'{recipe}.py').is_file()
    assert f'--out {cfg.train_dataloader.dataset.stage_dir} ' in header
    assert 'seg_map' not in str(cfg.train_dataloader) + str(cfg.test_dataloader)
