#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Draw CAM files: photo, heat map of each tagged class, seed at the threshold.

Example:
    python tools/analysis/show_cams.py work_dirs/cam/seam_r38_voc/cams \
        --images data/VOCdevkit/VOC2012/JPEGImages --out work_dirs/cam/seam_r38_voc/pictures
"""

import argparse
import sys

from mmocr_wsss.command_line import add_stage_options, at_least, call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('folder', help='folder of CAM files, ID.npz')
    parser.add_argument('--images', required=True, help='folder of the photos')
    parser.add_argument('--out', required=True, help='folder for the pictures, ID.png')
    parser.add_argument(
        '--img-suffix', metavar='.EXT', help='how photos end; unset: as in stage.json, or .jpg/.png'
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--ids', help='list file of the images to draw')
    which.add_argument(
        '--num',
        type=at_least(1),
        default=20,
        metavar='N',
        help='draw N images, taken evenly from the folder; unset: %(default)s',
    )
    add_stage_options(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.stages.show_cams import show_cams

    count = show_cams(
        args.folder,
        args.images,
        args.out,
        list_file=args.ids,
        num_images=None if args.ids else args.num,
        img_suffix=args.img_suffix,
        classes=args.classes,
        threshold=args.threshold,
    )
    print(f'{args.out}: {count} pictures')


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
