#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Train any mmseg or mmpretrain config.

Example (one process; --data-root is needed where the data lies elsewhere than in the config):
    python tools/train.py configs/ocr/seam_r38_voc.py --data-root data/VOCdevkit/VOC2012

The published batch is processes x images: SEAM's recipe is 2 processes x 5 images,
    tools/dist_train.sh configs/ocr/seam_r38_voc.py 2 --data-root data/VOCdevkit/VOC2012
"""

import argparse
import sys

from mmocr_wsss.command_line import add_run_options, call, prepare_environment


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    add_run_options(parser)
    parser.add_argument(
        '--resume',
        action='store_true',
        help='go on from the latest checkpoint in the work folder, or from PATH with '
        '--cfg-options load_from=PATH',
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU'
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    prepare_environment(args)
    from mmocr_wsss.engine.launch import train

    train(args)


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
