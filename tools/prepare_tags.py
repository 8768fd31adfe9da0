# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Write image tags of any form as JSON {image id: [class names]}.

Example, for the training and validation lists of our VOC configs:
    python tools/prepare_tags.py data/VOCdevkit/VOC2012/Annotations \
        data/VOCdevkit/VOC2012/image_tags.json --classes voc
"""

import argparse
import os
import sys

from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.datasets.tag_tables import prepare_tags
from mmocr_wsss.labels import CLASS_SETS
from mmocr_wsss.user_errors import explain


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'source',
        help='.json, cls_labels.npy, or a folder of VOC annotations (.xml) or masks (.png)',
    )
    parser.add_argument('out', help='JSON file to write')
    parser.add_argument(
        '--classes',
        required=True,
        help=f'{", ".join(CLASS_SETS)}, or a text file with one foreground class per line',
    )
    parser.add_argument(
        '--ids', help='keep only the ids of this list file; one table may serve several lists'
    )
    return parser.parse_args(argv)


def class_names(argument: str) -> str | list[str]:
    """A name of a class set as it is, or the lines of a text file."""
    if argument in CLASS_SETS:
        return argument
    if not os.path.isfile(argument):
        raise FileNotFoundError(
            f'--classes {argument}: neither one of {sorted(CLASS_SETS)} nor a file of names.'
        )
    with open(argument, encoding='utf-8') as file:
        return [line.strip() for line in file if line.strip()]


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    try:
        ids = read_id_list(args.ids) if args.ids else None
        count = prepare_tags(args.source, args.out, class_names(args.classes), ids)
    except (ValueError, OSError) as error:
        sys.exit(f'error: {explain(error) or error}')
    print(f'{args.out}: tags of {count} images')


if __name__ == '__main__':
    main()
