#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Write a trained segmenter as an ONNX file, checked against PyTorch with ONNX Runtime.

The file takes `image` (1, 3, H, W) float32, RGB in 0..255, and gives `scores` (1, C, H, W); the
best-scored class of a pixel is its class id. The names of the classes are in its metadata.

Example:
    python tools/model_converters/export_onnx.py configs/ocr/seam_r38_voc.py \
        work_dirs/ocr/seam_r38_voc/iter_20000.pth seam.onnx --size 512 512
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
    parser.add_argument('out', metavar='OUT.onnx', help='file to write')
    parser.add_argument(
        '--size',
        nargs=2,
        type=at_least(1),
        required=True,
        metavar=('H', 'W'),
        help='height and width of the images; the file takes no others',
    )
    add_prediction_options(parser, device=False)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    prepare_environment(args)
    from mmocr_wsss.apis.onnx_export import export_onnx

    print(export_onnx(args))


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
