# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From parsed options to a finished run; ``tools/train.py`` and ``tools/test.py`` call these."""

import argparse
import logging
import os.path as osp
from collections.abc import Sequence

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import get_world_size, is_main_process
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmocr_wsss.artifacts import require_writable

from .checkpoint_fit import require_fit, require_overlap
from .config_checks import check_config, check_optimizer, read_config, set_options
from .config_edits import (
    drop_idle_writers,
    set_data_root,
    set_loader_defaults,
    set_output,
    set_pictures,
    set_precision,
    set_tta,
)
from .cpu_processes import closes_process_group, keep_on_cpu, start_cpu_processes
from .dataset_edits import follow_dataset_file
from .expected_results import read_expected_results, report_expected_results
from .finite_loss_hook import FiniteLossHook
from .heap import keep_freed_memory
from .latest_checkpoint import latest_checkpoint
from .safe_checkpoint import check_checkpoint_path, check_initial_weights, guard_checkpoints
from .stop_signal import stopping_on_sigterm
from .work_folder import training_in


@closes_process_group
def train(args: argparse.Namespace) -> None:
    """Train as the config and the options say.

    Args:
        args: options of ``tools/train.py``.

    Raises:
        ValueError, FileNotFoundError: an option does not fit the config or the machine.
    """
    cfg, options = load_config(args)
    set_precision(cfg, args.amp, torch.cuda.is_available())
    cfg.resume = False
    if args.resume:
        _resume(cfg, given='load_from' in options)
    check_config(cfg)
    check_initial_weights(cfg.model)
    if cfg.get('load_from'):
        check_checkpoint_path(cfg.load_from, 'load_from')
    with training_in(cfg.work_dir):
        _run_training(cfg, args.launcher)


def _run_training(cfg: Config, launcher: str) -> None:
    runner = build_runner(cfg, launcher)
    # Here and not in the configs, so that every config has it.
    if not any(isinstance(hook, FiniteLossHook) for hook in runner.hooks):
        runner.register_hook(FiniteLossHook())
    check_optimizer(cfg)
    if cfg.get('load_from') and not cfg.resume:
        require_overlap(runner.model, cfg.load_from, 'load_from')
    _warn_of_other_batch(cfg, get_world_size())
    with stopping_on_sigterm(runner):
        runner.train()


@closes_process_group
def test(args: argparse.Namespace) -> list[str]:
    """Evaluate a checkpoint; returns the measured ``expected_results`` that are not met.

    Args:
        args: options of ``tools/test.py``.

    Raises:
        ValueError, FileNotFoundError: an option does not fit the config or the machine.
    """
    cfg, _ = load_config(args)
    check_config(cfg)
    check_checkpoint_path(args.checkpoint, 'checkpoint')
    if args.check:
        read_expected_results(cfg)  # malformed ones are said before the run
    cfg.load_from, cfg.resume = args.checkpoint, False
    set_precision(cfg, amp=False, cuda=torch.cuda.is_available())
    if args.show or args.show_dir:
        set_pictures(cfg, args.show, args.show_dir, args.wait_time)
    if args.out:
        require_writable(args.out, '--out')
        set_output(cfg, args.out)
    drop_idle_writers(cfg)
    if args.tta:
        set_tta(cfg)
    runner = build_runner(cfg, args.launcher)
    require_fit(runner.model, args.checkpoint, extra=True)
    metrics = runner.test()
    if not (args.check and is_main_process()):
        return []
    command = f'python tools/test.py {args.config} {args.checkpoint}' + ' --tta' * args.tta
    return report_expected_results(cfg, metrics, command)


