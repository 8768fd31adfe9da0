#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Make AffinityNet's labels: dense CRF scores of CAMs at two background powers.

The low power gives confident foreground, the high one confident background. Published:
PSA 4 32 (4 24 in its paper), SEAM 4 24, MCTformer 1 12. Stopped or killed, the same
command goes on.

Example:
    python tools/make_affinity_labels.py work_dirs/cam/seam_r38_voc/cams \
        --images data/VOCdevkit/VOC2012/JPEGImages \
        --out work_dirs/affinity_labels/seam_r38_voc --powers 4 24 --jobs 8
"""

import argparse
import sys

from mmocr_wsss.command_line import add_file_options, call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('cams', help='folder of CAM files, ID.npz')
    parser.add_argument('--images', required=True, help='folder of the photos')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--powers', type=float, nargs=2, default=(4, 24), metavar=('LOW', 'HIGH'),
        help='of the background score (1 - max)^power; unset: 4 24',
    )  # fmt: skip
    parser.add_argument('--crf', default='cam', help='dense CRF settings; unset: %(default)s')
    add_file_options(parser)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.stages.affinity_labels import make_affinity_labels

    written, there = make_affinity_labels(
        args.cams,
        args.images,
        args.out,
        powers=tuple(args.powers),
        crf=args.crf,
        list_file=args.ids,
        img_suffix=args.img_suffix,
        jobs=args.jobs,
    )
    print(f'{args.out}: {written} files written, {there} were there')


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
