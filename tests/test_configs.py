# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Every config is built, trained for two iterations and validated on tiny photos."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from published_optimisers import factors, groups

from mmocr_wsss.labels import foreground_classes, palette

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
# The other kinds have tests of their own: test_{cam,affinity}_configs.py, and in test_tools
# test_pipeline.py and, for the demo's, test_demo.py.
OTHERS = {
    '_base_',
    'cam',
    'affinity',
    'pipelines',
    'experiments',
    'cam_synthetic.py',
    'affinity_synthetic.py',
}
LEAVES = sorted(p for p in CONFIGS.rglob('*.py') if not OTHERS & set(p.parts))
WITH_TERM = [p for p in LEAVES if 'loss_oc' in p.read_text(encoding='utf-8')]
STOCK_CLASSES = {'PascalVOCDataset': 'voc', 'mmocr_wsss.COCO14Dataset': 'coco14'}
CROP = (64, 64)


def name(path):
    return str(path.relative_to(CONFIGS))


def tagged_datasets(cfg):
    return [cfg[loader].dataset for loader in ('train_dataloader', 'val_dataloader')]


def write_data(cfg, root):
    """Four photos of 48 x 64 per split, in exactly the layout that the config names."""
    rng = np.random.default_rng(0)
    tags = {}
    for split, wrapper in enumerate(tagged_datasets(cfg)):
        inner = wrapper.dataset
        names = foreground_classes(inner.get('classes') or STOCK_CLASSES[inner.type])
        ids = [f'2007_00000{4 * split + number}' for number in range(4)]
        folders = [root / inner.data_prefix[key] for key in ('img_path', 'seg_map_path')]
        ann_file = root / inner.ann_file
        for folder in (*folders, ann_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        for image_id in ids:
            class_id = int(rng.integers(1, len(names) + 1))
            mask = np.zeros((48, 64), np.uint8)
            mask[8:30, 10:50] = class_id
            picture = Image.fromarray(mask, mode='P')
            picture.putpalette(np.array(palette(256), np.uint8).ravel().tolist())
            picture.save(folders[1] / f'{image_id}.png')
            photo = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
            Image.fromarray(photo).save(folders[0] / f'{image_id}.jpg')
            tags[image_id] = [names[class_id - 1]]
        ann_file.write_text('\n'.join(ids) + '\n')
        (root / wrapper.tags).write_text(json.dumps(tags))


def shrink(cfg, root, work_dir):
    """Small widths, crops and schedule; everything else stays as the config has it."""
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].update(num_workers=0, persistent_workers=False, batch_size=2)
        cfg[loader].dataset.dataset.data_root = str(root)
        for transform in cfg[loader].dataset.dataset.pipeline:
            if 'crop_size' in transform:
                transform.crop_size = CROP
    cfg.val_dataloader.batch_size = 1
    cfg.model.data_preprocessor.size = CROP
    backbone, head = cfg.model.backbone, cfg.model.decode_head
    backbone.init_cfg = None
    if backbone.type == 'mmocr_wsss.WideResNet38':
        backbone.width_mult = 1 / 16
        head.update(in_channels=256, channels=16)
    elif backbone.type == 'ResNetV1c' and backbone.depth == 50:
        backbone.update(base_channels=8, stem_channels=8)
        head.update(in_channels=256, c1_in_channels=32)
        cfg.model.auxiliary_head.in_channels = 128
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.default_hooks.logger.interval = 1
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = cfg.visualizer.name = str(work_dir)[-60:].replace('/', '_')


def train(path, tmp_path):
    cfg = Config.fromfile(path)
    write_data(cfg, tmp_path / 'data')
    shrink(cfg, tmp_path / 'data', tmp_path / 'run')
    runner = Runner.from_cfg(cfg)
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    changed = [k for k, v in runner.model.state_dict().items() if not v.equal(before[k])]
    (log,) = (tmp_path / 'run').glob('*/vis_data/scalars.json')
    return runner, changed, [json.loads(line) for line in log.read_text().splitlines()]


def test_there_are_configs():
    assert len(LEAVES) >= 18 and len(WITH_TERM) >= 9


@pytest.mark.parametrize('path', LEAVES, ids=name)
def test_config_trains_and_validates(path, tmp_path):
    runner, changed, log = train(path, tmp_path)
    steps = [line for line in log if 'loss' in line]
    (val,) = [line for line in log if 'mIoU' in line]
    assert len(steps) == 2 and all(np.isfinite(step['loss']) for step in steps)
    assert any('decode_head' in key for key in changed)
    assert any('backbone' in key for key in changed)
    assert 0 <= val['oc_rate'] <= 1
    assert (tmp_path / 'run' / 'iter_2.pth').exists()
    if path in WITH_TERM:
        assert all(0 < step['oc_rate'] <= 1 for step in steps)
        # start_iter=0.5 of two iterations: off in the first, on in the second
        assert [step['loss_oc'] > 0 for step in steps] == [False, True]
        assert runner.model.loss_oc.prior is not None
        assert (tmp_path / 'run' / 'annotation_correlation.json').exists()


