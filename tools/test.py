#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Evaluate a checkpoint of any mmseg or mmpretrain config, or make CAMs with it.

Examples:
    python tools/test.py configs/ocr/seam_r38_voc.py work_dirs/ocr/seam_r38_voc/iter_20000.pth
    python tools/test.py configs/cam/seam_r38_voc.py work_dirs/cam/seam_r38_voc/iter_10576.pth
"""

import argparse
import sys

from mmocr_wsss.command_line import add_run_options, call, prepare_environment


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    add_run_options(parser)
    parser.add_argument(
        '--out', help='folder for the predicted label maps (PNG), or for the CAMs of configs/cam'
    )
    parser.add_argument('--show', action='store_true', help='show predictions in a window')
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds per shown picture')
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation: tta_model and tta_pipeline'
    )
    parser.add_argument(
        '--check',
        action='store_true',
        help='compare with expected_results of the config: exit 1 unless the measured ones are '
        'met; published ones are shown beside what the run gives, and never fail',
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> int:
    prepare_environment(args)
    from mmocr_wsss.engine.launch import test

    faults = test(args)
    for fault in faults:
        print(f'error: expected_results: {fault}', file=sys.stderr)
    return int(bool(faults))


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
