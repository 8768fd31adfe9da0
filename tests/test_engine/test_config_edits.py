# Copyright (c) mmocr_wsss contributors. All rights reserved.
import copy

import pytest
from mmengine.config import Config

from mmocr_wsss.engine.config_edits import (
    set_data_root,
    set_loader_defaults,
    set_output,
    set_pictures,
    set_precision,
    set_tta,
)


def wrapped(root, depth):
    """A dataset below ``depth`` wrappers, one of which joins two."""
    dataset = dict(type='D', data_root=root, pipeline=[dict(type='Load', data_root='keep')])
    for _ in range(depth):
        dataset = dict(type='W', dataset=dataset)
    return dict(type='ConcatDataset', datasets=[dataset, copy.deepcopy(dataset)])


def roots(dataset):
    return [node['dataset']['dataset']['data_root'] for node in dataset['datasets']]


def test_data_root_reaches_every_nested_dataset(tmp_path):
    cfg = Config(
        dict(
            data_root='old',
            train_dataloader=dict(dataset=wrapped('old', 2)),
            val_dataloader=dict(dataset=dict(type='D', data_root='other')),
            test_dataloader=None,
        )
    )
    set_data_root(cfg, str(tmp_path))
    assert roots(cfg.train_dataloader.dataset) == [str(tmp_path)] * 2
    assert cfg.val_dataloader.dataset.data_root == cfg.data_root == str(tmp_path)
    inner = cfg.train_dataloader.dataset.datasets[0].dataset.dataset
    assert inner.pipeline[0].data_root == 'keep'


def test_data_root_errors(tmp_path):
    cfg = Config(dict(train_dataloader=dict(dataset=dict(type='D', data_prefix='x'))))
    with pytest.raises(ValueError, match='no dataset .* has a data_root to replace'):
        set_data_root(cfg, str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no folder '.*missing'"):
        set_data_root(cfg, str(tmp_path / 'missing'))


@pytest.mark.parametrize(
    ('given', 'amp', 'cuda', 'kind'),
    [
        ('OptimWrapper', False, False, 'OptimWrapper'),
        ('OptimWrapper', True, False, 'mmocr_wsss.AutocastOptimWrapper'),
        ('OptimWrapper', True, True, 'AmpOptimWrapper'),
        ('AmpOptimWrapper', False, False, 'mmocr_wsss.AutocastOptimWrapper'),
        ('AmpOptimWrapper', True, True, 'AmpOptimWrapper'),
        ('mmocr_wsss.AutocastOptimWrapper', False, True, 'AmpOptimWrapper'),
        ('Special', False, True, 'Special'),
        (None, True, False, 'mmocr_wsss.AutocastOptimWrapper'),
    ],
)
def test_precision_fits_the_device(given, amp, cuda, kind):
    wrapper = dict(optimizer=dict(type='SGD'), loss_scale=512.0, accumulative_counts=2)
    if given:
        wrapper['type'] = given
    cfg = Config(dict(optim_wrapper=wrapper))
    set_precision(cfg, amp, cuda)
    assert cfg.optim_wrapper.type == kind
    assert cfg.optim_wrapper.accumulative_counts == 2
    # A scale that the config chose stays on a GPU and goes on a CPU, where none is taken.
    expected = None if kind == 'mmocr_wsss.AutocastOptimWrapper' else 512.0
    assert cfg.optim_wrapper.get('loss_scale') == expected


def test_precision_errors():
    with pytest.raises(ValueError, match="--amp replaces .*this config has 'Special'"):
        set_precision(Config(dict(optim_wrapper=dict(type='Special'))), True, False)
    with pytest.raises(ValueError, match='has no optim_wrapper'):
        set_precision(Config(dict(model=1)), True, False)


def test_tta_goes_to_the_innermost_pipeline():
    inner = dict(type='D', pipeline=['plain'])
    cfg = Config(
        dict(
            model=dict(type='M'),
            tta_model=dict(type='T', scales=[1]),
            tta_pipeline=['augmented'],
            test_dataloader=dict(dataset=dict(type='W', dataset=inner)),
        )
    )
    set_tta(cfg)
    assert cfg.test_dataloader.dataset.dataset.pipeline == ['augmented']
    assert 'pipeline' not in cfg.test_dataloader.dataset
    assert cfg.model == dict(type='T', scales=[1], module=dict(type='M'))


def test_tta_errors():
    dataset = dict(dataset=dict(type='D'))
    with pytest.raises(ValueError, match='defines no tta_model and no tta_pipeline'):
        set_tta(Config(dict(model=dict(), test_dataloader=dataset)))
    dumper = dict(type='mmocr_wsss.CAMDumper')
    with pytest.raises(ValueError, match='CAMs need none: they are made at all scales'):
        set_tta(Config(dict(model=dict(), test_dataloader=dataset, test_evaluator=dumper)))
    with pytest.raises(ValueError, match='no pipeline to replace'):
        set_tta(Config(dict(model=dict(), tta_model={}, tta_pipeline=[], test_dataloader=dataset)))


def test_output_goes_to_the_iou_metric_among_others():
    cfg = Config(dict(test_evaluator=[dict(type='mmocr_wsss.X'), dict(type='mmseg.IoUMetric')]))
    set_output(cfg, 'masks')
    assert [e.get('output_dir') for e in cfg.test_evaluator] == [None, 'masks']
    cfg = Config(dict(test_evaluator=dict(type='IoUMetric')))
    set_output(cfg, 'masks')
    assert cfg.test_evaluator.output_dir == 'masks'
    with pytest.raises(ValueError, match='--out needs one of IoUMetric'):
        set_output(Config(dict(test_evaluator=dict(type='Accuracy'))), 'masks')


def test_pictures_for_either_host():
    hooks = dict(visualization=dict(type='V'))
    seg = Config(dict(default_scope='mmseg', default_hooks=hooks, visualizer=dict(type='X')))
    set_pictures(seg, True, 'pictures', 0.5)
    expected = dict(type='V', draw=True, show=True, wait_time=0.5, interval=1)
    assert seg.default_hooks.visualization == expected
    assert seg.visualizer.save_dir == 'pictures'
    cls = Config(dict(default_scope='mmpretrain', default_hooks=hooks))
    set_pictures(cls, False, 'pictures', 2)
    assert cls.default_hooks.visualization.out_dir == 'pictures'
    assert cls.default_hooks.visualization.enable and not cls.default_hooks.visualization.show
    with pytest.raises(ValueError, match='need default_hooks.visualization'):
        set_pictures(Config(dict(model=1)), True, None, 2)


def test_pictures_of_cams_come_from_their_tool():
    cfg = Config(dict(test_evaluator=[dict(type='mmocr_wsss.CAMDumper')]))
    with pytest.raises(ValueError, match=r'python tools/analysis/show_cams\.py CAM_DIR'):
        set_pictures(cfg, False, 'pictures', 0)


def test_loaders_of_mmpretrain_stack_their_batches():
    cfg = Config(dict(default_scope='mmpretrain', train_dataloader=dict(batch_size=2)))
    set_loader_defaults(cfg)
    assert cfg.train_dataloader.collate_fn == dict(type='default_collate')
    cfg = Config(dict(default_scope='mmseg', train_dataloader=dict(batch_size=2)))
    set_loader_defaults(cfg)
    assert 'collate_fn' not in cfg.train_dataloader
