# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The model of ``scale_model.py`` against stages that run in several processes on this machine.

Two runs with one process, a short and a long one, tell what a start and a unit of work take
here. From these the model predicts the runs with more processes: they share the cores, each
starts by itself, and a training adds up its gradients. Bytes and files are predicted from the
assumptions alone.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from dense_crf import CLASSES, write_inputs
from scale_model import Assumed, Pool, Stage
from scale_stages import Data, Plan

from mmocr_wsss import config_path
from mmocr_wsss.artifacts import write_json
from mmocr_wsss.labels import CLASS_SETS
from mmocr_wsss.pipeline.commands import repository, tool_command

PIPELINE = 'affinitynet_voc'
NETWORK = {  # a sixteenth of the channels, at the published crops and scales
    'model.backbone.init_cfg': None,
    'model.backbone.width_mult': 0.0625,
    'model.head.in_channels': 256,
}
LOOPBACK = 1.0  # GB/s between processes of one machine through gloo, assumed


class Size(NamedTuple):
    """How much is run: photos of ``width`` x ``height``, steps of ``batch`` images."""

    width: int
    height: int
    photos: int
    steps: int
    batch: int


FULL, QUICK = Size(320, 240, 48, 12, 4), Size(64, 48, 4, 2, 4)


class Sandbox:
    """Photos, tags and CAMs as ``benchmarks/dense_crf.py`` draws them, and commands on them."""

    def __init__(self, root: Path, size: Size) -> None:
        self.root, self.size = root, size
        write_inputs(root, size.width, size.height, size.photos)
        ids = [f'{number:04d}' for number in range(size.photos)]
        for name, some in (('all', ids), ('one', ids[:1])):
            (root / f'{name}.txt').write_text('\n'.join(some) + '\n')
        write_json(root / 'tags.json', dict.fromkeys(ids, CLASS_SETS['voc'][:CLASSES]))
        self.config = config_path('cam/affinitynet_r38_voc.py')

    def train(self, processes: int, short: bool) -> Path:
        """One step or all through the launcher; gives the work folder."""
        out = self.root / f'train_{processes}{"_short" * short}'
        settings = training_options(self.size, 1 if short else self.size.steps)
        settings['train_dataloader.batch_size'] = self.size.batch // processes
        self._launch('train', [processes], out, settings, 'train_dataloader')
        return out

    def cams(self, processes: int, short: bool) -> Path:
        """CAMs of one photo or all with the weights of the training; gives their folder."""
        out = self.root / f'cams_{processes}{"_short" * short}'
        weights = self.root / 'train_1' / f'iter_{self.size.steps}.pth'
        options = ['--out', out]
        self._launch('test', [weights, processes], self.root / 'log', NETWORK, 'test_dataloader',
                     'one' if short else 'all', options)  # fmt: skip
        return out

    def labels(self, processes: int, short: bool) -> Path:
        """Affinity labels of one photo or all in a pool; gives their folder."""
        out = self.root / f'labels_{processes}{"_short" * short}'
        ids = self.root / ('one.txt' if short else 'all.txt')
        command = [*tool_command('make_affinity_labels'), self.root / 'cams', '--images']
        command += [self.root / 'photos', '--out', out, '--ids', ids, '--jobs', processes]
        self._run(command)
        return out

    def _launch(self, tool, places, work_dir, settings, loader, ids='all', more=()) -> None:
        options = settings | {
            f'{loader}.num_workers': 0,
            f'{loader}.persistent_workers': False,
            f'{loader}.dataset.ann_file': f'{ids}.txt',
            f'{loader}.dataset.tags': 'tags.json',
            f'{loader}.dataset.data_prefix.img_path': 'photos',
        }
        script = repository() / 'tools' / f'dist_{tool}.sh'
        pairs = [f'{key}={value}' for key, value in options.items()]
        self._run(['bash', script, self.config, *places, '--data-root', self.root, '--work-dir',
                   work_dir, '--device', 'cpu', *more, '--cfg-options', *pairs])  # fmt: skip

    def _run(self, command: Sequence) -> None:
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        settings = dict(PORT=port, PYTHON=sys.executable, OMP_NUM_THREADS=1,
                        CUDA_VISIBLE_DEVICES=-1, PYTHONPATH=repository())  # fmt: skip
        env = os.environ | {name: str(value) for name, value in settings.items()}
        command = [str(part) for part in command]
        done = subprocess.run(command, env=env, cwd=self.root, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f'error: {" ".join(command)}\n{done.stdout}{done.stderr}')


def training_options(size: Size, steps: int) -> dict:
    """Of the classifier's training; without a validation, which is a stage of its own."""
    return NETWORK | {
        'train_cfg.max_iters': steps,
        'val_cfg': None,
        'val_dataloader': None,
        'val_evaluator': None,
        'auto_scale_lr.base_batch_size': size.batch,
    }


def plan(size: Size, assumed: Assumed) -> Plan:
    """The model of what :class:`Sandbox` runs."""
    data = Data(size.photos, 0, 0, size.width, size.height, CLASSES)
    options = {'cam': training_options(size, size.steps), 'cams': NETWORK}
    return Plan(PIPELINE, assumed, data, options)


