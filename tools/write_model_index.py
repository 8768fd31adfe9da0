#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Write model-index.yml and the metafiles of configs/ from the configs.

Example, after a config was added or its expected_results changed:
    python tools/write_model_index.py
"""

import argparse
import sys
from pathlib import Path

from mmocr_wsss.command_line import call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--root',
        type=Path,
        default=Path(__file__).resolve().parents[1],
        help='folder that holds configs; unset: the one above this tool',
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.engine.model_index import model_index_files

    for name, text in model_index_files(args.root).items():
        (args.root / name).write_text(text, encoding='utf-8')
        print(args.root / name)


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
