# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the command-line options of ``tools/`` change in a config; each edits it in place."""

import os.path as osp
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config, ConfigDict

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def set_data_root(cfg: Config, data_root: str) -> None:
    """Replace ``data_root`` in every dataset, wrapped ones included.

    Raises:
        FileNotFoundError: the folder does not exist.
        ValueError: no dataset of the config has a ``data_root``.
    """
    if not osp.isdir(data_root):
        raise FileNotFoundError(f'--data-root: there is no folder {data_root!r}.')
    rooted = [
        node
        for loader in LOADERS
        if cfg.get(loader)
        for node in nodes(cfg[loader].get('dataset'))
        if 'data_root' in node
    ]
    if not rooted:
        raise ValueError(
            f'--data-root {data_root}: no dataset of {cfg.filename} has a data_root to replace. '
            'Set its paths with --cfg-options instead.'
        )
    for node in rooted:
        node['data_root'] = data_root
    if 'data_root' in cfg:
        cfg.data_root = data_root


def set_precision(cfg: Config, amp: bool, cuda: bool) -> None:
    """Choose the optimiser wrapper for ``--amp`` and for the device.

    A GPU gets MMEngine's ``AmpOptimWrapper``, a CPU our ``AutocastOptimWrapper``;
    a config written for one runs on the other.

    Raises:
        ValueError: ``amp`` is asked for an optimiser wrapper of another kind.
    """
    if cfg.get('optim_wrapper') is None:
        if amp:
            raise ValueError(f'--amp: {cfg.filename} has no optim_wrapper.')
        return
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    mixed = ('AmpOptimWrapper', 'mmocr_wsss.AutocastOptimWrapper')
    if amp and kind not in ('OptimWrapper', *mixed):
        raise ValueError(
            f"--amp replaces optim_wrapper.type='OptimWrapper', this config has {kind!r}."
        )
    if not amp and kind not in mixed:
        return
    if cuda:
        wrapper.type = 'AmpOptimWrapper'
        wrapper.setdefault('loss_scale', 'dynamic')
    else:
        wrapper.type = 'mmocr_wsss.AutocastOptimWrapper'
        for only_on_gpu in ('loss_scale', 'dtype', 'use_fsdp'):
            wrapper.pop(only_on_gpu, None)


def set_tta(cfg: Config) -> None:
    """Test with ``tta_model`` and ``tta_pipeline``, put where the dataset keeps its pipeline.

    Raises:
        ValueError: the config lacks one of the two, or the test dataset has no pipeline.
    """
    missing = [key for key in ('tta_model', 'tta_pipeline') if key not in cfg]
    if missing:
        raise ValueError(
            f'--tta: {cfg.filename} defines no {" and no ".join(missing)}.'
            + (' CAMs need none: they are made at all scales of the test pipeline.'
               if _makes_cams(cfg) else '')
        )  # fmt: skip
    piped = [node for node in nodes(cfg.test_dataloader.dataset) if node.get('pipeline')]
    if not piped:
        raise ValueError(f'--tta: the test dataset of {cfg.filename} has no pipeline to replace.')
    for node in piped:
        node['pipeline'] = cfg.tta_pipeline
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)


#: Metrics that write a file per image -> their argument for the folder.
_WRITERS = {'IoUMetric': 'output_dir', 'CAMDumper': 'out_dir', 'PseudoMaskDumper': 'out_dir'}


def set_output(cfg: Config, folder: str) -> None:
    """Make every metric of the test that writes files write them to ``folder``.

    These are ``IoUMetric`` (label maps), ``CAMDumper`` and ``PseudoMaskDumper``.

    Raises:
        ValueError: the test has no such metric.
    """
    found = False
    for evaluator, argument in _writers(cfg):
        evaluator[argument], found = folder, True
    if not found:
        raise ValueError(
            f'--out needs one of {", ".join(_WRITERS)} in test_evaluator of {cfg.filename}.'
        )


def drop_idle_writers(cfg: Config) -> None:
    """Leave out an ``IoUMetric`` that neither measures (``format_only``) nor writes."""
    if isinstance(cfg.get('test_evaluator'), (list, tuple)):
        cfg.test_evaluator = [
            metric for metric in cfg.test_evaluator
            if not metric.get('format_only') or metric.get('output_dir')
        ]  # fmt: skip


def _writers(cfg: Config) -> Iterator[tuple[ConfigDict, str]]:
    """The metrics of the test that write files, and their argument for the folder."""
    evaluators = cfg.get('test_evaluator') or []
    for evaluator in [evaluators] if isinstance(evaluators, dict) else evaluators:
        for name, argument in _WRITERS.items():
            if str(evaluator.get('type')).endswith(name):
                yield evaluator, argument


def _makes_cams(cfg: Config) -> bool:
    return any(str(evaluator.type).endswith('CAMDumper') for evaluator, _ in _writers(cfg))


def set_pictures(cfg: Config, show: bool, folder: str | None, wait_time: float) -> None:
    """Draw every prediction in a window (``show``) and, if given, below ``folder``.

    Raises:
        ValueError: ``default_hooks`` has no visualization hook.
    """
    if _makes_cams(cfg):
        raise ValueError(
            '--show and --show-dir are for label maps; CAMs are drawn from their files: python '
            'tools/analysis/show_cams.py CAM_DIR --images PHOTOS --out PICTURES'
        )
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise ValueError(
            f'--show and --show-dir need default_hooks.visualization, {cfg.filename} has none. '
            "Add visualization=dict(type='SegVisualizationHook')."
        )
    hook.update(show=show, wait_time=wait_time, interval=1)
    if cfg.get('default_scope') == 'mmpretrain':
        hook.update(enable=True, out_dir=folder)
        return
    hook.update(draw=True)
    if folder is not None:
        cfg.visualizer.save_dir = folder


def require_segmenter(cfg: Config) -> None:
    """Raise a ValueError unless the config is of a segmenter of mmseg."""
    scope = cfg.get('default_scope') or 'mmseg'
    if scope != 'mmseg' or 'decode_head' not in cfg.get('model', {}):
        raise ValueError(
            f'{cfg.filename} is not of a segmenter: default_scope must be mmseg, got {scope!r}, '
            'and the model must have a decode_head, as in configs/segmentation and configs/ocr.'
        )


def set_loader_defaults(cfg: Config) -> None:
    """What mmpretrain's own tools add to every loader: batches are stacked, not listed."""
    if cfg.get('default_scope') == 'mmpretrain':
        for loader in LOADERS:
            if cfg.get(loader):
                cfg[loader].setdefault('collate_fn', dict(type='default_collate'))


def nodes(node: Any) -> Iterator[dict]:
    """Every dict at any depth of a dataset config, except inside pipelines."""
    if isinstance(node, dict):
        yield node
        for key, child in node.items():
            if key != 'pipeline':
                yield from nodes(child)
    elif isinstance(node, (list, tuple)):
        for child in node:
            yield from nodes(child)
