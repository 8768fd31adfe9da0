#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Report as one HTML file which classes a segmenter predicts in images whose tags rule them out.

It needs photos, tags and a checkpoint, no masks.

Example:
    python tools/analysis/oc_report.py configs/ocr/seam_r38_voc.py \
        work_dirs/ocr/seam_r38_voc/iter_20000.pth --data-root data/VOCdevkit/VOC2012
"""

import argparse
import sys

from mmocr_wsss.command_line import add_run_options, at_least, call, prepare_environment


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a segmenter whose dataset has tags')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_run_options(parser)
    parser.add_argument(
        '--split',
        choices=['val', 'train', 'test'],
        default='val',
        help='images to predict; of train the photos, whole and not augmented; unset: %(default)s',
    )
    parser.add_argument(
        '--tags-only',
        action='store_true',
        help='read no masks; unset: pixels that the masks of val and test ignore do not count',
    )
    parser.add_argument(
        '--out', metavar='FILE.html', help='page to write; unset: oc_report.html in the work folder'
    )
    parser.add_argument(
        '--logs',
        '--training-logs',  # torchrun takes --logs for an option of its own
        nargs='+',
        metavar='WORK_DIR',
        help='folders of trainings, a curve of the OC rate for each; unset: the folder of the '
        'checkpoint, if it has logs',
    )
    parser.add_argument(
        '--number',
        type=at_least(0),
        default=12,
        metavar='N',
        help='show the N images with the largest share of such pixels; unset: %(default)s',
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    prepare_environment(args)
    from mmocr_wsss.stages.oc_report import write_oc_report

    line = write_oc_report(args)
    if line is not None:
        print(line)


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
