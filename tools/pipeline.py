#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""From image-level tags to a trained segmenter: run all stages of a method, or go on with them.

Stages: tags, weights, cam, cams, affinity_labels, affinity, pseudo_masks, baseline, oc,
evaluation, report. The command of each is printed and can be run by itself. A stage whose
inputs and settings have not changed is skipped. Stopped or killed, the same command goes on.

Examples:
    python tools/pipeline.py configs/pipelines/seam_voc.py --data-root DATA_ROOT --gpus 4
    python tools/pipeline.py configs/pipelines/seam_voc.py --data-root DATA_ROOT --to pseudo_masks
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
    parser.add_argument('config', help='config of configs/pipelines')
    parser.add_argument('--data-root', help='folder of the data; unset: as in the config')
    parser.add_argument('--out', help='folder for everything; unset: work_dirs/pipelines/NAME')
    parser.add_argument('--from', dest='first', metavar='STAGE', help='first stage to run')
    parser.add_argument('--to', dest='last', metavar='STAGE', help='last stage to run')
    parser.add_argument('--only', nargs='+', metavar='STAGE', help='stages to run')
    parser.add_argument(
        '--force', action='store_true', help='run the chosen stages again, changed or not'
    )
    parser.add_argument(
        '--gpus', type=at_least(0), default=0, metavar='N',
        help='train and test in N processes, one per GPU (on CPUs where there is none); unset: '
        'one process without launcher',
    )  # fmt: skip
    parser.add_argument(
        '--jobs',
        type=at_least(1),
        default=os.cpu_count(),
        help='processes of CPU work; unset: %(default)s',
    )
    parser.add_argument('--device', choices=['cpu', 'cuda'], help='unset: a GPU if there is one')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='STAGE.KEY=VALUE',
        help='override settings of the config of a stage (cam, cams, affinity, baseline, oc), e.g. '
        'cam.train_dataloader.batch_size=8',
    )  # fmt: skip
    parser.add_argument('--dry-run', action='store_true', help='print the commands, run nothing')
    args = parser.parse_args()
    if args.only and (args.first or args.last):
        parser.error('--only goes without --from and --to')
    return args


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.pipeline.start import run_pipeline

    run_pipeline(args, resume=shlex.join(['python', *sys.argv]))


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
