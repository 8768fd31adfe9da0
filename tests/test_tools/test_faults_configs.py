# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Configs that are no configs, and keys with wrong values: said by key or by name."""

import pytest
from fault_cases import Fault

TRAIN = 'train {seam} --data-root {root} --work-dir {work} --cfg-options {small} '
MINE = 'train {mine} --data-root {root} --work-dir {work} --cfg-options {small}'
TEST = 'test {seam} {weights} --data-root {root} --work-dir {work} --cfg-options {small} '
LOSS = 'model.decode_head.loss_decode'
DATA = 'train_dataloader.dataset.dataset'


def mine(text):
    """The config ``mine.py``, which inherits that of the world."""

    def spoil(world):
        world['mine'].write_text(text.replace('BASE', repr(str(world['seam']))))

    return spoil


FAULTS = [
    # no configs
    Fault(
        'empty',
        'train {mine} --work-dir {work}',
        ('mine.py', 'must have model=dict(...)', 'None'),
        mine(''),
    ),
    Fault(
        'syntax',
        MINE,
        ('mine.py cannot be read as a config', 'line 1', '_base_'),
        mine('model = dict('),
    ),
    Fault(
        'undefined name',
        MINE,
        ('mine.py cannot be read as a config', "'lr'"),
        mine('_base_ = BASE\nx = lr * 2'),
    ),
    Fault('base is gone', MINE, ('gone.py',), mine("_base_ = 'gone.py'")),
    Fault(
        'two bases say the same',
        MINE,
        ('mine.py cannot be read', 'uplicate'),
        mine('_base_ = [BASE, BASE]'),
    ),
    Fault('no Python', 'train {tags} --work-dir {work}', ('image_tags.json',)),
    Fault(
        'text', 'train {ids} --work-dir {work}', ('ids.txt cannot be read as a config', '_base_')
    ),
    Fault(
        'pipeline config',
        'train {pipeline_config} --work-dir {work}',
        ('seam_voc.py', 'must have model=dict(...)'),
    ),
    # the model
    Fault(
        'unknown model',
        TRAIN + 'model.type=mmocr_wsss.Candidate',
        ('mmocr_wsss.Candidate is not in',),
    ),
    Fault(
        'unknown loss',
        TRAIN + 'model.loss_oc.type=mmocr_wsss.OCLoss',
        ('mmocr_wsss.OCLoss is not in',),
    ),
    Fault(
        'unknown key',
        TRAIN + 'model.loss_oc.weight=3',
        ('OutOfCandidateLoss', "unexpected keyword argument 'weight'"),
    ),
    Fault('split', TRAIN + 'model.loss_oc.split=best', ('split', "'best'", 'adaptive')),
    Fault('threshold', TRAIN + 'model.loss_oc.threshold=2', ('threshold', '2')),
    Fault('start_iter', TRAIN + 'model.loss_oc.start_iter=-1', ('start_iter', '-1')),
    Fault('loss_oc_size', TRAIN + 'model.loss_oc_size=full', ('loss_oc_size', "'full'")),
    Fault(
        'too few classes',
        TRAIN + 'model.decode_head.num_classes=20',
        (
            'model.decode_head.num_classes must be 21',
            'got 20',
            '--cfg-options model.decode_head.num_classes=21',
        ),
    ),
    Fault(
        'too many classes',
        TRAIN + 'model.decode_head.num_classes=81',
        ('num_classes must be 21', 'train_dataloader', 'got 81'),
    ),
    Fault(
        'classes of a test',
        TEST + 'model.decode_head.num_classes=2',
        ('num_classes must be 21', 'got 2'),
    ),
    Fault(
        'classes of the data',
        TRAIN + DATA + '.classes=coco14',
        ('num_classes must be 81', 'train_dataloader'),
    ),
    Fault(
        'class weight',
        TRAIN + LOSS + '.class_weight=[1.0,2.0]',
        (
            'model.decode_head.loss_decode: CrossEntropyLoss',
            'class_weight and avg_non_ignore=True',
            'avg_non_ignore=False',
        ),
    ),
    Fault(
        'class weight of a test',
        TEST + LOSS + '.class_weight=[1.0,2.0]',
        ('avg_non_ignore=False',),
    ),
    Fault(
        'number of class weights',
        TRAIN + LOSS + '.class_weight=[1.0,2.0] ' + LOSS + '.avg_non_ignore=False',
        ('model.decode_head.loss_decode.class_weight must', '21', 'got 2'),
    ),
    Fault(
        'logging',
        TRAIN + 'default_hooks.logger.interval=0',
        ('default_hooks.logger.interval', 'at least 1', '0'),
    ),
    # the data
    Fault('unknown dataset', TRAIN + DATA + '.type=VOC', ('VOC is not in',)),
    Fault('unknown transform', TRAIN + DATA + '.pipeline.0.type=Load', ('Load is not in',)),
    Fault(
        'photos', TRAIN + DATA + '.data_prefix.img_path=gone', ('gone: no such folder', 'img_path')
    ),
    Fault(
        'masks',
        TRAIN + DATA + '.data_prefix.seg_map_path=gone',
        ('gone: no such folder', 'seg_map_path'),
    ),
    Fault(
        'true masks',
        TRAIN + DATA + '.data_prefix.seg_map_path=SegmentationClassAug',
        ('SegmentationClassAug', 'true masks', 'allow_true_masks'),
    ),
    Fault('suffix', TRAIN + DATA + '.img_suffix=.png', ('8 x', '.png', 'img_suffix')),
    Fault('tags', TRAIN + 'train_dataloader.dataset.tags=gone.json', ('gone.json',)),
    Fault('class set', TRAIN + DATA + '.classes=voc99', ("'voc99'", 'coco14')),
    Fault('sampler', TRAIN + 'train_dataloader.sampler.type=Random', ('Random is not in',)),
    Fault(
        'batch size 0',
        TRAIN + 'train_dataloader.batch_size=0',
        ('train_dataloader.batch_size', 'at least 1', '0'),
    ),
    Fault(
        'batch size',
        TRAIN + 'train_dataloader.batch_size=many',
        ('train_dataloader.batch_size', "'many'"),
    ),
    Fault(
        'workers',
        TRAIN + 'train_dataloader.num_workers=-1',
        ('train_dataloader.num_workers', 'at least 0', '-1'),
    ),
    Fault(
        'workers that persist',
        TRAIN + 'train_dataloader.persistent_workers=True',
        ('train_dataloader.persistent_workers', 'num_workers'),
    ),
    # the schedule
    Fault(
        'iterations', TRAIN + 'train_cfg.max_iters=0', ('train_cfg.max_iters', 'at least 1', '0')
    ),
    Fault(
        'iterations in words', TRAIN + 'train_cfg.max_iters=lots', ('train_cfg.max_iters', "'lots'")
    ),
    Fault(
        'validation',
        TRAIN + 'train_cfg.val_interval=0',
        ('train_cfg.val_interval', 'at least 1', '0'),
    ),
    Fault('unknown loop', TRAIN + 'train_cfg.type=Loop', ('Loop is not in',)),
    Fault(
        'unknown optimiser',
        TRAIN + 'optim_wrapper.optimizer.type=Best',
        ('optim_wrapper.optimizer.type', "'Best'", 'AdamW'),
    ),
    Fault(
        'learning rate',
        TRAIN + 'optim_wrapper.optimizer.lr=-1',
        ('optim_wrapper.optimizer.lr', 'at least 0', '-1'),
    ),
    Fault(
        'learning rate in words',
        TRAIN + 'optim_wrapper.optimizer.lr=high',
        ('optim_wrapper.optimizer.lr', "'high'"),
    ),
    Fault('unknown hook', TRAIN + 'default_hooks.checkpoint.type=Save', ('Save is not in',)),
    Fault(
        'checkpoint interval',
        TRAIN + 'default_hooks.checkpoint.interval=0',
        ('default_hooks.checkpoint.interval', 'at least 1', '0'),
    ),
    Fault('seed', TRAIN + 'randomness.seed=one', ('randomness.seed must be an integer', "'one'")),
    Fault(
        'best',
        TRAIN + 'default_hooks.checkpoint.save_best=IoU',
        ('Cannot infer the rule for key IoU', 'AtomicCheckpointHook'),
    ),
    # the rest
    Fault(
        'setting of a loop',
        TRAIN + 'train_cfg.max_iter=3',
        ('train_cfg.max_iter: IterBasedTrainLoop has no such setting; it has max_iters',),
    ),
    Fault(
        'key through a number',
        TRAIN + 'train_cfg.max_iters.x=3',
        ('--cfg-options', 'train_cfg.max_iters'),
    ),
    Fault(
        'index of a list', TRAIN + DATA + '.pipeline.99.prob=1', ('--cfg-options', 'pipeline', '99')
    ),
    Fault('unknown metric', TEST + 'test_evaluator.0.type=Score', ('Score is not in',)),
    Fault(
        'work folder is a file',
        'train {seam} --data-root {root} --work-dir {tags} --cfg-options {small}',
        ('--work-dir', 'image_tags.json'),
    ),
    Fault(
        'expected results',
        TEST.replace('{seam}', '{mine}').replace('--data', '--check --data'),
        ('expected_results', 'metric'),
        mine("_base_ = BASE\nexpected_results = [dict(metric='mIoU')]"),
    ),
]


@pytest.mark.parametrize('fault', FAULTS, ids=lambda fault: fault.name)
def test_wrong_config(fault, is_told):
    is_told(fault)
