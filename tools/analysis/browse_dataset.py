#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Draw the samples of a config's dataset: photo, mask, candidate classes as coloured names.

Example:
    python tools/analysis/browse_dataset.py configs/ocr/seam_r38_voc.py \
        --data-root data/VOCdevkit/VOC2012 --out work_dirs/pictures
"""

import argparse
import sys

from mmocr_wsss.command_line import at_least, call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of segmentation with tags, or of a CAM classifier')
    parser.add_argument('--out', required=True, help='folder for the pictures, ID.png')
    parser.add_argument('--data-root', help='replaces data_root in every dataset of the config')
    parser.add_argument(
        '--split',
        choices=['train', 'val', 'test'],
        default='train',
        help='dataset to draw; unset: %(default)s',
    )
    parser.add_argument(
        '--mode',
        choices=['transformed', 'original'],
        default='transformed',
        help='after the pipeline, as the network gets it, or as the files are; unset: %(default)s',
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--ids', nargs='+', metavar='ID', help='draw these images')
    which.add_argument(
        '--number',
        type=at_least(1),
        default=20,
        metavar='N',
        help='draw N images, taken evenly from the dataset; unset: %(default)s',
    )
    parser.add_argument(
        '--seed',
        type=at_least(0),
        default=0,
        help='of the random transforms; unset: %(default)s',
    )
    parser.add_argument(
        '--grid',
        action='store_true',
        help='contact sheets of 20 images, contact_sheet_1.png and so on, in place of a file each',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override settings of the config, e.g. '
        'train_dataloader.dataset.dataset.data_prefix.seg_map_path=FOLDER',
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.stages.browse_dataset import browse_dataset

    count = browse_dataset(
        args.config,
        args.out,
        data_root=args.data_root,
        cfg_options=args.cfg_options,
        split=args.split,
        mode=args.mode,
        ids=args.ids,
        number=args.number,
        seed=args.seed,
        grid=args.grid,
    )
    print(f'{args.out}: {count} images')


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
