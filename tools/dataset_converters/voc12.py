#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Make the 10,582 training images of PASCAL VOC 2012 with SBD: list and true masks.

Example:
    python tools/dataset_converters/voc12.py data/VOCdevkit/VOC2012 \
        data/benchmark_RELEASE/dataset --jobs 8
"""

import argparse
import sys

from mmocr_wsss.command_line import add_jobs_option, call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('voc', help='VOCdevkit/VOC2012 of the archive of 2012')
    parser.add_argument('sbd', help='benchmark_RELEASE/dataset of SBD')
    parser.add_argument('--out', help='folder to write to; unset: the folder VOC2012 itself')
    parser.add_argument(
        '--any-count', action='store_true', help='take lists of other sizes: a part of the data'
    )
    add_jobs_option(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.converters.voc12 import convert_voc12

    counts = convert_voc12(args.voc, args.sbd, args.out, jobs=args.jobs, any_count=args.any_count)
    for name, count in counts.items():
        print(f'{name:>10} {count:>7,}')


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
