# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Run all benchmarks and write one table: what was measured, against what, the ratio of times.

Each benchmark runs in a process of its own and leaves OUT/NAME.json; one that is there is not
run again, so that a killed run goes on. The table is OUT/table.md, with versions and threads.
Nothing else may run beside it. All take about an hour on two cores, ``--quick`` three minutes
on toy sizes, whose ratios mean nothing.

Example:
    python benchmarks/run.py --out work_dirs/benchmarks
    python benchmarks/run.py --out work_dirs/benchmarks --only evaluation heap
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from mmocr_wsss.artifacts import atomic_path
from mmocr_wsss.hosts import HOSTS

FOLDER = Path(__file__).resolve().parent
ANIMALS = FOLDER.parent / 'configs' / 'ocr' / 'effnet-lite0_voc-animals.py'
R38 = FOLDER.parent / 'configs' / 'ocr' / 'seam_r38_voc.py'


class Row(NamedTuple):
    """A line of the table; ratio: our time over that of the alternative."""

    what: str
    against: str
    ratio: float | None
    least: float | None = None
    most: float | None = None
    note: str = ''


class Benchmark(NamedTuple):
    """A script, its options at full size and for a quick trial, and how its numbers are read."""

    script: str
    full: tuple
    quick: tuple
    rows: Callable[[dict[str, Any]], Iterator[Row]]


def evaluation_rows(numbers):
    note = f'numbers are {"equal" if numbers["equal"] else "NOT equal"}'
    yield Row('IoU metric', "mmseg's IoUMetric", 1 / numbers['speed'], note=note)


def heap_rows(numbers):
    note = f'{numbers["kept"]["peak_mib"] / numbers["default"]["peak_mib"]:.2f} of its memory'
    ratios = numbers['ratios']
    yield Row(
        'training step, freed memory kept', "glibc's default", median(ratios), min(ratios),
        max(ratios), note,
    )  # fmt: skip


def loss_rows(numbers):
    for row in numbers.get('loss', ()):
        yield Row(
            f'loss, {row["num_classes"]} classes, {row["oc_share"]:.0%} OC',
            'cross entropy on the same logits', row['time_ratio'],
            note=f'{row["memory_ratio"]:.2f} of its memory',
        )  # fmt: skip
    ratios = numbers['step']['ratios']
    yield Row(
        'training step with the loss', 'the step without', median(ratios), min(ratios),
        max(ratios), f'the term alone: {numbers["step"]["term_ratio"]:.4f}',
    )  # fmt: skip


def cam_rows(numbers):
    for row in numbers['rows']:
        yield Row(
            f'CAM making, {row["method"]}', 'a plain loop', 1 / row['speed_ratio'],
            note=f'largest difference {row["max_difference"]:.1e}',
        )  # fmt: skip


def walk_rows(numbers):
    for row in numbers['rows']:
        yield Row(
            'random walk, {} x {}'.format(*row['photo']), 'dense matrix power',
            row['ours_seconds'] / row['dense_seconds'],
            note=f'largest difference {row["ours_max_difference"]:.1e}',
        )  # fmt: skip


def crf_rows(numbers):
    for row in numbers['rows'][1:]:
        yield Row(
            f'affinity labels, {row["jobs"]} processes', 'one process', 1 / row['speed'],
            1 / row['speed_most'], 1 / row['speed_least'],
            f'files are {"the same" if numbers["same_files"] else "NOT the same"}',
        )  # fmt: skip


def coco_rows(numbers):
    note = f'{numbers["images"]:,} images, peak {numbers["peak_mib"]:,.0f} MiB, '
    note += 'bytes are the same' if numbers['same'] else 'bytes are NOT the same'
    yield Row('COCO conversion, killed and resumed', 'itself', None, note=note)


def scale_rows(numbers):
    for row in numbers['times']:
        if row['processes'] > 1:
            yield Row(
                f'{row["stage"]}, {row["processes"]} processes', 'one process',
                row['measured_ratio'], note=f'the model says {row["predicted_ratio"]:.2f}',
            )  # fmt: skip


