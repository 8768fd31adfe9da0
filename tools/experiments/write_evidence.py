#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
r"""Write numbers, figures and the tables of a page of evidence from the results of an experiment.

Example:
    python tools/experiments/write_evidence.py configs/experiments/voc-animals.py \
        work_dirs/experiments/voc-animals/results.jsonl --page docs/en/evidence.md \
        --step-ratio experiment=step.json
"""

import argparse
import sys

from mmocr_wsss.command_line import call


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of configs/experiments')
    parser.add_argument('results', help='results.jsonl of tools/experiments/run.py')
    parser.add_argument(
        '--page',
        default='docs/en/evidence.md',
        help='Markdown file whose tables are made anew, the rest beside it; unset: %(default)s',
    )
    parser.add_argument(
        '--step-ratio',
        nargs='+',
        default=[],
        metavar='NAME=FILE',
        help='output of benchmarks/loss.py --out, for the experiment itself under the name '
        '"experiment"; unset: as in the present JSON of the page',
    )
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmocr_wsss.experiments.evidence import read_step_ratios, write_evidence

    ratios = read_step_ratios(args.step_ratio)
    count = write_evidence(args.config, args.results, args.page, ratios)
    print(f'{args.page}: evidence of {count} runs')


if __name__ == '__main__':
    options = parse_args()
    sys.exit(call(lambda: main(options)))
