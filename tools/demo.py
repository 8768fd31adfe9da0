#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Show what the out-of-candidate loss does, on synthetic scenes: no data, no network, no GPU.

Example: python tools/demo.py --out demo_output
"""

import argparse
import os
import sys

from mmocr_wsss.command_line import call


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'must be at least 1, got {number}')
    return number


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', default='demo_output', help='folder for everything (%(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of scenes and trainings (%(default)s)')
    parser.add_argument('--iters', type=positive, help='per training; unset: as in the configs')
    parser.add_argument('--num-train', type=positive, default=300, help='scenes (%(default)s)')
    parser.add_argument('--num-val', type=positive, default=60, help='scenes (%(default)s)')
    parser.add_argument('--rows', type=positive, default=5, help='of the figure (%(default)s)')
    parser.add_argument(
        '--overwrite', action='store_true', help='start anew where --out holds an earlier demo'
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    # The net is so small that a second thread costs more than it gives.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    print('loading torch and mmseg', flush=True)
    from mmocr_wsss.demo.stages import run_demo

    run_demo(args)


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
