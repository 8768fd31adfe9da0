# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the README shows is true: its configs run, its commands and knobs exist."""

import ast
import inspect
import json
import re
from pathlib import Path

import pytest
import torch
from cam_recipes import shrink, train
from doc_commands import blocks as blocks_of
from doc_commands import commands, parsed
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpretrain.registry import MODELS
from PIL import Image

import mmocr_wsss
from mmocr_wsss.datasets.transforms import PackScaledViews
from mmocr_wsss.engine import CAMLoop

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / 'README.md').read_text(encoding='utf-8')
BASELINE = """
default_scope = 'mmseg'
norm_cfg = dict(type='BN')
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size=(32, 32)),
    backbone=dict(type='ResNetV1c', depth=18, base_channels=8, stem_channels=8, norm_cfg=norm_cfg),
    decode_head=dict(
        type='FCNHead', in_channels=64, in_index=3, channels=8, num_convs=1, num_classes=21,
        norm_cfg=norm_cfg, loss_decode=dict(type='CrossEntropyLoss')),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
train_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        type='PascalVOCDataset', data_root={root!r},
        ann_file='ImageSets/Segmentation/train_aug.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='pseudo_masks'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
                  dict(type='RandomCrop', crop_size=(32, 32)), dict(type='PackSegInputs')]))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
default_hooks = dict(logger=dict(type='LoggerHook', interval=1))
log_processor = dict(by_epoch=False)
randomness = dict(seed=0)  # an untrained net must predict some class that is not tagged
"""


def blocks(language):
    return blocks_of(README, language)


def test_adding_the_loss_to_a_stock_config(tmp_path, voc_root):
    (block,) = [b for b in blocks('python') if 'my_baseline.py' in b]
    (tmp_path / 'my_baseline.py').write_text(BASELINE.format(root=str(voc_root)))
    (tmp_path / 'mine.py').write_text(block)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'run'), 'readme'
    Runner.from_cfg(cfg).train()
    (log,) = (tmp_path / 'run').glob('*/vis_data/scalars.json')
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    assert [step['loss_oc'] > 0 for step in steps] == [False, True]
    assert all(0 < step['oc_rate'] <= 1 for step in steps)


def test_any_backbone_makes_cams(tmp_path):
    (block,) = [b for b in blocks('python') if "type='ResNet'" in b]
    (tmp_path / 'mine.py').write_text(block)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    assert cfg.model.backbone.init_cfg.checkpoint == 'torchvision://resnet50'
    cfg.model.backbone.init_cfg = None
    init_default_scope('mmpretrain')
    model = MODELS.build(cfg.model).eval()
    # Stride 16 instead of 32.
    assert model.cams(torch.zeros(1, 3, 64, 96), torch.tensor([0, 7])).shape == (1, 2, 4, 6)


def test_pictures_during_training(tmp_path, voc_root):
    (block,) = [b for b in blocks('python') if 'CAMVisualizationHook' in b]
    (tmp_path / 'mine.py').write_text(block)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    shrink(cfg, voc_root, tmp_path / 'work')
    train(cfg)
    folder = next((tmp_path / 'work').glob('*/vis_data'))
    assert list(folder.glob('events.out.tfevents.*'))
    # 8 photos in batches of 2: no epoch ends within the two iterations.
    assert len(list((folder / 'vis_image').glob('cam_*_2.png'))) == 4


@pytest.mark.parametrize('path', sorted((ROOT / 'configs' / 'cam').glob('*_r38_*.py')))
def test_cam_recipes_are_in_the_table(path):
    stem, _, dataset = path.stem.rpartition('_')
    assert f'`{stem}_{{voc,coco}}.py`' in README and dataset in ('voc', 'coco')


def test_pretrained_files_are_those_of_the_configs():
    configs = ''.join(path.read_text() for path in (ROOT / 'configs').rglob('*.py'))
    named = set(re.findall(r'pretrained/\w+\.pth', README))
    assert len(named) >= 4
    assert all(f"checkpoint='{name}'" in configs for name in named)


