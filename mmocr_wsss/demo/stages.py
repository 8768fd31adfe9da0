# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The demo's stages: synthetic scenes, two trainings, two evaluations, table and figure.

Trainings run as ``tools/train.py`` in processes of their own, on the configs of
``configs/demo``. A finished stage leaves a file that tells so and is reused.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmocr_wsss.artifacts import read_json, write_json
from mmocr_wsss.datasets.synthetic_scenes import write_synthetic_dataset
from mmocr_wsss.demo.progress import Progress, ProgressHook
from mmocr_wsss.demo.report import TITLES, draw, table

#: Run name -> config below ``configs``; also the names of the runs' folders.
RUNS = {'baseline': 'demo/baseline_synthetic.py', 'oc': 'demo/oc_synthetic.py'}
_MADE_HERE = ('dataset', 'dataset.partial', *RUNS, 'results.json', 'figure.png', 'settings.json')


def run_demo(args: argparse.Namespace) -> None:
    """All stages, each with a heading; ends with the table and the paths.

    Args:
        args: options of ``tools/demo.py``.

    Raises:
        ValueError: the output folder holds something else.
        RuntimeError: a training failed; the message names its log.
    """
    started = time.time()
    out = Path(args.out)
    _claim(out, args)
    _heading(1, f'synthetic scenes: {args.num_train} for training, {args.num_val} for validation')
    _generate(out, args)
    _heading(2, 'train both, side by side, one CPU thread each')
    with ThreadPoolExecutor(len(RUNS)) as pool:
        list(pool.map(lambda run: _train(out, run, args), RUNS))
    _heading(3, 'evaluate both')
    results = {run: _evaluate(out, run) for run in RUNS}
    _heading(4, 'table and figure')
    draw(out, results, args.rows)
    results['settings'] = read_json(out / 'settings.json')
    write_json(out / 'results.json', results)
    print(table(results))
    print(f'table:  {out / "results.json"}\nfigure: {out / "figure.png"}')
    print(f'done in {_minutes(time.time() - started)}', flush=True)


def _claim(out: Path, args: argparse.Namespace) -> None:
    """Reuse the folder of a demo with the same settings; refuse any other non-empty folder."""
    settings = {
        'seed': args.seed,
        'iters': args.iters,
        'num_train': args.num_train,
        'num_val': args.num_val,
        'code': _fingerprint(),
    }
    stamp = out / 'settings.json'
    if stamp.exists():
        found = read_json(stamp)
        if args.overwrite:
            _clear(out)
        elif found != settings:
            changed = {k: (found.get(k), v) for k, v in settings.items() if found.get(k) != v}
            raise ValueError(
                f'{out} holds a demo with other settings, (there, now): {changed}. '
                'Give another --out, or --overwrite to replace it.'
            )
        else:
            print(f'{out} holds this demo: finished stages are reused (--overwrite starts anew)')
    elif out.exists() and any(out.iterdir()):
        raise ValueError(f'{out} is not empty and not from a demo. Give another --out.')
    write_json(stamp, settings)


def _fingerprint() -> str:
    """Hash of both configs and of our code: a run made by other code is not a finished one."""
    from mmengine.config import Config

    configs = [Config.fromfile(_config(run)).to_dict() for run in RUNS]
    digest = hashlib.sha256(json.dumps(configs).encode())
    package = Path(__file__).resolve().parents[1]
    for path in sorted(package.rglob('*.py')):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _clear(out: Path) -> None:
    """Delete what the demo makes, and nothing else."""
    for name in _MADE_HERE:
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()


def _generate(out: Path, args: argparse.Namespace) -> None:
    if (out / 'dataset' / 'dataset.json').exists():
        print(f'reused: {out / "dataset"}')
        return
    partial = out / 'dataset.partial'
    shutil.rmtree(partial, ignore_errors=True)
    write_synthetic_dataset(
        partial,
        num_train=args.num_train,
        num_val=args.num_val,
        seed=args.seed,
        on_scene=Progress('scenes', args.num_train + args.num_val).step,
    )
    os.replace(partial, out / 'dataset')
    print(f'written: {out / "dataset"}')


