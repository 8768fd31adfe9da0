# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Affinity labels (two dense CRFs per photo) with one process against several.

The photos are noise with smooth blobs, their CAMs blobs of three tagged classes; reading,
CRF and writing count, starting the processes too. The runs alternate; the median of the
paired ratios is what counts. With --jobs 1 2 on two cores nothing else may run.

Example:
    python benchmarks/dense_crf.py
    python benchmarks/dense_crf.py --size 500 375 --images 48 --jobs 1 2 4
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from mmocr_wsss.cam_files import cam_path, write_cam
from mmocr_wsss.stage_files import write_stage
from mmocr_wsss.stages.affinity_labels import make_affinity_labels

CLASSES = 3


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--size', nargs=2, type=int, default=(320, 240), metavar=('W', 'H'))
    parser.add_argument('--images', type=int, default=48)
    parser.add_argument('--jobs', nargs='+', type=int, default=[1, 2])
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--out', help='write the numbers to this JSON file too')
    return parser.parse_args()


def blobs(rng, width, height, count):
    """(count, height, width) smooth maps in [0, 1]."""
    y, x = np.mgrid[:height, :width]
    maps = []
    for _ in range(count):
        cy, cx = rng.uniform(0, (height, width))
        spread = rng.uniform(0.05, 0.2) * width
        maps.append(np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * spread**2)))
    return np.stack(maps)


def write_inputs(root, width, height, images):
    """Photos and CAM files below ``root``."""
    rng = np.random.default_rng(0)
    (root / 'photos').mkdir()
    for number in range(images):
        cam = blobs(rng, width, height, CLASSES)
        colours = rng.uniform(0, 200, (CLASSES, 3))
        photo = np.einsum('khw,kc->hwc', cam, colours) + rng.uniform(0, 50, (height, width, 3))
        image = Image.fromarray(photo.clip(0, 255).astype(np.uint8))
        image.save(root / 'photos' / f'{number:04d}.jpg', quality=90)
        write_cam(cam_path(root / 'cams', f'{number:04d}'), cam, np.arange(1, 4), (height, width))
    write_stage(root / 'cams', {'background_threshold': 0.2, 'classes': 'voc'})


def seconds(root, jobs):
    """Wall time of all photos with ``jobs`` processes."""
    out = root / f'labels_{jobs}'
    shutil.rmtree(out, ignore_errors=True)
    begin = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()):
        make_affinity_labels(root / 'cams', root / 'photos', out, powers=(4, 24), crf='cam',
                             jobs=jobs)  # fmt: skip
    return time.perf_counter() - begin


def same_files(root, jobs):
    """Whether every number of processes wrote the same bytes."""
    folders = [root / f'labels_{count}' for count in jobs]
    names = sorted(path.name for path in folders[0].glob('*.npz'))
    return all(
        (folder / name).read_bytes() == (folders[0] / name).read_bytes()
        for folder in folders
        for name in names
    )


def main():
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_inputs(root, *args.size, args.images)
        runs = {jobs: [] for jobs in args.jobs}
        for _ in range(args.repeats):
            for jobs in args.jobs:
                runs[jobs].append(seconds(root, jobs))
        equal = same_files(root, args.jobs)
    first = args.jobs[0]
    numbers = dict(
        size=list(args.size), images=args.images, cores=os.cpu_count(), same_files=equal, rows=[]
    )
    print(f'{args.images} photos of {args.size[0]} x {args.size[1]}, {os.cpu_count()} cores')
    for jobs, times in runs.items():
        ratios = [one / other for one, other in zip(runs[first], times, strict=True)]
        row = dict(jobs=jobs, seconds=statistics.median(times), speed=statistics.median(ratios))
        row |= dict(speed_least=min(ratios), speed_most=max(ratios))
        numbers['rows'].append(row)
        print(
            f'{jobs} process(es): {row["seconds"]:.2f} s, {row["speed"]:.2f} x the speed of '
            f'{first} ({row["speed_least"]:.2f} to {row["speed_most"]:.2f})'
        )
    print(f'files are {"the same" if equal else "NOT the same"}')
    if args.out:
        Path(args.out).write_text(json.dumps(numbers, indent=1))


if __name__ == '__main__':
    main()