def test_inheriting_one_of_our_configs(tmp_path):
    (block,) = [b for b in blocks('python') if "config_path('ocr/" in b]
    (tmp_path / 'mine.py').write_text(block)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    assert cfg.model.loss_oc.loss_weight == 0.5
    assert cfg.model.backbone.type == 'mmocr_wsss.WideResNet38'


def knobs(heading):
    """{argument: default} as the table below a heading says."""
    section = README.split(heading)[1].split('\n#')[0]
    return dict(re.findall(r'^\| `(\w+)` \| `?([^`|]+?)`? \|', section, flags=re.MULTILINE))


def defaults(function, *left_out):
    signature = inspect.signature(function).parameters
    return {k: repr(p.default) for k, p in signature.items() if k not in ('self', *left_out)}


def test_table_of_knobs_is_the_signature():
    expected = defaults(mmocr_wsss.OutOfCandidateLoss.__init__)
    assert knobs('### Knobs of `OutOfCandidateLoss`') == expected


def test_table_of_knobs_of_cam_making():
    host = ('runner', 'dataloader', 'evaluator')
    expected = defaults(CAMLoop.__init__, *host) | {'normalisation': 'by recipe'}
    assert knobs('### Knobs of CAM making') == expected
    for option, value in re.findall(r'`(test_dataloader[.\w]+)=(\S+?)`', README):
        cfg = Config.fromfile(ROOT / 'configs' / 'cam' / 'seam_r38_voc.py')
        step = cfg.test_dataloader.dataset.pipeline[1]
        argument = option.rpartition('.')[2]
        if argument == 'ann_file':
            continue
        assert argument in inspect.signature(PackScaledViews.__init__).parameters
        cfg.merge_from_dict({option: ast.literal_eval(value)})
        assert cfg.test_dataloader.dataset.pipeline[1][argument] == ast.literal_eval(value)
        assert step.type == 'mmocr_wsss.PackScaledViews'


def test_own_photos_and_classes(tmp_path, voc_root):
    (block,) = [b for b in blocks('python') if "'scratch'" in b]
    (tmp_path / 'mine.py').write_text(block)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    folder = tmp_path / 'data' / 'JPEGImages'
    folder.mkdir(parents=True)
    for path in sorted((voc_root / 'JPEGImages').iterdir())[:6]:
        Image.open(path).save(folder / f'{path.stem}.png')
    ids = [path.stem for path in folder.iterdir()]
    (folder.parent / 'image_tags.json').write_text(json.dumps({i: ['dent'] for i in ids}))
    cfg.work_dir, cfg.train_cfg.max_iters = str(tmp_path / 'work'), 2
    cfg.model.backbone.init_cfg = None
    for name in ('train_dataloader', 'test_dataloader'):
        cfg[name].dataset.data_root = str(folder.parent)
        cfg[name].update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.update(batch_size=2)
    Runner.from_cfg(cfg).train()
    cfg.load_from = str(tmp_path / 'work' / 'iter_2.pth')
    cfg.experiment_name = 'own'
    assert Runner.from_cfg(cfg).test() == {'cam/written': len(ids)}


def test_named_files_exist():
    text = '\n'.join(blocks('bash'))
    named = set(
        re.findall(r'(?:configs|tools|benchmarks|requirements)/[\w./-]+\.(?:py|sh|txt)', text)
    )
    assert len(named) >= 5
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize('words', commands(README), ids=lambda words: ' '.join(words)[:70])
def test_command_parses(words):
    args = parsed(words)
    assert args is not None or words[0] in ('git', 'make', 'pip')


@pytest.mark.parametrize('stem', ['affinitynet', 'seam', 'mctformer'])
@pytest.mark.parametrize('dataset', ['voc', 'coco'])
def test_table_of_configs(stem, dataset):
    assert f'`{stem}_r38_{{voc,coco}}.py`' in README
    for folder in ('segmentation', 'ocr'):
        assert (ROOT / 'configs' / folder / f'{stem}_r38_{dataset}.py').exists()
