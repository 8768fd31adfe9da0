# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From the options of ``tools/pipeline.py`` to a finished pipeline."""

import argparse
import sys
from pathlib import Path

from mmocr_wsss.engine.config_checks import check_settings
from mmocr_wsss.engine.safe_checkpoint import check_initial_weights
from mmocr_wsss.functional.dense_crf import require_pydensecrf
from mmocr_wsss.pipeline.layout import CONFIGURED, Layout, read_pipeline
from mmocr_wsss.pipeline.plan import STAGES, Planner, stage_config
from mmocr_wsss.pipeline.run import PipelineRun, minutes

#: Characters that ``--cfg-options`` of the stages would not leave in a path.
_SPLIT = ' ,()[]\'"'


def run_pipeline(args: argparse.Namespace, resume: str) -> None:
    """Run the stages that the options choose.

    Args:
        args: options of ``tools/pipeline.py``.
        resume: the command, for error messages.

    Raises:
        FileNotFoundError, ValueError: an option, the config or the data are wrong, before
            anything runs; or a stage failed.
    """
    cfg = read_pipeline(args.config, args.data_root)
    out = args.out or Path('work_dirs', 'pipelines', Path(args.config).stem)
    layout = Layout(out)
    _check_out(layout)
    selected = choose(args.first, args.last, args.only)
    options = split_options(args.cfg_options)
    planner = Planner(cfg, layout, args.gpus, args.jobs, args.device, options)
    run = PipelineRun(planner.stages(), layout, cfg, selected, args.force, resume)
    for stage in CONFIGURED:
        check_settings(stage_config(cfg[stage], options.get(stage, ())))
    if args.dry_run:
        run.show()
        return
    _check(cfg, selected, options)
    try:
        run.run()
    except KeyboardInterrupt:
        sys.exit(f'\nstopped; to go on: {resume}')
    print()
    for name, seconds in run.seconds.items():
        print(f'{name:>16} {minutes(seconds):>14}')
    print(f'{"all":>16} {minutes(sum(run.seconds.values())):>14}')
    if 'report' in run.keys:
        print(f'report: {layout.out / "report.md"}\nfigure: {layout.out / "report.png"}')


def choose(first: str | None, last: str | None, only: list[str] | None) -> list[str]:
    """Names of the stages that ``--from``, ``--to`` and ``--only`` mean.

    Raises:
        ValueError: there is no such stage, or none is left.
    """
    for name in filter(None, (first, last, *(only or ()))):
        if name not in STAGES:
            raise ValueError(f'there is no stage {name!r}; the stages are {", ".join(STAGES)}.')
    if only:
        return [name for name in STAGES if name in only]
    begin = STAGES.index(first) if first else 0
    end = STAGES.index(last) + 1 if last else len(STAGES)
    if begin >= end:
        raise ValueError(f'--from {first} comes after --to {last}.')
    return list(STAGES[begin:end])


def split_options(items: list[str]) -> dict[str, list[str]]:
    """``STAGE.KEY=VALUE`` strings as {stage: [``KEY=VALUE``, ...]}.

    Raises:
        ValueError: one does not begin with a stage that has a config.
    """
    options: dict[str, list[str]] = {}
    for item in items:
        stage, dot, setting = item.partition('.')
        if stage not in CONFIGURED or not dot or '=' not in setting:
            raise ValueError(
                f'--cfg-options takes STAGE.KEY=VALUE with a stage of {", ".join(CONFIGURED)}, '
                f'got {item!r}.'
            )
        options.setdefault(stage, []).append(setting)
    return options


def _check_out(layout: Layout) -> None:
    path = str(layout.out.resolve())
    found = sorted(set(path) & set(_SPLIT))
    if found:
        raise ValueError(
            f'{path}: --out must be a path without any of {_SPLIT!r}, which MMEngine takes out of '
            f'settings or splits them at; found {" ".join(map(repr, found))}. Choose another '
            'folder; the data may lie where they are.'
        )


def _check(cfg: dict, selected: list[str], options: dict[str, list[str]]) -> None:
    """What a stage hours from now would miss."""
    if 'affinity_labels' in selected:
        require_pydensecrf()
    made = set(cfg.get('weights', {}).values()) if 'weights' in selected else set()
    for stage in {'cam', 'affinity', 'baseline', 'oc'} & set(selected):
        model = stage_config(cfg[stage], options.get(stage, ())).model
        backbone = model.get('backbone', {}).get('init_cfg') or {}
        if backbone.get('checkpoint') not in made:
            check_initial_weights(model, f'{stage}.model')
    root = Path(cfg['data']['root'])
    for key in ('images', 'true_masks', 'scored_list', 'val_list', 'val_masks'):
        path = cfg['data'][key]
        if path and not (root / path).exists() and not {'evaluation', 'cam'}.isdisjoint(selected):
            raise FileNotFoundError(f'{root / path}: not there (data.{key}); see the config.')
