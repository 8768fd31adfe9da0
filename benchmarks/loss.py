# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Cost of the out-of-candidate loss.

1. Forward and backward of the loss against ``F.cross_entropy`` on the same
   logits, for 21 and 81 classes and several shares of out-of-candidate pixels:
   time and peak memory as ratios.
2. A training step of a config with the term against the same step without it.

Example:
    python benchmarks/loss.py
    python benchmarks/loss.py --config configs/ocr/seam_r38_voc.py --size 224 --batch-size 2
"""

import argparse
import json
import statistics
import time

import torch
from mmengine.config import DictAction
from process_memory import in_child, read_status, reset_peak
from torch.nn import functional as F

from mmocr_wsss.models.candidate_segmentor import stack_candidates
from mmocr_wsss.models.losses import OutOfCandidateLoss
from mmocr_wsss.models.valid_pixels import valid_pixels

SHAPE = (8, 112, 112)  # images, h, w: a batch at the head's stride, large enough to time


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add_step_options(parser)
    parser.set_defaults(config='configs/ocr/seam_r38_voc.py', size=448, batch_size=2, steps=7)
    parser.add_argument(
        '--oc-share',
        type=float,
        default=1.0,
        help='largest share of out-of-candidate pixels at the first step; unset: nearly all are',
    )
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--step-only', action='store_true', help='leave out the first part')
    return parser.parse_args()


def add_step_options(parser):
    """The options of what times training steps; each benchmark sets defaults of its own."""
    parser.add_argument('--config')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}, help='KEY=VALUE of the config'
    )
    parser.add_argument('--size', type=int, help='side of the square crops')
    parser.add_argument('--batch-size', type=int)
    parser.add_argument('--steps', type=int, help='timed pairs of training steps')
    parser.add_argument('--width-mult', type=float, default=1.0, help='of the R38 backbone')
    parser.add_argument('--out', help='write the numbers to this JSON file too')


def make_batch(num_classes, oc_share):
    """Logits with the given share of out-of-candidate pixels, candidates, labels, prior."""
    images, height, width = SHAPE
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(images, num_classes, height, width, generator=generator)
    candidates = torch.zeros(images, num_classes, dtype=torch.bool)
    candidates[:, :3] = True
    outside = torch.rand(images, height, width, generator=generator) < oc_share
    winner = torch.where(outside, num_classes - 1, 1)
    logits.scatter_(1, winner[:, None], 10.0)
    labels = torch.randint(0, 3, (images, height, width), generator=generator)
    return logits.requires_grad_(), candidates, labels, torch.full((num_classes,) * 2, 0.5)


def measure(kind, num_classes, oc_share, threads, queue):
    """In a process of its own: seconds (median of 15) and peak bytes of forward and backward."""
    torch.set_num_threads(threads)
    logits, candidates, labels, prior = make_batch(num_classes, oc_share)
    loss = OutOfCandidateLoss()

    def step():
        logits.grad = None
        value = (
            F.cross_entropy(logits, labels)
            if kind == 'ce'
            else loss(logits, candidates, None, prior)
        )
        value.backward()

    step()
    logits.grad = None
    before = reset_peak()
    step()
    peak = read_status('VmHWM') - before
    seconds = []
    for _ in range(15):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    queue.put((statistics.median(seconds), peak))


def benchmark_loss(threads):
    rows = []
    print(f'loss forward + backward on {SHAPE} (N, h, w), {threads} threads')
    print(' classes  OC share    CE ms    OC ms  time x  memory x')
    for num_classes in (21, 81):
        for oc_share in (0.0, 0.05, 0.3, 1.0):
            ce_seconds, ce_peak = in_child(measure, 'ce', num_classes, oc_share, threads)
            oc_seconds, oc_peak = in_child(measure, 'oc', num_classes, oc_share, threads)
            row = dict(
                num_classes=num_classes,
                oc_share=oc_share,
                time_ratio=oc_seconds / ce_seconds,
                memory_ratio=oc_peak / ce_peak,
            )
            rows.append(row)
            print(
                f'{num_classes:8} {oc_share:9.2f} {1e3 * ce_seconds:8.1f} {1e3 * oc_seconds:8.1f} '
                f'{row["time_ratio"]:7.2f} {row["memory_ratio"]:9.2f}'
            )
    return rows


def candidates_for(predicted, num_classes, oc_share):
    """(C,) bool: all classes but the rarest predicted ones, up to the share of pixels."""
    counts = torch.bincount(predicted.flatten(), minlength=num_classes)
    counts[0] = predicted.numel()  # the background is a candidate
    rarest = counts.argsort()
    outside = counts[rarest].cumsum(0) <= oc_share * predicted.numel()
    return torch.ones(num_classes, dtype=torch.bool).scatter(0, rarest[outside], False)


def build_step(args):
    """One training step of the config; the flag says whether the term is in it."""
    from mmengine.config import Config
    from mmengine.structures import PixelData
    from mmseg.registry import MODELS
    from mmseg.structures import SegDataSample
    from mmseg.utils import register_all_modules

    register_all_modules()
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    cfg.model.backbone.init_cfg = None
    cfg.model.loss_oc.start_iter = 0
    if args.width_mult != 1.0:
        cfg.model.backbone.width_mult = args.width_mult
        cfg.model.decode_head.in_channels = int(4096 * args.width_mult)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.loss_oc.set_prior(torch.full((model.num_classes,) * 2, 0.5))
    stock = type(model).__mro__[2]  # the host's class, which has no term
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
    inputs = torch.randn(args.batch_size, 3, args.size, args.size)
    samples = []
    for _ in range(args.batch_size):
        sample = SegDataSample(metainfo=dict(img_path='random'))
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 3, (1, args.size, args.size)))
        sample.set_data(dict(candidates=torch.arange(model.num_classes) < 3))
        samples.append(sample)

    with torch.no_grad():
        logits = model.decode_head(model.extract_feat(inputs))
    shape = logits.shape
    if args.oc_share < 1:
        candidates = candidates_for(logits.argmax(dim=1), model.num_classes, args.oc_share)
        for sample in samples:
            sample.set_data(dict(candidates=candidates))

    def step(with_term):
        start = time.perf_counter()
        losses = model.loss(inputs, samples) if with_term else stock.loss(model, inputs, samples)
        total, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        return time.perf_counter() - start, losses.get('oc_rate')

    def term():
        """Seconds of all that the term adds: candidates, valid pixels, forward, backward."""
        logits = torch.randn(shape, requires_grad=True)
        start = time.perf_counter()
        candidates = stack_candidates(samples, logits)
        valid = valid_pixels(samples, logits.shape[-2:], ignore_index=255)
        model.loss_oc(logits, candidates, valid).backward()
        return time.perf_counter() - start

    return step, term


def benchmark_step(args):
    step, term = build_step(args)
    print(f'  out of candidate at the first step: {100 * step(True)[1]:.2f} % of the pixels')
    step(False)
    ratios, seconds = [], []
    for index in range(args.steps):
        order = (False, True) if index % 2 else (True, False)
        times = {with_term: step(with_term)[0] for with_term in order}
        ratios.append(times[True] / times[False])
        seconds.append(times[False])
        print(f'  pair {index + 1}/{args.steps}: {times[False]:.2f} s, ratio {ratios[-1]:.4f}')
    ratio = statistics.median(ratios)
    print(
        f'training step of {args.config}, {args.batch_size} x {args.size} px: with the term / '
        f'without = {ratio:.4f} (median of {args.steps} pairs, {statistics.median(seconds):.2f} s)'
    )
    alone = statistics.median(term() for _ in range(15))
    share = 1 + alone / statistics.median(seconds)
    print(
        f'the term alone, on random logits (more pixels out of candidate): {1e3 * alone:.1f} '
        f'ms, that is a ratio of {share:.4f}'
    )
    return dict(
        step_ratio=ratio,
        ratios=ratios,
        seconds=statistics.median(seconds),
        term_seconds=alone,
        term_ratio=share,
    )


def main():
    args = parse_args()
    torch.set_num_threads(args.threads)
    result = dict(torch=torch.__version__, threads=args.threads)
    if not args.step_only:
        result['loss'] = benchmark_loss(args.threads)
    result['step'] = benchmark_step(args)
    if args.out:
        with open(args.out, 'w') as file:
            json.dump(result, file, indent=1)


if __name__ == '__main__':
    main()
