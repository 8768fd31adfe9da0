# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Pictures of training: where they go, when they come, and that training does not notice."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from exact_resume import differing, write_config
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from PIL import Image

from mmocr_wsss.visualization import CAMVisualizationHook, cam_visualization_hook

PIPELINE = [
    dict(type='mmocr_wsss.LoadPhoto'),
    dict(type='mmocr_wsss.PackScaledViews', scales=(1.0,)),
]
SETTINGS = dict(
    type='mmocr_wsss.CAMVisualizationHook', pipeline=PIPELINE, normalisation='max',
    background_threshold=0.3, num_images=2,
)  # fmt: skip


@pytest.fixture
def config(voc_root, tmp_path):
    cfg = Config.fromfile(write_config(tmp_path))
    for loader in ('train_dataloader', 'val_dataloader'):
        cfg[loader].dataset.data_root = str(voc_root)
    cfg.work_dir = str(tmp_path / 'work')
    cfg.train_cfg.max_iters = 5
    return cfg


def train(cfg, name=None, **hook):
    Visualizer._instance_dict.clear()
    cfg = cfg.copy()
    if name:
        cfg.work_dir = str(cfg.work_dir) + name
    if hook.pop('use', True):
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), SETTINGS | hook]
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def log_dir(runner):
    return Path(runner.work_dir) / runner.timestamp / 'vis_data'


def pictures(runner):
    """{image id: iterations} of what the local backend wrote."""
    found = {}
    for path in sorted((log_dir(runner) / 'vis_image').glob('*.png')):
        name, step = path.stem.rsplit('_', 1)
        found.setdefault(name.removeprefix('cam_'), []).append(int(step))
    return {name: sorted(steps) for name, steps in found.items()}


def test_every_n_iterations_and_at_the_end(config, voc_root):
    runner = train(config, interval=2, by_epoch=False)
    shown = pictures(runner)
    assert len(shown) == 2 and all(steps == [2, 4, 5] for steps in shown.values())
    tags = json.loads((voc_root / 'image_tags.json').read_text())
    assert all(tags[image_id] for image_id in shown)
    name = next(iter(shown))
    path = log_dir(runner) / 'vis_image' / f'cam_{name}_5.png'
    assert np.asarray(Image.open(path)).std() > 10


def test_epochs_of_an_iteration_based_loop(config):
    # 8 images in batches of 3: an epoch is 3 iterations.
    assert set(map(tuple, pictures(train(config, num_images=1)).values())) == {(3, 5)}
    shown = pictures(train(config, name='2', num_images=1, interval=2))
    assert set(map(tuple, shown.values())) == {(5,)}


def test_the_final_state_is_drawn_once(config):
    assert set(map(tuple, pictures(train(config, interval=5, by_epoch=False)).values())) == {(5,)}


def test_training_does_not_notice(config, tmp_path):
    train(config, name='_with', interval=1, by_epoch=False)
    train(config, name='_without', use=False)
    with_hook, without = (tmp_path / f'work_{kind}' / 'iter_5.pth' for kind in ('with', 'without'))
    assert differing(with_hook, without) == []


def test_modes_and_random_states_stay(config, monkeypatch):
    """Also where nobody seeds every iteration."""
    seen = []
    draw = CAMVisualizationHook._draw

    def watched(self, runner, step):
        frozen = next(m for m in runner.model.modules() if isinstance(m, torch.nn.BatchNorm2d))
        frozen.eval()
        before = [m.training for m in runner.model.modules()], torch.get_rng_state()
        draw(self, runner, step)
        after = [m.training for m in runner.model.modules()], torch.get_rng_state()
        seen.append(before[0] == after[0] and torch.equal(before[1], after[1]))

    monkeypatch.setattr(CAMVisualizationHook, '_draw', watched)
    train(config, interval=2, by_epoch=False)
    assert seen == [True] * 3


def test_tensorboard(config):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    config.visualizer = dict(type='Visualizer', vis_backends=backends)
    runner = train(config, num_images=1, interval=4, by_epoch=False)
    runner.visualizer.close()
    events = EventAccumulator(str(log_dir(runner)))
    events.Reload()
    (tag,) = [tag for tag in events.Tags()['images'] if tag.startswith('cam_')]
    shown = events.Images(tag)
    assert [one.step for one in shown] == [4, 5]
    assert shown[0].encoded_image_string.startswith(b'\x89PNG') and shown[0].width > 300


def test_only_the_main_process_draws(config, monkeypatch):
    import mmengine.dist.utils as dist

    monkeypatch.setattr(dist, 'is_main_process', lambda group=None: False)
    assert pictures(train(config, by_epoch=False)) == {}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(normalisation='none'), r"normalisation must be one of .* got 'none'"),
        (dict(num_images=0), 'num_images must be >= 1, got 0'),
        (dict(interval=0), 'interval must be >= 1, got 0'),
        (dict(background_threshold=None), 'background_threshold must be a number, got None'),
    ],
)
def test_bad_settings(changes, message):
    settings = {key: value for key, value in SETTINGS.items() if key != 'type'}
    with pytest.raises(ValueError, match=message):
        CAMVisualizationHook(**settings | changes)


def test_a_model_without_cams_is_refused_before_training(config):
    config.merge_from_dict(dict(model=dict(
        type='ImageClassifier', neck=dict(type='GlobalAveragePooling'),
        head=dict(
            _delete_=True, type='MultiLabelLinearClsHead', num_classes=20, in_channels=32
        ),
    )))  # fmt: skip
    with pytest.raises(ValueError, match='needs a model with cams, got ImageClassifier'):
        train(config)


def test_images_without_tags_are_left_out():
    class Data(list):
        def get_data_info(self, index):
            return self[index]

    data = Data(
        dict(img_id=str(n), gt_score=np.array([float(n % 2)], np.float32)) for n in range(9)
    )
    chosen = cam_visualization_hook._tagged_items(data, 2)
    assert [item['img_id'] for item in chosen] == ['1', '5']
    assert len(cam_visualization_hook._tagged_items(data, 20)) == 4
    with pytest.raises(ValueError, match='no training image has tags'):
        cam_visualization_hook._tagged_items(Data([data[0]]), 2)
    with pytest.raises(ValueError, match='items of Data need gt_score'):
        cam_visualization_hook._tagged_items(Data([dict(img_id='0')]), 2)
