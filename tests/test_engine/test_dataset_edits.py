# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Every config follows a dataset.json: classes, lists, folders, with and without masks."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from mmengine.config import Config

from mmocr_wsss.dataset_file import DatasetFacts, Split
from mmocr_wsss.engine.config_edits import drop_idle_writers, nodes, set_output
from mmocr_wsss.engine.dataset_edits import set_dataset, without_annotations
from mmocr_wsss.labels import CLASS_SETS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
FOLDERS = ('cam', 'affinity', 'segmentation', 'ocr', 'demo')
LEAVES = sorted(path for folder in FOLDERS for path in (CONFIGS / folder).glob('*.py'))
TRAIN = Split('lists/train.txt', 'images')
VAL = Split('lists/val.txt', 'held_out')
MASKED = VAL._replace(masks='true_masks')
CLASSES = ('cat', 'dog', 'horse')


def facts(train=TRAIN, val=MASKED, background=True):
    return DatasetFacts(CLASSES, background, '.png', 'tags.json', train, val)


def edited(path, **changes):
    cfg = Config.fromfile(path)
    set_dataset(cfg, facts(**changes))
    return cfg


def leaves(cfg, loader):
    return [node for node in nodes(cfg[loader].dataset) if 'data_root' in node]


def class_numbers(node):
    if isinstance(node, Mapping):
        yield from [node['num_classes']] if 'num_classes' in node else []
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from class_numbers(child)


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: f'{path.parent.name}-{path.stem}')
def test_every_config_follows(path):
    before, cfg = Config.fromfile(path), edited(path)
    assert len(cfg.model) == len(before.model)
    assert set(class_numbers(cfg.model)) <= {3, 4}
    assert bool(list(class_numbers(cfg.model))) == bool(list(class_numbers(before.model)))
    for loader, split in (('train_dataloader', TRAIN), ('val_dataloader', MASKED)):
        for leaf in leaves(cfg, loader) if cfg.get(loader) else ():
            assert leaf['ann_file'] == split.list and leaf['img_suffix'] == '.png'
            assert leaf['data_prefix']['img_path'] == split.images
            assert leaf.get('classes', list(CLASSES)) == list(CLASSES)
        for node in nodes(cfg[loader].dataset) if cfg.get(loader) else ():
            assert node.get('tags', 'tags.json') == 'tags.json'
    if path.parent.name in ('segmentation', 'ocr'):
        (train,), (val,) = leaves(cfg, 'train_dataloader'), leaves(cfg, 'val_dataloader')
        (old,) = leaves(before, 'train_dataloader')
        assert train['data_prefix']['seg_map_path'] == old['data_prefix']['seg_map_path']
        assert val['type'] == 'mmocr_wsss.PseudoMaskDataset' and val['test_mode']
        assert val['data_prefix']['seg_map_path'] == 'true_masks'
        assert leaves(cfg, 'test_dataloader')[0]['ann_file'] == VAL.list
        assert cfg.val_evaluator == before.val_evaluator
    else:  # what makes files reads the training images
        assert leaves(cfg, 'test_dataloader')[0]['ann_file'] in (TRAIN.list, VAL.list)
        if path.parent.name in ('cam', 'affinity'):
            assert leaves(cfg, 'test_dataloader')[0]['ann_file'] == TRAIN.list


def test_without_masks_there_are_no_annotations_and_no_iou():
    cfg = edited(CONFIGS / 'ocr' / 'mctformer_r38_voc.py', val=VAL)
    (val,) = leaves(cfg, 'val_dataloader')
    assert 'seg_map_path' not in val['data_prefix']
    assert [step['type'] for step in val['pipeline']] == ['LoadImageFromFile', 'PackSegInputs']
    assert [metric['type'] for metric in cfg.val_evaluator] == ['mmocr_wsss.OutOfCandidateRate']
    assert 'LoadAnnotations' not in str(cfg.tta_pipeline)
    assert 'LoadAnnotations' in str(Config.fromfile(cfg.filename).tta_pipeline)
    written = edited(CONFIGS / 'ocr' / 'mctformer_r38_voc.py', val=VAL)
    set_output(written, 'OUT')
    drop_idle_writers(written)
    assert written.test_evaluator[0].format_only and written.test_evaluator[0].output_dir == 'OUT'
    drop_idle_writers(cfg)
    assert [metric['type'] for metric in cfg.test_evaluator] == ['mmocr_wsss.OutOfCandidateRate']


def test_without_validation_images_training_ones_are_tested():
    path = CONFIGS / 'segmentation' / 'seam_r38_voc.py'
    cfg = edited(path, val=None)
    assert cfg.val_dataloader is cfg.val_cfg is cfg.val_evaluator is None
    (test,) = leaves(cfg, 'test_dataloader')
    assert test['ann_file'] == TRAIN.list and 'seg_map_path' not in test['data_prefix']
    scored = TRAIN._replace(masks='true_masks', scored_list='lists/scored.txt')
    cfg = edited(path, val=None, train=scored)
    (test,) = leaves(cfg, 'test_dataloader')
    assert test['ann_file'] == 'lists/scored.txt'
    assert test['data_prefix']['seg_map_path'] == 'true_masks'


def test_without_a_background_class():
    cfg = edited(CONFIGS / 'ocr' / 'seam_r38_coco.py', background=False)
    assert cfg.model.loss_oc.background is False
    assert cfg.train_dataloader.dataset.background is cfg.val_dataloader.dataset.background is False
    cfg = edited(CONFIGS / 'cam' / 'seam_r38_coco.py', background=False)
    assert (
        cfg.test_cfg.background_threshold == 0 and cfg.test_dataloader.dataset.background is False
    )
    assert 'background' not in edited(CONFIGS / 'ocr' / 'seam_r38_coco.py').train_dataloader.dataset


def test_a_config_of_two_class_sets_is_refused():
    cfg = Config.fromfile(CONFIGS / 'ocr' / 'seam_r38_voc.py')
    cfg.train_dataloader.dataset.dataset.classes = ['one', 'two']
    with pytest.raises(ValueError, match=r"different numbers of classes \(\{'train_dataloader': 2"):
        set_dataset(cfg, facts())


def test_annotations_are_found_in_branches():
    load, pack = dict(type='LoadAnnotations'), dict(type='Pack')
    tta = dict(type='TestTimeAug', transforms=[[dict(type='Flip')], [load], [load, pack]])
    assert without_annotations([load, tta, pack]) == [
        dict(type='TestTimeAug', transforms=[[dict(type='Flip')], [pack]]), pack
    ]  # fmt: skip


@pytest.mark.parametrize(
    'changes, kept',
    [
        ({}, True),
        (dict(classes=CLASSES), False),
        (dict(val=Split('lists/val.txt', 'images/val2014', 'masks/val2014')), False),
        (dict(val=Split('lists/val2014.txt', 'images/val2014', 'other_masks')), False),
        (dict(val=Split('lists/val2014.txt', 'images/val2014')), False),
        (dict(val=None), False),
    ],
)
def test_expected_results_stay_with_the_data_that_the_config_is_written_for(changes, kept):
    coco = DatasetFacts(
        CLASS_SETS['coco14'],
        True,
        '.jpg',
        'image_tags.json',
        *(Split(f'lists/{s}.txt', f'images/{s}', f'masks/{s}') for s in ('train2014', 'val2014')),
    )
    cfg = Config.fromfile(CONFIGS / 'ocr' / 'mctformer_r38_coco.py')
    set_dataset(cfg, coco._replace(**changes))
    assert ('expected_results' in cfg) == kept
