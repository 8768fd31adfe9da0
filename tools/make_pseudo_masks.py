#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Make pseudo masks straight from CAMs, without AffinityNet.

--method threshold takes the best class where it exceeds a constant background score, by
option after a dense CRF; --method irn takes two thresholds and ignores what they do not
agree on. Masks are palette PNGs of class ids, 255 = ignored. Stopped or killed, the same
command goes on.

Example:
    python tools/make_pseudo_masks.py work_dirs/cam/seam_r38_voc/cams work_dirs/masks/seam_crf \
        --crf cam --images data/VOCdevkit/VOC2012/JPEGImages --jobs 8
    python tools/make_pseudo_masks.py work_dirs/cam/seam_r38_voc/cams work_dirs/masks/seam_irn \
        --method irn --images data/VOCdevkit/VOC2012/JPEGImages --jobs 8
"""

import argparse
import sys

from mmocr_wsss.command_line import add_file_options, call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('cams', help='folder of CAM files, ID.npz')
    parser.add_argument('out', help='folder to write to')
    parser.add_argument('--method', default='threshold', choices=('threshold', 'irn'))
    parser.add_argument(
        '--threshold', type=float, help='background score; unset: as in stage.json of the CAMs'
    )
    parser.add_argument(
        '--irn-thresholds', type=float, nargs=2, metavar=('FOREGROUND', 'BACKGROUND'),
        help='unset: 0.30 0.05, as published',
    )  # fmt: skip
    parser.add_argument(
        '--crf', help='dense CRF settings; unset: none, for --method irn irn_labels'
    )
    parser.add_argument('--images', help='folder of the photos, needed with a CRF')
    add_file_options(parser)
    args = parser.parse_args()
    if args.method == 'irn' and args.threshold is not None:
        parser.error('--threshold is for --method threshold')
    if args.method == 'threshold' and args.irn_thresholds is not None:
        parser.error('--irn-thresholds is for --method irn')
    return args


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.stages.masks_from_cams import IRN_THRESHOLDS, make_pseudo_masks

    written, there = make_pseudo_masks(
        args.cams,
        args.out,
        method=args.method,
        threshold=args.threshold,
        irn_thresholds=tuple(args.irn_thresholds or IRN_THRESHOLDS),
        crf=args.crf,
        images=args.images,
        list_file=args.ids,
        img_suffix=args.img_suffix,
        jobs=args.jobs,
    )
    print(f'{args.out}: {written} files written, {there} were there')


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
