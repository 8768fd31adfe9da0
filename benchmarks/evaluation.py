# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Scoring label maps with our IoU metric against mmseg's ``IoUMetric``, on the same arrays.

The true masks are blobs of random classes with ignored borders, a tenth of the predicted
pixels is wrong. Both metrics see every image; they alternate, and the ratio is that of the
sums. The numbers that they give must be equal.

Example:
    python benchmarks/evaluation.py
    python benchmarks/evaluation.py --size 640 480 --classes 81 --images 200
"""

import argparse
import json
import time
from pathlib import Path

import torch
from mmseg.evaluation import IoUMetric
from torch.nn import functional as F

from mmocr_wsss.evaluation import RunningIoUMetric


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--size', nargs=2, type=int, default=(500, 375), metavar=('W', 'H'))
    parser.add_argument('--classes', type=int, default=21)
    parser.add_argument('--images', type=int, default=1449)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--out', help='write the numbers to this JSON file too')
    return parser.parse_args()


def draw(number, width, height, classes):
    """A data sample as a segmenter and the data pipeline give it."""
    generator = torch.Generator().manual_seed(number)
    coarse = torch.randint(0, classes, (1, 1, 6, 8), generator=generator).float()
    true = F.interpolate(coarse, (height, width))[0].long()
    wrong = torch.rand(true.shape, generator=generator) < 0.1
    other = torch.randint(0, classes, true.shape, generator=generator)
    predicted = torch.where(wrong, other, true)
    true[:, :: height // 6] = 255
    return dict(
        pred_sem_seg=dict(data=predicted), gt_sem_seg=dict(data=true), img_path=f'{number}.jpg'
    )


def main():
    args = parse_args()
    torch.set_num_threads(args.threads)
    metrics = dict(stock=IoUMetric(), ours=RunningIoUMetric())
    seconds = dict.fromkeys(metrics, 0.0)
    for metric in metrics.values():
        metric.dataset_meta = dict(classes=[str(c) for c in range(args.classes)])
    for number in range(args.images):
        sample = draw(number, *args.size, args.classes)
        for name, metric in metrics.items():
            begin = time.perf_counter()
            metric.process({}, [sample])
            seconds[name] += time.perf_counter() - begin
    found = {}
    for name, metric in metrics.items():
        begin = time.perf_counter()
        found[name] = metric.evaluate(args.images)
        seconds[name] += time.perf_counter() - begin
    equal = found['stock'] == found['ours']
    ratio = seconds['stock'] / seconds['ours']
    print(
        f'{args.images} label maps of {args.size[0]} x {args.size[1]}, {args.classes} classes, '
        f'{args.threads} thread(s): IoUMetric {seconds["stock"]:.2f} s, ours {seconds["ours"]:.2f} '
        f's: {ratio:.2f} times as fast\nnumbers are {"equal" if equal else "NOT equal"}'
    )
    if args.out:
        numbers = dict(vars(args), seconds=seconds, speed=ratio, equal=equal)
        del numbers['out']
        Path(args.out).write_text(json.dumps(numbers, indent=1))


if __name__ == '__main__':
    main()
