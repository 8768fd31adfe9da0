# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The demo: synthetic scenes, or data of the user, through the whole pipeline."""

import argparse
import os
import shutil
import time
from pathlib import Path

from mmocr_wsss.artifacts import read_json
from mmocr_wsss.datasets.synthetic_scenes import SCENES_FILE, write_synthetic_dataset
from mmocr_wsss.demo.progress import Progress
from mmocr_wsss.pipeline.layout import Layout
from mmocr_wsss.pipeline.plan import repository
from mmocr_wsss.pipeline.run import minutes
from mmocr_wsss.pipeline.start import run_pipeline

#: Pipelines below ``configs/pipelines``.
SYNTHETIC, REAL = 'synthetic', 'effnet-lite0_voc-animals'
#: Stages whose trainings the seed is given to.
_TRAINED = ('cam', 'affinity', 'baseline', 'oc')
_SPEC = ('num_train', 'num_val', 'seed')
#: Rows of the printed table: names in report.json -> titles.
_ROWS = {
    'cams': 'CAMs, training photos',
    'pseudo_masks': 'pseudo masks, training photos',
    'baseline_val': 'baseline, val',
    'oc_val': 'baseline + OC loss, val',
}


def run_demo(args: argparse.Namespace, resume: str) -> None:
    """Make the data, run the pipeline, print a table and the paths.

    Args:
        args: options of ``tools/demo.py``.
        resume: the command, for error messages.

    Raises:
        ValueError: the output folder holds something else, or a stage failed.
        FileNotFoundError: there is no ``--data-root``.
    """
    started = time.time()
    out = Path(args.out)
    _refuse_other_folders(out)
    root = Path(args.data_root) if args.data_root else _scenes(out, args)
    name = REAL if args.data_root else SYNTHETIC
    options = [f'{stage}.randomness.seed={args.seed}' for stage in _TRAINED]
    run_pipeline(
        argparse.Namespace(
            config=str(repository() / 'configs' / 'pipelines' / f'{name}.py'),
            data_root=str(root),
            out=str(out),
            first=None,
            last=None,
            only=None,
            force=False,
            gpus=0,
            jobs=os.cpu_count(),
            device=args.device,
            cfg_options=[*options, *args.cfg_options],
            dry_run=False,
        ),
        resume=resume,
    )
    print(table(read_json(Layout(out).out / 'report.json')))
    print(f'report: {out / "report.md"}\nfigure: {out / "report.png"}')
    print(f'done in {minutes(time.time() - started)}', flush=True)


def table(report: dict) -> str:
    """The printed table.

    Args:
        report: content of ``report.json``.
    """
    rule = '-' * 64
    lines = ['', f'{"":32}{"mIoU":>10}{"supported":>12}{"OC rate":>10}', rule]
    for name, title in _ROWS.items():
        if name in report:
            values = (report[name][key] for key in ('miou', 'miou_supported', 'oc_rate'))
            cells = ['-' if value is None else f'{value:.2f} %' for value in values]
            lines.append(f'{title:32}{cells[0]:>10}{cells[1]:>12}{cells[2]:>10}')
    return '\n'.join([*lines, rule, ''])


def _refuse_other_folders(out: Path) -> None:
    """A folder with files that no demo made is left alone."""
    known = {'dataset', 'dataset.partial', 'stages'}
    if out.is_dir() and any(out.iterdir()) and not known & {path.name for path in out.iterdir()}:
        raise ValueError(f'{out} is not empty and not from a demo. Give another --out.')


def _scenes(out: Path, args: argparse.Namespace) -> Path:
    """The synthetic data set below ``out``, made unless it is there."""
    target, wanted = out / 'dataset', {key: getattr(args, key) for key in _SPEC}
    if target.exists():
        spec = target / SCENES_FILE
        found = read_json(spec) if spec.is_file() else {}  # of another version
        found = {key: found.get(key) for key in _SPEC}
        if found == wanted:
            print(f'scenes: {target} is there')
            return target
        if not args.overwrite:
            raise ValueError(
                f'{target} holds other scenes, {found} and not {wanted}. Give another --out, or '
                '--overwrite to replace them.'
            )
        shutil.rmtree(target)
    partial = out / 'dataset.partial'
    shutil.rmtree(partial, ignore_errors=True)
    print(f'scenes: {args.num_train} for training, {args.num_val} for validation', flush=True)
    write_synthetic_dataset(
        partial,
        **wanted,
        on_scene=Progress('scenes', args.num_train + args.num_val).step,
    )
    os.replace(partial, target)
    return target
