# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Training steps on a CPU with freed memory kept against glibc's default (Linux).

Two processes hold the same model and batch and step in turn, one thread each; the median of
the paired ratios is what counts. Page faults and peak memory stand beside it.

Example:
    python benchmarks/heap.py
    python benchmarks/heap.py --config configs/ocr/seam_r38_voc.py --size 224 --batch-size 2
"""

import argparse
import json
import multiprocessing
import resource
import statistics
from pathlib import Path

import torch
from loss import add_step_options, build_step
from process_memory import read_status

from mmocr_wsss.engine.heap import keep_freed_memory


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_step_options(parser)
    config = 'configs/ocr/effnet-lite0_voc-animals.py'
    parser.set_defaults(config=config, size=160, batch_size=16, steps=11)
    return parser.parse_args()


def train(args, keep, requests):
    """A process that makes a training step whenever asked, and says what it took."""
    torch.set_num_threads(1)
    if keep and not keep_freed_memory():
        raise SystemExit('this C library cannot keep freed memory: nothing to measure.')
    args.oc_share = 1.0
    step, _ = build_step(args)
    for _ in range(2):
        step(True)
    while requests.recv():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        seconds = step(True)[0]
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        requests.send((seconds, faults, read_status('VmHWM') / 1024))


def main():
    args = parse_args()
    context = multiprocessing.get_context('spawn')
    ends = {}
    for keep in (False, True):
        ends[keep], other = context.Pipe()
        context.Process(target=train, args=(args, keep, other), daemon=True).start()
        other.close()
    rows = []
    for number in range(args.steps):
        row = {}
        for keep in (True, False) if number % 2 else (False, True):
            ends[keep].send(True)
            row[keep] = ends[keep].recv()
        rows.append(row)
        print(f'  pair {number + 1}/{args.steps}: {row[False][0]:.2f} s, {row[True][0]:.2f} s')
    for end in ends.values():
        end.send(False)
    ratios = [row[True][0] / row[False][0] for row in rows]
    numbers = dict(config=args.config, size=args.size, batch_size=args.batch_size, ratios=ratios)
    numbers['step_ratio'] = statistics.median(ratios)
    for keep, name in ((False, 'default'), (True, 'kept')):
        seconds, faults, peak = (
            statistics.median(v) for v in zip(*(r[keep] for r in rows), strict=True)
        )
        numbers[name] = dict(seconds=seconds, page_faults=faults, peak_mib=peak)
        print(f'{name}: {seconds:.3f} s a step, {faults:.0f} page faults, at most {peak:.0f} MiB')
    print(
        f'kept / default = {numbers["step_ratio"]:.3f} (median of {args.steps} pairs, '
        f'{min(ratios):.2f} to {max(ratios):.2f})'
    )
    if args.out:
        Path(args.out).write_text(json.dumps(numbers, indent=1))


if __name__ == '__main__':
    main()
