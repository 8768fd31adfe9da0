#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Run an experiment: baseline and loss from the same seeds, or go on with it.

First the pseudo masks (tools/pipeline.py), then all trainings that have no line in
OUT/results.jsonl. Stopped or killed, the same command goes on.

Example:
    python tools/experiments/run.py configs/experiments/voc-animals.py --data-root DATA_ROOT \
        --out work_dirs/experiments/voc-animals --groups main
"""

import argparse
import os
import shlex
import sys

from mmocr_wsss.command_line import at_least, call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of configs/experiments')
    parser.add_argument('--data-root', help='folder of the data; unset: as in the pipeline config')
    parser.add_argument('--out', help='folder for everything; unset: work_dirs/experiments/NAME')
    parser.add_argument(
        '--pipeline-out',
        metavar='FOLDER',
        help='output of tools/pipeline.py to take the masks from; unset: OUT/pipeline',
    )
    parser.add_argument(
        '--groups', nargs='+', metavar='NAME', help='groups of the config to run; unset: all'
    )
    parser.add_argument(
        '--seeds', nargs='+', type=at_least(0), metavar='N', help='seeds to run; unset: all'
    )
    parser.add_argument(
        '--jobs',
        type=at_least(1),
        default=os.cpu_count(),
        help='trainings at the same time; unset: %(default)s',
    )
    parser.add_argument(
        '--threads',
        type=at_least(1),
        default=1,
        help='of each training; results are equal to the last bit for equal numbers only; '
        'unset: %(default)s',
    )
    parser.add_argument('--dry-run', action='store_true', help='list the runs, run nothing')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.experiments.drive import run_experiment

    run_experiment(args, resume=shlex.join(['python', *sys.argv]))


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
