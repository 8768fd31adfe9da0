# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Any split of a segmenter's config becomes its test, from tags alone where there are no masks."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmocr_wsss.engine.config_edits import nodes, set_data_root
from mmocr_wsss.engine.evaluated_split import set_evaluated_split

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
LEAVES = sorted(path for kind in ('segmentation', 'ocr') for path in (CONFIGS / kind).glob('*.py'))
EFFNET = CONFIGS / 'ocr' / 'effnet-lite0_voc-animals.py'


def leaf(cfg):
    (found,) = (node for node in nodes(cfg.test_dataloader.dataset) if 'pipeline' in node)
    return found


def steps(node):
    return [step['type'] for step in node['pipeline']]


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: f'{path.parent.name}-{path.stem}')
def test_train_takes_the_photos_of_training_and_the_pipeline_of_validation(path):
    cfg, before = Config.fromfile(path), Config.fromfile(path)
    set_evaluated_split(cfg, 'train', tags_only=False)
    inner, old = leaf(cfg), before.train_dataloader.dataset.dataset
    assert inner.ann_file == old.ann_file and inner.type == old.type and inner.test_mode
    assert inner.data_prefix == dict(img_path=old.data_prefix.img_path)
    whole = [s for s in steps(before.val_dataloader.dataset.dataset) if s != 'LoadAnnotations']
    assert steps(inner) == whole
    assert cfg.test_dataloader.sampler == dict(type='DefaultSampler', shuffle=False)
    assert cfg.test_dataloader.dataset.tags == before.train_dataloader.dataset.tags
    assert cfg.train_dataloader is cfg.val_dataloader is cfg.optim_wrapper is None


@pytest.mark.parametrize('split', ['val', 'test'])
def test_masks_are_read_where_there_are_some(voc_root, tmp_path, split):
    def loads(root, tags_only=False):
        cfg = Config.fromfile(EFFNET)
        set_data_root(cfg, str(root))
        cfg.test_dataloader.batch_size = 3
        set_evaluated_split(cfg, split, tags_only=tags_only)
        assert cfg.test_dataloader.get('batch_size') == (3 if split == 'test' else 1)
        return 'LoadAnnotations' in steps(leaf(cfg))

    assert loads(voc_root)
    assert not loads(voc_root, tags_only=True)
    assert not loads(tmp_path)


def test_wrappers_that_repeat_are_taken_off():
    cfg = Config.fromfile(EFFNET)
    tagged = cfg.train_dataloader.dataset
    tagged.dataset = dict(type='mmengine.RepeatDataset', times=3, dataset=tagged.dataset)
    cfg.train_dataloader.dataset = dict(
        type='ConcatDataset',
        datasets=[dict(type='RepeatDataset', times=2, dataset=tagged)],
    )
    set_evaluated_split(cfg, 'train', tags_only=False)
    kinds = [node['type'] for node in nodes(cfg.test_dataloader.dataset) if 'type' in node]
    assert kinds == ['ConcatDataset', 'mmocr_wsss.ImageTagDataset', 'mmocr_wsss.PseudoMaskDataset']


def test_what_a_config_lacks_is_said():
    cfg = Config.fromfile(EFFNET)
    cfg.val_dataloader = None
    with pytest.raises(ValueError, match='--split val: .* no val_dataloader. It has train, test'):
        set_evaluated_split(cfg, 'val', tags_only=False)
    cfg.test_dataloader = None
    with pytest.raises(ValueError, match='--split train: neither .* has a pipeline'):
        set_evaluated_split(cfg, 'train', tags_only=False)