def load_config(args: argparse.Namespace) -> tuple[Config, dict]:
    """The config with the shared options applied, and the parsed ``--cfg-options``.

    From here on no checkpoint can run code (:func:`guard_checkpoints`), and without a GPU freed
    memory is kept (:func:`~mmocr_wsss.engine.heap.keep_freed_memory`).

    Raises:
        ValueError, FileNotFoundError: an option does not fit the config or the machine.
    """
    if args.device == 'cuda' and not torch.cuda.is_available():
        raise ValueError('--device cuda: torch finds no usable GPU here; use --device cpu.')
    if not osp.isfile(args.config):
        raise FileNotFoundError(f'there is no config {args.config!r}.')
    if args.device == 'cpu':
        keep_on_cpu()
    if args.device == 'cpu' or not torch.cuda.is_available():
        keep_freed_memory()
    guard_checkpoints()
    cfg = read_config(args.config)
    cfg.launcher = args.launcher
    set_loader_defaults(cfg)
    follow_dataset_file(cfg, args.data_root)
    options = parse_options(args.cfg_options)
    set_options(cfg, options)
    if args.data_root is not None:
        set_data_root(cfg, args.data_root)
    # Priority: option, then config, then the path of the config.
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = _default_work_dir(args.config)
    return cfg, options


def _default_work_dir(config: str) -> str:
    """``work_dirs/FOLDER/NAME`` for the config ``FOLDER/NAME.py``.

    With the folder, because a baseline and its twin with the loss share their name.
    """
    folder, name = osp.split(osp.abspath(config))
    return osp.join('work_dirs', osp.basename(folder), osp.splitext(name)[0])


def parse_options(items: Sequence[str]) -> dict:
    """``KEY=VALUE`` strings as MMEngine's tools understand them.

    Raises:
        ValueError: one has no ``=``.
    """
    wrong = [item for item in items if '=' not in item]
    if wrong:
        raise ValueError(f'--cfg-options takes KEY=VALUE, got {wrong[:5]}.')
    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='+', action=DictAction, default={})
    return parser.parse_args(['--options', *items] if items else []).options


def _resume(cfg: Config, given: bool) -> None:
    """Go on from ``load_from`` if the command line gave it, else from the work folder's latest.

    A ``load_from`` of the config file holds initial weights, not a training state,
    so it must not be taken for the checkpoint to resume.
    """
    if given:
        cfg.resume = True
    elif (latest := latest_checkpoint(cfg.work_dir)) is not None:
        cfg.resume, cfg.load_from = True, latest
    else:
        print_log(f'--resume: no checkpoint in {cfg.work_dir}, training starts at 0', 'current')


def _warn_of_other_batch(cfg: Config, processes: int) -> None:
    """Say so where the schedule belongs to another number of images per update."""
    base = cfg.get('auto_scale_lr', {}).get('base_batch_size')
    batch = (cfg.train_dataloader or {}).get('batch_size')
    if base is None or batch is None or cfg.auto_scale_lr.get('enable'):
        return
    steps = cfg.get('optim_wrapper', {}).get('accumulative_counts', 1)
    if processes * batch * steps != base:
        ways = []
        if base % (batch * steps) == 0:
            ways.append(f'tools/dist_train.sh with {base // (batch * steps)} process(es)')
        if base % (processes * steps) == 0:
            size = base // (processes * steps)
            ways.append(f'--cfg-options train_dataloader.batch_size={size}')
        ways = ways or ['--cfg-options auto_scale_lr.enable=True']
        print_log(
            f'{processes} process(es) x {batch * steps} images per update, the schedule of the '
            f'config belongs to {base}. To train as it says: {", or ".join(ways)}',
            'current',
            logging.WARNING,
        )


def build_runner(cfg: Config, launcher: str) -> Runner:
    """The runner of a final config; opens a process group where there is no GPU for one.

    Whoever calls it carries :func:`~mmocr_wsss.engine.cpu_processes.closes_process_group`.

    Args:
        cfg: changed in place where several processes run without a GPU.
        launcher: value of ``--launcher``.

    Raises:
        ValueError: a launcher that cannot start processes without a GPU.
    """
    if not torch.cuda.is_available():
        start_cpu_processes(cfg, launcher)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
