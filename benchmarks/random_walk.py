# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The random walk over affinities: ours against the published dense matrix power.

Three ways to the same score maps, from the same affinities of pixel pairs: the dense
(P, P) transition matrix squared log2(steps) times, as published; the sparse matrix
(scipy) applied once per step; ours, a Chebyshev polynomial of the neighbourhood
stencil. Building the matrix counts. Each run is a process of its own; ours and the
sparse one are repeated and the median is taken. Memory is the peak above that of the
affinities.

Example:
    python benchmarks/random_walk.py
    python benchmarks/random_walk.py --sizes 500x375 --growth
"""

import argparse
import json
import math
import os
import statistics
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F
from process_memory import in_child, read_status, reset_peak

from mmocr_wsss.functional.affinity import (
    inner_grid,
    pair_affinities,
    pair_offsets,
    shifted_grid,
)
from mmocr_wsss.functional.random_walk import Transition, chebyshev_weights, walk

RADIUS, BETA, STRIDE = 5, 8, 8


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        '--sizes', nargs='+', type=size, default=[(500, 375), (1000, 750)], metavar='WxH',
        help='photos, in pixels; the grid is at stride 8',
    )  # fmt: skip
    parser.add_argument('--steps', type=int, default=256, help='a power of 2')
    parser.add_argument('--classes', type=int, default=3, help='tagged ones; background is added')
    parser.add_argument('--repeats', type=int, default=5, help='of ours and of the sparse product')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument(
        '--growth', action='store_true', help='also how time and memory grow with the pixels'
    )
    parser.add_argument('--out', help='write the numbers to this JSON file too')
    return parser.parse_args()


def size(text):
    width, height = text.split('x')
    return int(width), int(height)


def inputs(photo, classes):
    """Affinities of smooth random features and random scores, (h, w) grid."""
    torch.manual_seed(0)
    width, height = (-(-side // STRIDE) for side in photo)
    features = F.avg_pool2d(torch.randn(1, 32, height, width), 5, 1, 2) * 2
    scores = torch.rand(classes + 1, height, width)
    return pair_affinities(features, RADIUS)[0], scores


def pairs(affinities, grid):
    """(from, to, affinity to the power beta) of all pairs, flat."""
    index = torch.arange(math.prod(grid)).view(grid)
    start = inner_grid(index, RADIUS).flatten()
    ends = [shifted_grid(index, RADIUS, offset).flatten() for offset in pair_offsets(RADIUS)]
    return start.repeat(len(ends)), torch.cat(ends), affinities.pow(BETA).flatten()


def dense(affinities, scores, steps):
    grid = scores.shape[1:]
    start, end, values = pairs(affinities, grid)
    matrix = torch.eye(math.prod(grid))
    matrix[start, end] = matrix[end, start] = values
    matrix = matrix / matrix.sum(dim=0, keepdim=True)
    for _ in range(round(math.log2(steps))):
        matrix = matrix @ matrix
    return (scores.flatten(1) @ matrix).view_as(scores)


def sparse(affinities, scores, steps):
    from scipy.sparse import coo_array

    grid = scores.shape[1:]
    start, end, values = (part.numpy() for part in pairs(affinities, grid))
    count = math.prod(grid)
    own = np.arange(count)
    rows, columns = np.concatenate([start, end, own]), np.concatenate([end, start, own])
    values = np.concatenate([values, values, np.ones(count, np.float32)])
    # Transposed, so that the walk is a product from the left.
    matrix = coo_array((values, (columns, rows)), shape=(count, count)).tocsr()
    matrix.data /= np.repeat(np.asarray(matrix.sum(axis=1)).ravel(), np.diff(matrix.indptr))
    walked = np.ascontiguousarray(scores.flatten(1).numpy().T)
    for _ in range(steps):
        walked = matrix @ walked
    return torch.from_numpy(np.ascontiguousarray(walked.T)).view_as(scores)


def ours(affinities, scores, steps):
    transition = Transition(affinities, tuple(scores.shape[1:]), radius=RADIUS, beta=BETA)
    return walk(scores, transition, steps=steps)


WAYS = {'dense': dense, 'sparse': sparse, 'ours': ours}


def measure(name, args, given, path, queue):
    """Median seconds and peak MiB of one way; its result goes to ``path``."""
    torch.set_num_threads(args.threads)
    # Made elsewhere: memory that was used and freed here would hide what the walk needs.
    affinities, scores = torch.load(given, weights_only=True)
    way = WAYS[name]
    warm, small = inputs((120, 96), args.classes)
    way(warm, small, 4)  # imports and thread pools
    seconds = []
    before = reset_peak()
    for _ in range(1 if name == 'dense' else args.repeats):
        start = time.perf_counter()
        result = way(affinities, scores, args.steps)
        seconds.append(time.perf_counter() - start)
    memory = (read_status('VmHWM') - before) / 1024
    np.save(path, result.numpy())
    queue.put((statistics.median(seconds), memory))


def compare(photo, names, args, folder):
    """Numbers of one photo size; ratios are those to the dense form."""
    row = {'photo': photo, 'pixels': math.prod(-(-side // STRIDE) for side in photo)}
    results, given = {}, os.path.join(folder, 'inputs.pt')
    torch.save(inputs(photo, args.classes), given)
    for name in names:
        path = os.path.join(folder, f'{name}.npy')
        row[f'{name}_seconds'], row[f'{name}_mib'] = in_child(measure, name, args, given, path)
        results[name] = np.load(path)
    for name in names[1:]:
        difference = np.abs(results[name] - results[names[0]])
        row[f'{name}_max_difference'] = float(difference.max())
    return row


def show(row):
    width, height = row['photo']
    print(f'{width} x {height}, {row["pixels"]} cells')
    for name in WAYS:
        if f'{name}_seconds' not in row:
            continue
        line = f'  {name:>6}: {row[f"{name}_seconds"]:9.4f} s, {row[f"{name}_mib"]:8.1f} MiB'
        if name != 'dense' and 'dense_seconds' in row:
            faster = row['dense_seconds'] / row[f'{name}_seconds']
            # Below a MiB the allocator's own pages are what is measured.
            less = row['dense_mib'] / max(row[f'{name}_mib'], 1)
            line += f'; {faster:.0f} x as fast as dense, at most 1/{less:.0f} of its memory'
            line += f', differs by {row[f"{name}_max_difference"]:.1e}'
        print(line, flush=True)


def growth(args, folder):
    """Exponents of time over pixels, from the least to the most."""
    rows = {}
    for name, photos in (
        ('dense', [(160, 120), (320, 240), (500, 375)]),
        ('ours', [(500, 375), (1000, 750), (2000, 1500)]),
    ):
        rows[name] = [compare(photo, [name], args, folder) for photo in photos]
        first, last = rows[name][0], rows[name][-1]
        pixels = math.log(last['pixels'] / first['pixels'])
        slopes = {
            key: math.log(last[f'{name}_{key}'] / max(first[f'{name}_{key}'], 1e-3)) / pixels
            for key in ('seconds', 'mib')
        }
        print(f'{name}: time ~ pixels^{slopes["seconds"]:.2f}, memory ~ pixels^{slopes["mib"]:.2f}')
        for row in rows[name]:
            show(row)
    return rows


def main():
    args = parse_args()
    terms = len(chebyshev_weights(args.steps))
    print(
        f'{args.steps} steps, {args.classes} classes and background, {args.threads} threads; '
        f'ours needs {terms - 1} products'
    )
    numbers = {'steps': args.steps, 'products': terms - 1, 'rows': []}
    with tempfile.TemporaryDirectory() as folder:
        for photo in args.sizes:
            row = compare(photo, list(WAYS), args, folder)
            show(row)
            numbers['rows'].append(row)
        if args.growth:
            numbers['growth'] = growth(args, folder)
    if args.out:
        with open(args.out, 'w', encoding='utf-8') as file:
            json.dump(numbers, file, indent=1)


if __name__ == '__main__':
    main()
