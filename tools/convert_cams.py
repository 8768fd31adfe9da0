#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Convert CAM files from and to the pickled .npy dictionaries of other code.

--to npz reads {0-based class index: (H, W)} as PSA, SEAM and MCTformer write it, without
running what is in the files; values are stored as float16. --to npy writes it at full size.
Stopped or killed, the same command goes on.

Example:
    python tools/convert_cams.py their_cams work_dirs/their_cams --to npz --classes voc
    python tools/convert_cams.py work_dirs/cam/seam_r38_voc/cams for_them --to npy
"""

import argparse
import sys

from mmocr_wsss.command_line import add_jobs_option, at_least, call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', help='folder of the files to convert')
    parser.add_argument('out', help='folder to write to')
    parser.add_argument('--to', required=True, choices=('npz', 'npy'), help='format to write')
    parser.add_argument('--ids', help='list file of the images; unset: all files of the folder')
    parser.add_argument('--overwrite', action='store_true', help='write existing files anew')
    add_jobs_option(parser)
    npz = parser.add_argument_group('for --to npz')
    npz.add_argument('--images', help='folder of the photos; needed if some images have no tags')
    npz.add_argument('--img-suffix', metavar='.EXT', help='how photos end; unset: .jpg or .png')
    npz.add_argument(
        '--classes',
        help='voc, coco14, or a text file with one foreground class per line, for stage.json',
    )
    npz.add_argument('--threshold', type=float, help='background threshold, for stage.json')
    npz.add_argument(
        '--stride',
        type=at_least(1),
        help='store every map at 1/STRIDE of the size; unset: full size',
    )
    args = parser.parse_args()
    if args.to == 'npy':
        for name in ('images', 'img_suffix', 'classes', 'threshold', 'stride'):
            if getattr(args, name) is not None:
                parser.error(f'--{name.replace("_", "-")} is for --to npz')
    return args


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.stages.convert_cams import export_cams, import_cams

    options = dict(list_file=args.ids, overwrite=args.overwrite, jobs=args.jobs)
    if args.to == 'npy':
        written, there = export_cams(args.source, args.out, **options)
    else:
        written, there = import_cams(
            args.source,
            args.out,
            images=args.images,
            img_suffix=args.img_suffix,
            classes=args.classes,
            threshold=args.threshold,
            stride=1 if args.stride is None else args.stride,
            **options,
        )
    print(f'{args.out}: {written} files written, {there} were there')


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