def _checkpoint(out: Path, run: str) -> Path | None:
    """The final checkpoint of a finished run; MMEngine names it in a file written afterwards."""
    note = out / run / 'last_checkpoint'
    path = out / run / Path(note.read_text().strip()).name if note.exists() else None
    return path if path and path.exists() else None


def _train(out: Path, run: str, args: argparse.Namespace) -> None:
    if _checkpoint(out, run):
        print(f'reused: {_checkpoint(out, run)}', flush=True)
        return
    shutil.rmtree(out / run, ignore_errors=True)
    options = [f'randomness.seed={args.seed}']
    if args.iters is not None:
        options += [f'train_cfg.max_iters={args.iters}', f'param_scheduler.0.end={args.iters}']
    command = [sys.executable, str(_repository() / 'tools' / 'train.py'), str(_config(run))]
    command += ['--data-root', str(out / 'dataset'), '--work-dir', str(out / run)]
    _stream([*command, '--cfg-options', *options], out / run / 'console.log', run)


def _stream(command: list[str], log: Path, name: str) -> None:
    """Run a command; all it prints goes to ``log``, progress lines also to the screen.

    Raises:
        RuntimeError: it failed; the message names the log and shows its end.
    """
    print(f'{name:>8} |', ' '.join(command), flush=True)
    log.parent.mkdir(parents=True)
    paths = [str(_repository()), *filter(None, [os.environ.get('PYTHONPATH')])]
    last = deque(maxlen=15)
    with (
        open(log, 'w', encoding='utf-8') as file,
        subprocess.Popen(
            command,
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        for line in process.stdout:
            file.write(line)
            last.append(line)
            if re.search(r'Iter\(\w+\)', line):
                print(f'{name:>8} |', line[line.index('Iter(') :].rstrip(), flush=True)
    if process.returncode:
        raise RuntimeError(f'training of {name} failed, see {log}. It ends with:\n' + ''.join(last))


def _evaluate(out: Path, run: str) -> dict[str, float]:
    """mIoU and OC rate on val, OC rate on the training scenes (of all pixels)."""
    val = _test(out, run, 'val')
    train = _test(out, run, 'train')
    return {
        'val_miou': float(val['mIoU']),
        'val_oc_rate': float(val['oc_rate']),
        'train_oc_rate': float(train['oc_rate']),
    }


def _test(out: Path, run: str, split: str) -> dict:
    from mmengine.config import Config
    from mmengine.runner import Runner

    from mmocr_wsss.engine.config_edits import set_data_root, set_output
    from mmocr_wsss.engine.safe_checkpoint import guard_checkpoints

    guard_checkpoints()
    # Formatting the config's text, which nobody reads here, takes minutes with some long paths;
    # fromfile ignores the switch.
    cfg = Config(Config.fromfile(_config(run)).to_dict(), format_python_code=False)
    set_data_root(cfg, str(out / 'dataset'))
    if split == 'train':
        dataset, source = cfg.test_dataloader.dataset.dataset, cfg.train_dataloader.dataset.dataset
        dataset.ann_file, dataset.data_prefix = source.ann_file, source.data_prefix
        dataset.pipeline = [step for step in dataset.pipeline if step.type != 'LoadAnnotations']
        cfg.test_evaluator = [dict(type='mmocr_wsss.OutOfCandidateRate')]
    else:
        set_output(cfg, str(out / run / 'predictions'))
    cfg.work_dir = str(out / run / f'evaluation_{split}')
    cfg.experiment_name = f'demo_{run}_{split}_{time.time_ns()}'
    cfg.load_from, cfg.log_level = str(_checkpoint(out, run)), 'ERROR'
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        runner = Runner.from_cfg(cfg)
        runner.register_hook(ProgressHook(f'{TITLES[run]}, {split}'))
        return runner.test()


def _config(run: str) -> Path:
    return _repository() / 'configs' / RUNS[run]


def _repository() -> Path:
    """The folder that holds ``configs`` and ``tools``: the checkout, or ``.mim`` of a wheel."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent
    return checkout if (checkout / 'tools' / 'train.py').is_file() else package / '.mim'


def _heading(number: int, text: str) -> None:
    print(f'\n[{number}/4] {text}', flush=True)


def _minutes(seconds: float) -> str:
    return f'{int(seconds) // 60} min {int(seconds) % 60:02d} s'
