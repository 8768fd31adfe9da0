#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Make tags, masks of 81 classes and lists of MS COCO 2014 from its instance annotations.

ROOT holds annotations/instances_{train,val}2014.json and the photos in images/{train,val}2014
or {train,val}2014. --compare says which variant masks from elsewhere are, and writes nothing.

Examples:
    python tools/dataset_converters/coco14.py data/coco14 --out data/coco14 --jobs 8
    python tools/dataset_converters/coco14.py data/coco14 --compare MASKS --splits val2014
"""

import argparse
import sys

from mmocr_wsss.command_line import add_jobs_option, at_least, call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('root', help='folder of MS COCO 2014')
    parser.add_argument('--out', help='folder to write masks/, lists/ and image_tags.json to')
    parser.add_argument(
        '--crowd',
        default='ignore',
        help='crowd regions: ignore (255 where no object is), class, skip; unset: %(default)s',
    )
    parser.add_argument(
        '--overlap',
        default='smaller',
        help='on top in overlaps: smaller (area of the JSON), later, earlier, higher_id, or '
        'ignore (255); unset: %(default)s',
    )
    parser.add_argument(
        '--splits', nargs='+', default=['train2014', 'val2014'], help='unset: %(default)s'
    )
    parser.add_argument(
        '--no-photos', action='store_true', help='do not look whether photos are there'
    )
    parser.add_argument('--compare', metavar='FOLDER', help='masks made elsewhere, of one split')
    parser.add_argument(
        '--number', type=at_least(1), default=200, help='masks to compare; unset: %(default)s'
    )
    add_jobs_option(parser)
    args = parser.parse_args()
    if (args.out is None) == (args.compare is None):
        parser.error('give either --out OUT or --compare FOLDER')
    if args.compare and len(args.splits) != 1:
        parser.error('--compare looks at the masks of one split: --splits val2014')
    return args


def main(args: argparse.Namespace) -> None:
    if args.compare:
        compare(args)
        return
    from mmocr_wsss.converters.coco14 import convert_coco14

    report = convert_coco14(
        args.root,
        args.out,
        crowd=args.crowd,
        overlap=args.overlap,
        splits=args.splits,
        check_photos=not args.no_photos,
        jobs=args.jobs,
    )
    for split, counts in report.items():
        print(split)
        for name, count in counts.items():
            print(f'{name:>22} {count:>9,}')


def compare(args: argparse.Namespace) -> None:
    from mmocr_wsss.converters.coco14 import annotation_file
    from mmocr_wsss.converters.coco_variants import compare_masks, describe_comparison

    found = compare_masks(
        args.compare, annotation_file(args.root, args.splits[0]), number=args.number, jobs=args.jobs
    )
    print(describe_comparison(found))


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
