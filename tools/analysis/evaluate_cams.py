#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Score CAM files against true masks, at one threshold and at all of them; or label maps.

Without true masks, label maps are scored against the tags: --pseudo-masks --tags TABLE.

Examples:
    python tools/analysis/evaluate_cams.py work_dirs/cam/seam_r38_voc/cams \
        --masks data/VOCdevkit/VOC2012/SegmentationClassAug \
        --ids data/VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt
    python tools/analysis/evaluate_cams.py work_dirs/affinity/seam_r38_voc/pseudo_masks \
        --pseudo-masks --masks data/VOCdevkit/VOC2012/SegmentationClassAug \
        --ids data/VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt
"""

import argparse
import sys

from mmocr_wsss.command_line import add_jobs_option, add_stage_options, at_least, call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('folder', help='folder of CAM files, ID.npz')
    parser.add_argument('--masks', help='folder of true masks, ID.png')
    parser.add_argument('--ids', help='list file of the images; unset: all files of the folder')
    add_stage_options(parser)
    parser.add_argument(
        '--supported', nargs='+', metavar='CLASS',
        help='classes with a mean of their own; unset: those with --min-pixels true pixels',
    )  # fmt: skip
    parser.add_argument(
        '--min-pixels',
        type=at_least(1),
        default=1,
        metavar='N',
        help='true pixels that make a class count as supported; unset: %(default)s',
    )
    parser.add_argument(
        '--pseudo-masks',
        action='store_true',
        help='the folder holds label maps, ID.png with 255 = ignored, instead of CAM files',
    )
    parser.add_argument('--tags', help='table of image-level tags, for the OC rate of label maps')
    parser.add_argument(
        '--no-background', action='store_true', help='no pixel may be background (--tags)'
    )
    parser.add_argument('--out', help='JSON file for all numbers')
    add_jobs_option(parser)
    args = parser.parse_args()
    if args.tags and not args.pseudo_masks:
        parser.error('--tags is for --pseudo-masks; CAM files hold tagged classes only')
    if not args.masks and not args.tags:
        parser.error('give --masks; or --pseudo-masks and --tags, for the OC rate alone')
    if not args.masks and args.supported:
        parser.error('--supported needs --masks')
    return args


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.artifacts import require_writable, write_json
    from mmocr_wsss.stages.evaluate_cams import evaluate_cams
    from mmocr_wsss.stages.evaluate_masks import evaluate_masks
    from mmocr_wsss.stages.evaluate_tags import evaluate_against_tags
    from mmocr_wsss.stages.evaluation_text import evaluation_text, tag_text

    if args.out:
        require_writable(args.out, '--out', folder=False)
    options = dict(
        list_file=args.ids,
        classes=args.classes,
        jobs=args.jobs,
    )
    background, text = not args.no_background, evaluation_text
    scored = options | dict(min_pixels=args.min_pixels, supported=args.supported)
    if not args.masks:
        report = evaluate_against_tags(args.folder, args.tags, background=background, **options)
        text = tag_text
    elif args.pseudo_masks:
        report = evaluate_masks(
            args.folder, args.masks, tags=args.tags, background=background, **scored
        )
    else:
        report = evaluate_cams(args.folder, args.masks, threshold=args.threshold, **scored)
    print(text(report))
    if args.out:
        write_json(args.out, report)


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
