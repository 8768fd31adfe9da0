#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Make a data set that the configs read from images of one's own and their tags.

Tags are a table or the folders that the images lie in:
    CSV image,tags            cats/1.png,cat|dog      (or ; or a quoted comma between tags)
    CSV image,NAME1,NAME2     cats/1.png,1,0          (a column per class)
    JSON                      {"cats/1.png": ["cat"]} or {"cats/1.png": [1, 0]}
    --folder-per-class        IMAGES/cat/1.png; a copy in IMAGES/dog/ adds the tag dog

Examples:
    python tools/dataset_converters/from_tags.py ~/photos --out data/mine \
        --tags ~/tags.csv --classes ~/classes.txt --jobs 8
    python tools/dataset_converters/from_tags.py ~/photos --out data/mine \
        --folder-per-class --classes ~/classes.txt --masks ~/masks
"""

import argparse
import sys

from mmocr_wsss.command_line import add_jobs_option, at_least, call

NEXT = 'python tools/pipeline.py configs/pipelines/effnet-lite0_voc-animals.py --data-root'
_COUNTED = (
    'num_masks', 'without_tags', 'missing_images', 'unreadable', 'duplicates',
    'duplicates_with_other_tags', 'duplicate_rows', 'merged_rows', 'merged_copies', 'other_files',
)  # fmt: skip


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('images', help='folder of images, at any depth')
    parser.add_argument('--out', required=True, help='folder to write to, outside of IMAGES')
    tags = parser.add_mutually_exclusive_group(required=True)
    tags.add_argument('--tags', help='table of tags, .csv or .json')
    tags.add_argument(
        '--folder-per-class', action='store_true', help='the first folder below IMAGES is the tag'
    )
    parser.add_argument('--classes', required=True, help='text file, a class name per line')
    parser.add_argument('--masks', help='folder of true masks; validation images need one each')
    parser.add_argument(
        '--val-share',
        type=float,
        default=0.1,
        help='part of the images for validation, 0: none; unset: %(default)s',
    )
    parser.add_argument(
        '--no-background', action='store_true', help='every pixel shows one of the classes'
    )
    add_jobs_option(parser)
    parser.add_argument(
        '--min-per-class',
        type=at_least(0),
        default=5,
        help='warn of classes with fewer training or validation images; unset: %(default)s',
    )
    parser.add_argument(
        '--skip-unusable',
        action='store_true',
        help='leave out images that are missing or cannot be read, instead of an error',
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.converters.own_data import convert_own_data

    report = convert_own_data(
        args.images,
        args.out,
        tags=args.tags,
        classes=args.classes,
        masks=args.masks,
        val_share=args.val_share,
        background=not args.no_background,
        min_per_class=args.min_per_class,
        skip_unusable=args.skip_unusable,
        jobs=args.jobs,
    )
    print(as_text(report, args.min_per_class))
    print(f'Next:\n  {NEXT} {args.out}')


def as_text(report: dict, min_per_class: int) -> str:
    """Numbers of the report, a line each; rare classes as a warning."""
    width = max(map(len, [*_COUNTED, *report['per_class']]))
    lines = [f'{"":{width}} {"train":>7} {"val":>7}']
    for name, count in {
        'images': {'train': report['num_train'], 'val': report['num_val']},
        **report['per_class'],
    }.items():
        lines.append(f'{name:{width}} {count["train"]:>7,} {count["val"]:>7,}')
    for key in _COUNTED:
        count = report[key] if isinstance(report[key], int) else len(report[key])
        if count:
            lines.append(f'{key.removeprefix("num_").replace("_", " "):{width}} {count:>7,}')
    for key, part, kind, then in (
        ('rare_classes', 'train', 'training', ''),
        ('rare_in_val', 'val', 'validation', '; numbers for them say little: raise --val-share'),
    ):
        if rare := report[key]:
            counts = ', '.join(f'{name} ({report["per_class"][name][part]})' for name in rare)
            lines.append(f'warning: fewer than {min_per_class} {kind} images: {counts}{then}')
    return '\n'.join(lines)


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