def effnet(*more):
    return ('--step-only', '--config', ANIMALS, *more)


BENCHMARKS = {
    'evaluation': Benchmark('evaluation.py', (), ('--images', 20), evaluation_rows),
    'heap': Benchmark(
        'heap.py', ('--config', ANIMALS),
        ('--config', ANIMALS, '--size', 64, '--batch-size', 2, '--steps', 2), heap_rows,
    ),
    'loss': Benchmark(
        'loss.py', ('--config', R38, '--size', 128, '--steps', 11, '--threads', 1),
        effnet('--size', 64, '--batch-size', 2, '--steps', 2, '--threads', 1), loss_rows,
    ),
    'cam': Benchmark(
        'cam.py', (), ('--size', 48, 32, '--width-mult', 0.0625, '--threads', 1), cam_rows
    ),
    'random_walk': Benchmark(
        'random_walk.py', (), ('--sizes', '160x112', '--threads', 1, '--repeats', 1), walk_rows
    ),
    'dense_crf': Benchmark(
        'dense_crf.py', (), ('--size', 64, 48, '--images', 8, '--repeats', 1), crf_rows
    ),
    'coco14': Benchmark(
        'coco14.py', ('--images', 8000, '--objects', 58000, '--runs', 1, '--kills', 1),
        ('--images', 400, '--objects', 3000, '--runs', 1, '--kills', 1), coco_rows,
    ),
    'scale': Benchmark(
        'scale.py', ('--check',), ('--check', '--quick', '--processes', 1, 2), scale_rows
    ),
}  # fmt: skip


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--out', default='work_dirs/benchmarks', help='folder of numbers and table')
    parser.add_argument('--only', nargs='+', choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument('--quick', action='store_true', help='toy sizes: does everything run?')
    return parser.parse_args()


def measure(name: str, out: Path, quick: bool) -> dict[str, Any]:
    """The numbers of a benchmark, which is run unless they are there."""
    path = out / f'{name}{".quick" if quick else ""}.json'
    if not path.exists():
        benchmark = BENCHMARKS[name]
        options = benchmark.quick if quick else benchmark.full
        with atomic_path(path) as temporary:
            command = [sys.executable, FOLDER / benchmark.script, *options, '--out', temporary]
            done = subprocess.run([str(part) for part in command], stdout=sys.stderr, check=False)
            if done.returncode:
                raise SystemExit(
                    f'error: {benchmark.script} failed with {done.returncode}, see above'
                )
    return json.loads(path.read_text(encoding='utf-8'))


def table(rows: list[Row]) -> str:
    """The rows in Markdown, and what they were measured with."""
    lines = ['| | against | time, alternative = 1 | range | |', '|---|---|---|---|---|']
    for row in rows:
        ratio = '' if row.ratio is None else f'{row.ratio:.3g}'
        spread = '' if row.least is None else f'{row.least:.3g} to {row.most:.3g}'
        lines.append(f'| {row.what} | {row.against} | {ratio} | {spread} | {row.note} |')
    modules = ('torch', 'numpy', *(host.module for host in HOSTS))
    versions = ', '.join(f'{name} {import_module(name).__version__}' for name in modules)
    lines += ['', f'Python {platform.python_version()}, {versions}; {os.cpu_count()} cores.']
    return '\n'.join(lines) + '\n'


def main():
    args = parse_args()
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, name in enumerate(args.only, 1):
        print(f'[{number}/{len(args.only)}] {name}', file=sys.stderr, flush=True)
        rows += BENCHMARKS[name].rows(measure(name, out, args.quick))
    text = table(rows)
    with atomic_path(out / 'table.md') as temporary:
        Path(temporary).write_text(text, encoding='utf-8')
    print(text, end='')


if __name__ == '__main__':
    main()
