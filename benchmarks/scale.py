# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the pipelines cost on 1, 8 and 64 GPUs: a model, and a check of it on this machine.

1. Hours, what they wait for, bytes, files and GPU memory of every stage, from the configs and
   counted operations. Nothing is run. What the machine can do is assumed: see the options,
   whose values are printed.
2. With --check: training and CAM making through the distributed launcher and affinity labels
   in a pool, with several processes on this machine's CPU, against what the same model
   predicts. Six minutes on two cores at most; nothing else may run.

Example:
    python benchmarks/scale.py
    python benchmarks/scale.py --pipelines seam_coco --tflops 60 --network 12.5
    python benchmarks/scale.py --check
"""

import argparse
import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from scale_check import check, check_table
from scale_model import Assumed, Stage, serial_share
from scale_stages import DATA, PIPELINES, Plan

from mmocr_wsss.artifacts import atomic_path

GIB = 2**30


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--pipelines', nargs='+', choices=PIPELINES, default=PIPELINES)
    parser.add_argument('--gpus', nargs='+', type=int, default=(1, 8, 64), metavar='N')
    parser.add_argument('--check', action='store_true', help='the check instead of the model')
    parser.add_argument('--processes', nargs='+', type=int, default=(1, 2, 4), metavar='N',
                        help='of the check; the first must be 1')  # fmt: skip
    parser.add_argument('--quick', action='store_true', help='a check of toy size')
    parser.add_argument('--out', help='write the numbers to this JSON file too')
    group = parser.add_argument_group('assumptions')
    for item in fields(Assumed):
        text = f'{item.metadata["help"]} (default: {item.default})'
        group.add_argument(option(item.name), type=item.type, default=item.default, help=text)
    return parser.parse_args()


def option(name: str) -> str:
    return '--' + name.replace('_', '-')


def stage_numbers(stage: Stage, gpus: Sequence[int], assumed: Assumed) -> dict:
    """What the table shows of a stage; lists are by the numbers of GPUs."""
    works = [stage.work(count, assumed) for count in gpus]
    memory = [stage.gpu_memory(count, assumed) for count in gpus]
    share = None
    if len(gpus) > 1:
        share = serial_share(works[0].seconds, works[-1].seconds, gpus[-1] / gpus[0])
    return dict(
        stage=stage.name,
        hours=[work.seconds / 3600 for work in works],
        used=[work.used for work in works],
        limit=works[-1].limit,
        serial=share,
        gb=stage.size / 1e9,
        files=stage.files,
        memory_gib=[size / GIB for size in memory if size is not None],
    )


def number(value: float) -> str:
    """Two digits, or all before the point."""
    if value < 0.995:
        return f'{value:.2f}' if value >= 0.005 else '< 0.01'
    return f'{value:.1f}' if value < 9.95 else f'{value:,.0f}'


def stage_table(rows: list[dict], gpus: Sequence[int]) -> list[str]:
    """The stages of a pipeline in Markdown."""
    heads = [f'{count} GPU{"s" * (count > 1)}' for count in gpus]
    lines = [
        f'| stage | hours, {" | ".join(heads)} | not shortened | waits for, {heads[-1]} | GB '
        f'| files | GiB per GPU, {" / ".join(map(str, gpus))} |',
        '|---' * (6 + len(gpus)) + '|',
    ]
    for row in rows:
        cells = [number(row['hours'][0])]
        for count, used, value in zip(gpus[1:], row['used'][1:], row['hours'][1:], strict=True):
            cells.append(number(value) + (f' (on {used})' if 0 < used < count else ''))
        serial = '' if row['serial'] is None else f'{row["serial"]:.0%}'
        memory = ' / '.join(number(value) for value in row['memory_gib'])
        lines.append(
            f'| {row["stage"]} | {" | ".join(cells)} | {serial} | {row["limit"]} '
            f'| {number(row["gb"])} | {row["files"]:,} | {memory} |'
        )
    return lines


def sum_table(found: dict[str, list[dict]], gpus: Sequence[int]) -> list[str]:
    """A column per pipeline: hours of the stages on the first number of GPUs, and all together."""
    rows = list(found.values())
    one = f'{gpus[0]} GPU{"s" * (gpus[0] > 1)}'
    table = [
        (f'{stages[0]["stage"]}, {one}', [number(row['hours'][0]) for row in stages])
        for stages in zip(*rows, strict=True)
    ]
    for i, count in enumerate(gpus):
        hours = [number(sum(row['hours'][i] for row in stages)) for stages in rows]
        table.append((f'**all, {count} GPU{"s" * (count > 1)}**', hours))
    table.append(('GB', [number(sum(row['gb'] for row in stages)) for stages in rows]))
    table.append(('files', [f'{sum(row["files"] for row in stages):,}' for stages in rows]))
    lines = [f'| hours | {" | ".join(found)} |', '|---' * (1 + len(found)) + '|']
    return lines + [f'| {name} | {" | ".join(cells)} |' for name, cells in table]


def assumption_table(assumed: Assumed) -> list[str]:
    lines = ['| assumed | | |', '|---|---|---|']
    for item in fields(Assumed):
        value = getattr(assumed, item.name)
        lines.append(f'| `{option(item.name)}` | {value:g} | {item.metadata["help"]} |')
    for name, data in DATA.items():
        lines.append(
            f'| {name} | {data.train:,} | photos of {data.width} x {data.height} with {data.tags} '
            f'tags; {data.scored:,} with masks; val has {data.val:,} |'
        )
    return lines


def model(args: argparse.Namespace, assumed: Assumed) -> dict:
    """Print the tables; gives the numbers."""
    found = {}
    for name in args.pipelines:
        stages = Plan(name, assumed).stages()
        found[name] = [stage_numbers(stage, args.gpus, assumed) for stage in stages]
        print('\n'.join([f'{name}:', '', *stage_table(found[name], args.gpus), '']), flush=True)
    print('\n'.join([f'Hours of the stages on {args.gpus[0]} GPU(s), and of all:', '',
                     *sum_table(found, args.gpus), '', *assumption_table(assumed)]))  # fmt: skip
    return dict(gpus=list(args.gpus), assumed=asdict(assumed), pipelines=found)


def main():
    warnings.simplefilter('ignore')  # of the hosts
    args = parse_args()
    assumed = Assumed(**{item.name: getattr(args, item.name) for item in fields(Assumed)})
    if args.check:
        numbers = check(args.processes, assumed, quick=args.quick)
        print('\n'.join(check_table(numbers)))
    else:
        numbers = model(args, assumed)
    if args.out:
        with atomic_path(args.out) as temporary:
            Path(temporary).write_text(json.dumps(numbers, indent=1), encoding='utf-8')


if __name__ == '__main__':
    main()