@pytest.mark.parametrize('path', WITH_TERM, ids=name)
def test_the_term_is_all_that_is_added(path):
    text = path.read_text(encoding='utf-8')
    text = text.partition('\nexpected_results = ')[0]
    code = [line for line in text.splitlines() if line and not line.startswith('#')]
    assert len(code) <= 12
    ours = Config.fromfile(path).to_dict()
    (base,) = [line.split("'")[1] for line in code if line.startswith('_base_')]
    baseline = Config.fromfile(path.parent / base).to_dict()
    for config in (ours, baseline):
        config.pop('expected_results', None)
    assert ours.pop('custom_hooks') == [dict(type='mmocr_wsss.AnnotationCorrelationHook')]
    assert ours['model'].pop('loss_oc')['type'] == 'mmocr_wsss.OutOfCandidateLoss'
    assert ours['model'].pop('type') == 'mmocr_wsss.CandidateEncoderDecoder'
    assert baseline['model'].pop('type') == 'EncoderDecoder'
    assert ours == baseline


def depth(path):
    text = path.read_text(encoding='utf-8')
    if '_base_ =' not in text:
        return 1
    bases = Config._get_base_files(str(path))
    return 1 + max(depth((path.parent / base).resolve()) for base in bases)


@pytest.mark.parametrize('path', LEAVES, ids=name)
def test_layout_of_config(path):
    assert depth(path) <= 3
    cfg = Config.fromfile(path)
    assert cfg.default_scope == 'mmseg'
    train_masks = cfg.train_dataloader.dataset.dataset.data_prefix.seg_map_path
    true_masks = cfg.val_dataloader.dataset.dataset.data_prefix.seg_map_path
    assert train_masks.startswith('pseudo_masks') and not true_masks.startswith('pseudo')
    assert true_masks not in str(cfg.train_dataloader)
    assert cfg.train_dataloader.dataset.dataset.type == 'mmocr_wsss.PseudoMaskDataset'
    comments = [line for line in path.read_text(encoding='utf-8').splitlines() if line[:1] == '#']
    header = '\n'.join(comments)
    for word in ('Run', 'Needs', 'Gives') if path.parent.name == 'segmentation' else ('Gives',):
        assert word in header, f'{path}: the header comment lacks {word!r}'


def trained_groups(path):
    """As :func:`published_optimisers.groups`, and the config."""
    from mmseg.registry import MODELS
    from mmseg.utils import register_all_modules

    register_all_modules()
    cfg = Config.fromfile(path)
    cfg.model.backbone.update(init_cfg=None, width_mult=1 / 16)
    cfg.model.decode_head.update(in_channels=256, channels=16)
    return *groups(MODELS.build(cfg.model), cfg), cfg


def test_convention_parameter_groups_are_the_published_ones():
    # SEAM: 43 backbone convolutions, 3 of the head at 10x, the classifier's bias at 20x undecayed
    found, defaults, cfg = trained_groups(CONFIGS / 'segmentation/seam_r38_voc.py')
    assert found == {(1, 5e-4): 43, (10, 5e-4): 3, (20, 0): 1}
    assert (defaults['lr'], defaults['momentum']) == (0.001, 0.9)
    assert (cfg.train_cfg.max_iters, cfg.train_dataloader.batch_size) == (20000, 5)
    # MCTformer: conv1a frozen; two weights and two biases of the head at 10x; momentum 1e-5
    found, defaults, cfg = trained_groups(CONFIGS / 'segmentation/mctformer_r38_voc.py')
    assert found == {(1, 0): 42, (10, 0): 4}
    assert (defaults['lr'], defaults['momentum']) == (0.0007, 1e-5)
    assert (cfg.train_cfg.max_iters, cfg.train_dataloader.batch_size) == (79350, 4)


@pytest.mark.parametrize(
    ('path', 'total'),
    [('segmentation/seam_r38_voc.py', 20001), ('segmentation/mctformer_r38_voc.py', 79350)],
)
def test_convention_poly_schedule_is_the_published_one(path, total):
    for step, factor in factors(Config.fromfile(CONFIGS / path), (0, 1, 5000, 19000)).items():
        assert factor == pytest.approx((1 - step / total) ** 0.9, rel=1e-6)
