#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Label maps and pictures of any photos, by a trained segmenter.

OUT/masks/NAME.png has class ids, OUT/overlays/NAME.png is to look at, OUT/summary.json has
the shares of the classes. NAME is the path of the photo below its folder. Photos that are
done are skipped, so the same command goes on after a stop.

Example:
    python tools/predict.py configs/ocr/seam_r38_voc.py \
        work_dirs/ocr/seam_r38_voc/iter_20000.pth photos/ another.jpg --out predictions
"""

import argparse
import sys

from mmocr_wsss.command_line import add_prediction_options, at_least, call, prepare_environment


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a segmenter')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        'inputs', nargs='+', metavar='INPUT', help='photo, or folder of photos at any depth'
    )
    parser.add_argument('--out', required=True, help='folder for the results')
    parser.add_argument(
        '--tags',
        metavar='TAGS.json',
        help='tag table of the photos, {"image id": ["boat"]}: out-of-candidate pixels are marked '
        'and counted',
    )
    parser.add_argument(
        '--restrict',
        action='store_true',
        help='predict no classes but those of the tags and the background',
    )
    parser.add_argument(
        '--batch-size', type=at_least(1), default=1, metavar='N', help='unset: %(default)s'
    )
    add_prediction_options(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    prepare_environment(args)
    from mmocr_wsss.apis.predict_photos import predict_photos

    print(predict_photos(args))


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
