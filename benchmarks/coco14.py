#!/usr/bin/env python
# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Convert synthetic instance annotations of the size of MS COCO 2014's train set.

Time, peak memory of all processes together, bytes; a second run, and one that is killed and
resumed, give the same files. The masks lie in a temporary folder and are removed.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mmocr_wsss.converters.coco_instances import CATEGORY_IDS
from mmocr_wsss.labels import CLASS_SETS

REPOSITORY = Path(__file__).resolve().parents[1]
HEIGHT, WIDTH = 480, 640
MIB = 1 << 20


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--images', type=int, default=82783)
    parser.add_argument('--objects', type=int, default=600000)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--folder', help='for temporary files; unset: the system default')
    parser.add_argument('--runs', type=int, default=2, help='whole runs beside the killed one')
    parser.add_argument('--kills', type=int, default=2, help='of the killed one')
    parser.add_argument('--out', help='write the numbers to this JSON file too')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.folder:
        os.makedirs(args.folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        root = Path(folder)
        annotations = root / 'annotations' / 'instances_train2014.json'
        started = time.time()
        write_annotations(annotations, args.images, args.objects)
        print(
            f'{args.images:,} images, {args.objects:,} objects: JSON of '
            f'{annotations.stat().st_size / MIB:,.0f} MiB, made in {time.time() - started:.0f} s',
            flush=True,
        )
        digests, peaks = [], []
        for number in range(args.runs):
            out = root / 'out'
            seconds, peak = convert(root, out, args.jobs)
            peaks.append(peak)
            size = sum(path.stat().st_size for path in out.rglob('*') if path.is_file())
            digests.append(tree_digest(out))
            print(
                f'run {number + 1}, {args.jobs} processes: {seconds:.0f} s, peak memory of all '
                f'{peak:,.0f} MiB, {size / MIB:,.0f} MiB written, digest {digests[-1]}',
                flush=True,
            )
            shutil.rmtree(out)
        out = root / 'out'
        for number in range(args.kills):
            # By what is there, not by time: other work may slow any of the runs.
            limit = args.images * (number + 1) // (args.kills + 1)
            convert(root, out, args.jobs, kill_at=limit)
            print(f'killed with {count_masks(out):,} masks there', flush=True)
        seconds, peak = convert(root, out, args.jobs)
        digests.append(tree_digest(out))
        print(f'resumed: {seconds:.0f} s, peak {peak:,.0f} MiB, digest {digests[-1]}')
        same = len(set(digests)) == 1
        print('all the same' if same else f'DIFFERENT: {digests}')
    if args.out:
        numbers = dict(images=args.images, jobs=args.jobs, peak_mib=max(peaks, default=peak))
        Path(args.out).write_text(json.dumps(numbers | dict(same=same), indent=1))


def write_annotations(path: Path, images: int, objects: int) -> None:
    """Polygons of 8 to 60 corners, one crowd region per 100 objects, as the real file has."""
    rng = random.Random(0)
    path.parent.mkdir(parents=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write('{"info": {}, "images": [')
        for number in range(1, images + 1):
            entry = dict(
                id=number, file_name=f'COCO_train2014_{number:012d}.jpg', height=HEIGHT,
                width=WIDTH, license=1, date_captured='2013-11-14 17:02:52',
            )  # fmt: skip
            file.write((',' if number > 1 else '') + json.dumps(entry))
        file.write('], "annotations": [')
        for number in range(objects):
            file.write((',' if number else '') + json.dumps(random_object(rng, number, images)))
        categories = [
            dict(id=number, name=name)
            for number, name in zip(CATEGORY_IDS, CLASS_SETS['coco14'], strict=True)
        ]
        file.write(f'], "categories": {json.dumps(categories)}}}')


def random_object(rng: random.Random, number: int, images: int) -> dict:
    """Objects of an image are far apart in the file, as in the real one."""
    entry = dict(
        id=number + 1, image_id=rng.randrange(images) + 1, category_id=rng.choice(CATEGORY_IDS)
    )
    if number % 100 == 99:
        runs = [rng.randrange(1, HEIGHT) for _ in range(300)]
        runs.append(HEIGHT * WIDTH - sum(runs))
        return entry | dict(
            iscrowd=1, area=sum(runs[1::2]), segmentation=dict(size=[HEIGHT, WIDTH], counts=runs)
        )
    side = rng.choice((20, 60, 150, 300))
    x, y = rng.uniform(0, WIDTH - side), rng.uniform(0, HEIGHT - side)
    polygon = []
    for _ in range(rng.randrange(8, 61)):
        polygon += [round(x + rng.uniform(0, side), 2), round(y + rng.uniform(0, side), 2)]
    return entry | dict(iscrowd=0, area=round(side**2 / 3, 2), segmentation=[polygon])


def count_masks(out: Path) -> int:
    """Masks that are there."""
    return sum(1 for _ in out.rglob('[!.]*.png'))


def convert(root: Path, out: Path, jobs: int, kill_at: int | None = None):
    """Run the tool; gives seconds and the peak of the memory of all its processes in MiB.

    It is killed when ``kill_at`` masks are there.
    """
    command = [
        sys.executable, REPOSITORY / 'tools' / 'dataset_converters' / 'coco14.py', root, '--out',
        out, '--splits', 'train2014', '--no-photos', '--jobs', str(jobs),
    ]  # fmt: skip
    started, peak = time.time(), 0.0
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env=os.environ | {'PYTHONPATH': str(REPOSITORY)},
    )  # fmt: skip
    while process.poll() is None:
        peak = max(peak, memory_of_group(process.pid))
        if kill_at is not None and count_masks(out) >= kill_at:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return time.time() - started, peak
        time.sleep(0.2)
    if kill_at is not None:
        raise RuntimeError('the converter ended before it could be killed: give more --images')
    if process.returncode:
        raise RuntimeError(f'the converter failed with exit code {process.returncode}')
    return time.time() - started, peak


def memory_of_group(group: int) -> float:
    """MiB of all processes of a session; pages that they share are split (PSS)."""
    total = 0
    for folder in Path('/proc').iterdir():
        try:
            if folder.name.isdigit() and os.getsid(int(folder.name)) == group:
                text = (folder / 'smaps_rollup').read_text()
                total += next(int(line.split()[1]) for line in text.splitlines() if 'Pss:' in line)
        except (OSError, StopIteration):
            continue  # it has just ended
    return total / 1024


def tree_digest(folder: Path) -> str:
    """Of the names and bytes of all files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob('*')):
        if path.is_file() and not path.is_symlink():
            digest.update(f'{path.relative_to(folder)}\n'.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


if __name__ == '__main__':
    main()
