# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""One HTML page on the out-of-candidate predictions of a checkpoint; tags are enough."""

import argparse
import os
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmocr_wsss.artifacts import atomic_path, require_writable
from mmocr_wsss.engine.checkpoint_fit import plain_model, require_fit
from mmocr_wsss.engine.config_edits import require_segmenter
from mmocr_wsss.engine.cpu_processes import closes_process_group
from mmocr_wsss.engine.evaluated_split import set_evaluated_split
from mmocr_wsss.engine.launch import build_runner, load_config
from mmocr_wsss.engine.safe_checkpoint import check_checkpoint_path
from mmocr_wsss.evaluation.out_of_candidate_counter import OutOfCandidateCounter, WorstImage
from mmocr_wsss.labels import BACKGROUND_NAME
from mmocr_wsss.stages.oc_report_page import OutOfCandidateReport, report_page
from mmocr_wsss.stages.training_curves import OutOfCandidateCurve, read_curve, read_curves
from mmocr_wsss.visualization.out_of_candidate_figures import draw_rates, draw_worst_image

_NAME = 'oc_report.html'


@closes_process_group
def write_oc_report(args: argparse.Namespace) -> str | None:
    """Test a checkpoint on a split and write what it predicts against the tags.

    Works on several processes; the first of them writes.

    Args:
        args: options of ``tools/analysis/oc_report.py``.

    Returns:
        path of the page and the OC rate as a line of text; None on other processes.

    Raises:
        FileNotFoundError: config, checkpoint, data or a folder of ``--logs`` is not there.
        ValueError: an option does not fit the config or the machine, the dataset has no tags,
            the checkpoint is not that of the config, or logs hold no OC rate.
    """
    cfg, _ = load_config(args)
    check_checkpoint_path(args.checkpoint, 'checkpoint')
    out = _out_file(args.out, cfg.work_dir)
    curves = _curves(args.logs, args.checkpoint)
    require_segmenter(cfg)
    set_evaluated_split(cfg, args.split, tags_only=args.tags_only)
    cfg.load_from, cfg.resume = args.checkpoint, False
    cfg.test_evaluator = [dict(type='mmocr_wsss.OutOfCandidateCounter', worst=args.number)]
    runner = build_runner(cfg, args.launcher)
    names = _check(runner, args)
    runner.test()
    if not is_main_process():
        return None
    counter = runner.test_evaluator.metrics[0]
    page = report_page(_report(args, names, counter, curves, _loss(runner)))
    with atomic_path(out) as temporary:
        Path(temporary).write_text(page, encoding='utf-8')
    counts = counter.counts
    rate = counts.num_outside / max(counts.num_valid, 1)
    return f'{out}: OC rate {100 * rate:.2f} % of {counts.num_images} images'


def _out_file(out: str | None, work_dir: str) -> Path:
    """Where to write; looked at before the test runs for long."""
    path = Path(work_dir, _NAME) if out is None else Path(out)
    if path.is_dir() or path.suffix.lower() not in ('.html', '.htm'):
        raise ValueError(f'--out {path}: give the HTML file to write, e.g. {path / _NAME}.')
    require_writable(path, '--out', folder=False)
    return path


def _curves(logs: list[str] | None, checkpoint: str) -> list[OutOfCandidateCurve]:
    """Of ``--logs``; unset: of the folder of the checkpoint, if it has some."""
    if logs is not None:
        return read_curves(logs)
    folder = os.path.dirname(os.path.abspath(os.path.expanduser(checkpoint)))
    if '://' in checkpoint or not any(read_curve(folder)):
        return []
    return read_curves([folder])


def _check(runner: Runner, args: argparse.Namespace) -> list[str]:
    """Refuse what would fail, or mean nothing, after a long test; gives the C class names."""
    dataset = runner.test_loop.dataloader.dataset
    where = f'--split {args.split}: {type(dataset).__name__} in {args.config}'
    if not len(dataset):
        raise ValueError(f'{where} has no images. Check its list.')
    candidates = dataset[0]['data_samples'].get('candidates')
    if candidates is None:
        raise ValueError(
            f'{where} has no tags: its samples have no `candidates`. Wrap it: '
            "dict(type='mmocr_wsss.ImageTagDataset', dataset=..., tags=...), as in "
            'configs/segmentation and configs/ocr.'
        )
    model = plain_model(runner.model)
    names = list(dataset.metainfo.get('classes') or [])
    num_classes = getattr(model, 'num_classes', len(names))
    if not len(candidates) == len(names) == num_classes or names[0] != BACKGROUND_NAME:
        raise ValueError(
            f'{where} has {len(names)} classes, {names[:3]}..., and tags for {len(candidates)} '
            f'with background, the model of the config has {num_classes}. All must be the same, '
            f'the first one {BACKGROUND_NAME!r}. Check num_classes and the data.'
        )
    require_fit(model, args.checkpoint)
    return names


def _loss(runner: Runner) -> dict[str, Any] | None:
    """Settings of the loss that the page speaks of; None for a model without it."""
    loss = getattr(plain_model(runner.model), 'loss_oc', None)
    keys = ('loss_weight', 'start_iter')
    if loss is None:
        return None
    return {key: getattr(loss, key) for key in keys if hasattr(loss, key)}


def _report(args, names, counter: OutOfCandidateCounter, curves, loss) -> OutOfCandidateReport:
    assert counter.counts is not None  # of the process that saw them all
    pictures = [(image, _picture(image, len(names))) for image in counter.worst_images]
    return OutOfCandidateReport(
        config=args.config,
        checkpoint=args.checkpoint,
        data_root=args.data_root,
        split=args.split,
        class_names=names,
        counts=counter.counts,
        worst=pictures,
        curves=draw_rates(curves) if curves else None,
        loss=loss,
    )


def _picture(image: WorstImage, num_classes: int) -> bytes:
    """Read as the pipeline of the host does."""
    photo = mmcv.imread(image.path, channel_order='rgb')
    if photo.shape[:2] != image.label_map.shape:
        photo = cv2.resize(photo, image.label_map.shape[::-1], interpolation=cv2.INTER_AREA)
    photo = np.ascontiguousarray(photo, np.uint8)
    return draw_worst_image(photo, image.label_map, image.outside, num_classes)
