# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""mIoU against OC rate of groups of checkpoints, as a constant is added to the background."""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmocr_wsss.artifacts import require_writable, write_json
from mmocr_wsss.engine.checkpoint_fit import require_fit
from mmocr_wsss.engine.config_edits import require_segmenter
from mmocr_wsss.engine.cpu_processes import closes_process_group
from mmocr_wsss.engine.launch import build_runner, load_config
from mmocr_wsss.engine.safe_checkpoint import check_checkpoint_path
from mmocr_wsss.functional.confusion import class_iou, supported_classes


@closes_process_group
def compare_groups(args: argparse.Namespace) -> str | None:
    """Test every checkpoint of every group, one after the other.

    Args:
        args: options of ``tools/analysis/background_shift.py``.

    Returns:
        a Markdown table: a line per shift; mean mIoU over the supported classes and mean OC
        rate of each group, in percent. None on other processes than the first.

    Raises:
        FileNotFoundError: config, checkpoint or data are not there.
        ValueError: an option does not fit, a checkpoint is not that of the config, the dataset
            has no tags or masks, or no class is supported.
    """
    groups = _groups(args.group)
    if args.out:
        require_writable(args.out, '--out', folder=False)
    cfg, _ = load_config(args)
    require_segmenter(cfg)
    for path in (path for paths in groups.values() for path in paths):
        check_checkpoint_path(path, 'checkpoint')
    cfg.load_from, cfg.resume = None, False
    cfg.test_evaluator = [dict(type='mmocr_wsss.BackgroundShift', shifts=args.shifts)]
    runner = build_runner(cfg, args.launcher)
    found: dict[str, list[Any]] = {
        name: [_curve(runner, path, args.min_pixels) for path in paths]
        for name, paths in groups.items()
    }
    if not is_main_process():
        return None
    if args.out:
        write_json(args.out, dict(shifts=args.shifts, min_pixels=args.min_pixels, groups=found))
    return _table(args.shifts, found)


def _groups(items: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    groups = {name: paths for name, *paths in items}
    if len(groups) < len(items) or not all(groups.values()):
        raise ValueError(
            f'--group takes a name of its own and at least one checkpoint, got {list(items)}.'
        )
    return groups


def _curve(runner: Runner, path: str, min_pixels: int) -> dict[str, Any] | None:
    require_fit(runner.model, path)
    runner.test()
    if not is_main_process():
        return None
    metric = runner.test_evaluator.metrics[0]
    if metric.confusions is None:
        raise ValueError('there are no images to test. Check the list of the config.')
    supported = supported_classes(metric.confusions, min_pixels)
    if not supported.any():
        raise ValueError(f'--min-pixels {min_pixels}: no class has so many true pixels.')
    miou = class_iou(metric.confusions)[:, supported].mean(axis=1)
    return dict(
        checkpoint=str(path),
        miou_supported=[round(value, 4) for value in miou.tolist()],
        oc_rate=[round(value, 4) for value in metric.oc_rates.tolist()],
    )


def _table(shifts: Sequence[float], groups: dict[str, list[dict]]) -> str:
    head = ['added to the background']
    for name, curves in groups.items():
        head += [f'{name}: mIoU', f'OC rate ({len(curves)} checkpoints)']
    lines = [head, ['---'] * len(head)]
    means = [
        np.mean([curve[key] for curve in curves], axis=0)
        for curves in groups.values()
        for key in ('miou_supported', 'oc_rate')
    ]
    for index, shift in enumerate(shifts):
        lines.append([f'{shift:+g}', *(f'{values[index]:.2f}' for values in means)])
    return '\n'.join('| ' + ' | '.join(cells) + ' |' for cells in lines)