def calibrated(stage: Stage, short: float, long: float, units: int, assumed: Assumed) -> Assumed:
    """This machine, from runs of one process with one and with all units of a stage.

    Loading, packing and the like are part of what was measured, so they cost nothing more.
    """
    unit = max(long - short, 1e-3) / (units - 1)
    part = stage.parts[0]
    gflop = 0.0 if isinstance(part, Pool) else part.gflop
    if not isinstance(part, Pool) and stage.name == 'cam':
        gflop *= 3 * part.batch
    return replace(
        assumed, start=max(short - unit, 0), tflops=gflop / 1e3 / unit, load=0, list_file=0,
        disk=float('inf'), link=LOOPBACK, gpus_per_node=1024,
    )  # fmt: skip


def shared(assumed: Assumed, processes: int, cores: int) -> Assumed:
    """The machine as one of several processes sees it: its share of a core."""
    share = min(1.0, cores / processes)
    return replace(assumed, tflops=assumed.tflops * share, start=assumed.start / share)


def predicted(stage: Stage, here: Assumed, processes: int, cores: int, unit: float) -> float:
    """Seconds of a stage with some processes; ``unit``: measured core seconds of a photo."""
    part = stage.parts[0]
    if isinstance(part, Pool):
        pool = replace(part, core_seconds=unit, processes=processes)
        return pool.work(processes, replace(here, cores=cores)).seconds
    machine = shared(here, processes, cores)
    if stage.name == 'cam':
        return part.on(processes, machine).seconds
    return replace(part, host=0.0).work(processes, machine).seconds


def timed(run: Callable[[int, bool], Path], processes: int, short: bool = False):
    begin = time.perf_counter()
    folder = run(processes, short)
    return time.perf_counter() - begin, folder


def written(folder: Path) -> tuple[int, int]:
    """Number and bytes of the files below a folder."""
    sizes = [path.stat().st_size for path in folder.rglob('*') if path.is_file()]
    return len(sizes), sum(sizes)


def check(processes: Sequence[int], assumed: Assumed, quick: bool = False) -> dict:
    """Run the stages and compare; gives the numbers of :func:`check_table`."""
    size, cores = (QUICK if quick else FULL), len(os.sched_getaffinity(0))
    if processes[0] != 1 or any(size.batch % count for count in processes):
        raise SystemExit(f'error: --processes begins with 1 and divides {size.batch} images.')
    stages = plan(size, assumed)
    numbers = dict(cores=cores, size=size._asdict(), times=[], files=[], rates=[])
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder), size)
        for stage, run, units in (
            (stages.trained('cam'), sandbox.train, size.steps),
            (stages.cams(), sandbox.cams, size.photos),
            (stages.affinity_labels(), sandbox.labels, size.photos),
        ):
            short, _ = timed(run, 1, True)
            long, out = timed(run, 1)
            here = calibrated(stage, short, long, units, assumed)
            unit = max(long - short, 1e-3) / (units - 1)
            numbers['rates'].append(rate(stage, here, unit))
            for count in processes:
                seconds = long if count == 1 else timed(run, count)[0]
                model = predicted(stage, here, count, cores, unit)
                row = dict(stage=stage.name, processes=count, predicted=model, measured=seconds)
                row |= dict(predicted_ratio=model / long, measured_ratio=seconds / long)
                numbers['times'].append(row)
            files, total = written(out)
            numbers['files'].append(
                dict(stage=stage.name, predicted_files=stage.files, files=files,
                     predicted_bytes=stage.size, bytes=total)
            )  # fmt: skip
    return numbers


def rate(stage: Stage, here: Assumed, unit: float) -> dict:
    """What a core reaches: GFLOP/s, or core seconds of a photo against the assumed."""
    part = stage.parts[0]
    row = dict(stage=stage.name, start=here.start, unit=unit)
    if isinstance(part, Pool):
        return row | dict(assumed_unit=part.core_seconds)
    return row | dict(gflops=1e3 * here.tflops)


def check_table(numbers: dict) -> list[str]:
    """Predicted and measured side by side, in Markdown."""
    size = numbers['size']
    lines = [
        f'{size["photos"]} photos of {size["width"]} x {size["height"]}, {size["steps"]} steps of '
        f'{size["batch"]} crops, a thread per process, {numbers["cores"]} cores.',
        '',
        '| stage | processes | s, model | s, measured | of one process, model | measured '
        '| deviation |',
        '|---|---|---|---|---|---|---|',
    ]
    for row in numbers['times']:
        off = row['predicted'] / row['measured'] - 1
        last = 'calibrated' if row['processes'] == 1 else f'{off:+.0%}'
        lines.append(
            f'| {row["stage"]} | {row["processes"]} | {row["predicted"]:.1f} '
            f'| {row["measured"]:.1f} | {row["predicted_ratio"]:.2f} '
            f'| {row["measured_ratio"]:.2f} | {last} |'
        )
    lines += ['', '| stage | files, model | files | MB, model | MB | deviation |', '|---' * 6 + '|']
    for row in numbers['files']:
        off = row['predicted_bytes'] / row['bytes'] - 1
        lines.append(
            f'| {row["stage"]} | {row["predicted_files"]} | {row["files"]} '
            f'| {row["predicted_bytes"] / 1e6:.2f} | {row["bytes"] / 1e6:.2f} | {off:+.0%} |'
        )
    lines.append('')
    for row in numbers['rates']:
        what = (
            f'{row["gflops"]:.1f} GFLOP/s on a core'
            if 'gflops' in row
            else f'{row["unit"]:.2f} core s per photo, assumed {row["assumed_unit"]:.2f}'
        )
        lines.append(f'{row["stage"]}: starts in {row["start"]:.1f} s; {what}.')
    return lines
