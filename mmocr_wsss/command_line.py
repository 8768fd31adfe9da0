# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the command-line tools share, standard library only.

MMEngine looks for a GPU when it is imported and the hosts take seconds to
import, so options are parsed and the device is chosen before either is loaded.
"""

import argparse
import os
import sys
from collections.abc import Callable

from mmocr_wsss.user_errors import explain

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that training and testing have in common; names as in mmseg's tools."""
    parser.add_argument(
        '--work-dir',
        help='folder for logs and results; unset: as in the config, or else '
        'work_dirs/FOLDER/NAME for the config FOLDER/NAME.py',
    )
    parser.add_argument(
        '--data-root', help='replaces data_root in every dataset of the config, wrapped or not'
    )
    _add_device(parser)
    _add_cfg_options(parser, 'train_cfg.max_iters=2 key="[a,b]"')
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def add_prediction_options(parser: argparse.ArgumentParser, *, device: bool = True) -> None:
    """The options of tools that use a config's network and none of its datasets.

    The other options of :func:`add_run_options`, which ``load_config`` reads, get their values.

    Args:
        parser: of the tool.
        device: whether there is ``--device``; else the CPU.
    """
    parser.add_argument(
        '--data-root', help='folder whose dataset.json gives the classes, for data of your own'
    )
    if device:
        _add_device(parser)
    _add_cfg_options(parser, 'model.test_cfg.mode=whole')
    parser.set_defaults(work_dir=None, launcher='none', local_rank=0)
    if not device:
        parser.set_defaults(device='cpu')


def add_jobs_option(parser: argparse.ArgumentParser) -> None:
    """``--jobs``, of the tools that spread files over processes."""
    parser.add_argument('--jobs', type=at_least(1), default=1, help='processes; unset: %(default)s')


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """``--ids``, ``--img-suffix`` and ``--jobs``: from CAM files and photos, a file per image."""
    parser.add_argument('--ids', help='list file of the images; unset: all files of the folder')
    parser.add_argument(
        '--img-suffix', metavar='.EXT', help='how photos end; unset: as in stage.json, or .jpg/.png'
    )
    add_jobs_option(parser)


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    """``--classes`` and ``--threshold``, which the ``stage.json`` of CAM files gives as well."""
    parser.add_argument(
        '--classes',
        help='voc, coco14, or a text file with one foreground class per line; unset: as in '
        'stage.json of the folder',
    )
    parser.add_argument(
        '--threshold', type=float, help='background threshold; unset: as in stage.json'
    )


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--device',
        choices=['cpu', 'cuda'],
        help='unset: an accelerator if there is one, else the CPU',
    )


def _add_cfg_options(parser: argparse.ArgumentParser, example: str) -> None:
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help=f'override settings of the config, e.g. {example}',
    )


def at_least(minimum: int) -> Callable[[str], int]:
    """The ``type`` of an option that takes an integer >= ``minimum``."""

    def integer(text: str) -> int:
        number = int(text)
        if number < minimum:
            raise argparse.ArgumentTypeError(f'must be at least {minimum}, got {number}')
        return number

    return integer


def prepare_environment(args: argparse.Namespace) -> None:
    """Hide the GPUs if so asked, set the rank; call before mmengine or torch is imported.

    Accelerators of other kinds are left to ``load_config``, which tells MMEngine.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.device == 'cpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = '-1'


def call(main: Callable[[], int | None]) -> int:
    """Run ``main``; an error that the user can mend becomes a message and exit code 1.

    Which ones these are says :func:`~mmocr_wsss.user_errors.explain`. All others keep their
    stack trace, and with ``MMOCR_WSSS_TRACE=1`` in the environment these as well. Ctrl-C ends
    with 130, as shells have it.
    """
    try:
        return main() or 0
    except KeyboardInterrupt:
        print('\nstopped', file=sys.stderr)
        return 130
    except Exception as error:
        message = explain(error)
        if message is None or os.environ.get('MMOCR_WSSS_TRACE'):
            raise
        print(f'error: {message}', file=sys.stderr)
        return 1
