#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Compare segmenters at equal OC rates: mIoU and OC rate as the background's score is shifted.

The background is never out of candidate, so a segmenter that predicts more of it has a lower
OC rate without knowing more. Needs true masks.

Example:
    python tools/analysis/background_shift.py configs/ocr/effnet-lite0_voc-animals.py \
        --data-root DATA_ROOT --min-pixels 200000 \
        --group baseline base/seed_0/iter_600.pth base/seed_1/iter_600.pth \
        --group 'OC loss' oc/seed_0/iter_600.pth oc/seed_1/iter_600.pth
"""

import argparse
import sys

from mmocr_wsss.command_line import add_run_options, at_least, call, prepare_environment


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a segmenter whose dataset has tags and masks')
    parser.add_argument(
        '--group',
        nargs='+',
        action='append',
        required=True,
        metavar=('NAME', 'CHECKPOINT'),
        help='a name and checkpoints, whose means are shown; may be given several times',
    )
    add_run_options(parser)
    parser.add_argument(
        '--shifts',
        nargs='+',
        type=float,
        default=[-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0],
        help='in logits; unset: %(default)s',
    )
    parser.add_argument(
        '--min-pixels',
        type=at_least(1),
        default=1,
        metavar='N',
        help='true pixels that let a class enter the mean; unset: every class that occurs',
    )
    parser.add_argument('--out', metavar='FILE.json', help='write the numbers there, too')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    prepare_environment(args)
    from mmocr_wsss.stages.background_shift import compare_groups

    table = compare_groups(args)
    if table is not None:
        print(table)


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
