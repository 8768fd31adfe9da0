# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Runs an experiment, or goes on with it."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from mmocr_wsss.experiments.grid import Grid, read_grid
from mmocr_wsss.experiments.results import append_result, read_results
from mmocr_wsss.experiments.runs import Run
from mmocr_wsss.experiments.sources import Sources
from mmocr_wsss.pipeline.commands import repository
from mmocr_wsss.pipeline.folder_lock import only_one

_PAUSE = 0.5  # seconds between two looks at the processes


class Driver:
    """Runs what the groups of a grid need and what is not there yet.

    Args:
        grid: the experiment.
        sources: its inputs.
        out: its folder.
        jobs: trainings at the same time.
        threads: of each training; part of what makes results reproducible to the last bit.
        resume: command that goes on, for messages.
    """

    def __init__(
        self, grid: Grid, sources: Sources, out: Path, jobs: int, threads: int, resume: str
    ) -> None:
        self.grid, self.sources, self.out = grid, sources, out
        self.jobs, self.threads, self.resume = jobs, threads, resume
        self.working: dict[subprocess.Popen, _Work] = {}

    @property
    def results(self) -> Path:
        """The file with a line per finished run."""
        return self.out / 'results.jsonl'

    def runs(self, groups: Sequence[str] | None, seeds: Sequence[int] | None) -> list[Run]:
        """All runs of the groups (None: all) and seeds (None: all that the grid names)."""
        return [
            Run(self.grid, self.sources, self.out, settings, seed)
            for settings, seed in self.grid.runs(groups)
            if seeds is None or seed in seeds
        ]

    def run(self, groups: Sequence[str] | None, seeds: Sequence[int] | None) -> None:
        """Make what the trainings need, then all of them that have no result yet.

        Raises:
            ValueError: another process works in the folder, or a command failed.
        """
        with only_one(self.out) as self.lock:
            runs = self.runs(groups, seeds)
            self.sources.write_lists({run.settings.share for run in runs})
            kinds = {run.settings.masks for run in runs}
            for title, command in self.sources.commands(kinds, self.jobs):
                self._say(f'{title}: {shlex.join(command)}')
                self._wait_for(_Work(title, None, deque([command]), self.out / f'{title}.log'))
            self._all(runs)

    def _all(self, runs: list[Run]) -> None:
        done = read_results(self.results)
        waiting = [run for run in runs if (run.key, run.seed) not in done]
        self._say(f'{len(runs)} runs, {len(runs) - len(waiting)} of them are there')
        self.planned = sum(run.max_iters - run.branch for run in waiting)
        self.finished, self.started, self.count = 0, time.time(), len(waiting)
        self.baselines = {(run.settings, run.seed): run for run in runs if run.settings.oc is None}
        try:
            while waiting or self.working:
                ready = [run for run in waiting if self._is_ready(run, waiting)]
                while ready and len(self.working) < self.jobs:
                    waiting.remove(run := ready.pop(0))
                    self._start(run)
                    ready = [run for run in waiting if self._is_ready(run, waiting)]
                self._look()
        except BaseException:
            self._stop()
            raise

    def _baseline(self, run: Run) -> Run:
        return self.baselines[run.settings.baseline(), run.seed]

    def _is_ready(self, run: Run, waiting: list[Run]) -> bool:
        """Whether the checkpoint that it starts from is there for good."""
        if not run.branch:
            return True
        baseline = self._baseline(run)
        return baseline not in waiting and all(
            work.run is not baseline for work in self.working.values()
        )

    def _start(self, run: Run) -> None:
        if run.branch and not (self._baseline(run).folder / f'iter_{run.branch}.pth').is_file():
            raise ValueError(
                f'{run.title}: {self._baseline(run).folder} has no iter_{run.branch}.pth to start '
                f'from. Take the line of its key {self._baseline(run).key} and seed {run.seed} out '
                f'of {self.results}; it is then made again.'
            )
        run.prepare(self._baseline(run))
        self._next(_Work(run.title, run, deque(run.commands()), run.folder / 'log.txt'))

    def _next(self, work: '_Work') -> None:
        """Start the next command of a run."""
        command = work.commands.popleft()
        work.log.parent.mkdir(parents=True, exist_ok=True)
        process = start(command, work.log, self.threads, self.lock)
        self.working[process] = work

    def _look(self) -> None:
        """Take note of the commands that ended."""
        time.sleep(_PAUSE)
        for process in [p for p in self.working if p.poll() is not None]:
            work = self.working.pop(process)
            if process.returncode:
                end = work.log.read_text(encoding='utf-8', errors='replace').splitlines()[-12:]
                raise ValueError(
                    f'{work.title}: failed with exit code {process.returncode}.\n  log: '
                    f'{work.log}\n  to go on when it is mended: {self.resume}\nThe log ends with:\n'
                    + '\n'.join(end)
                )
            if work.commands:
                self._next(work)
            elif work.run is not None:
                self._note(work.run, time.time() - work.started)

    def _note(self, run: Run, seconds: float) -> None:
        result = run.result(self._baseline(run)) | dict(
            threads=self.threads, seconds=round(seconds, 1)
        )
        append_result(self.results, result)
        run.tidy()
        self.finished += run.max_iters - run.branch
        self.count -= 1
        pace = (time.time() - self.started) / self.finished
        left = pace * (self.planned - self.finished) / 60
        val = result['val']
        self._say(
            f'{run.title}: mIoU {val["miou_supported"]:.2f}, OC rate {val["oc_rate"]:.2f} %, '
            f'{seconds / 60:.1f} min; {self.count} runs left, about {left:.0f} min'
        )

    def _wait_for(self, work: '_Work') -> None:
        try:
            self._next(work)
            while self.working:
                self._look()
        except BaseException:
            self._stop()
            raise

    def _stop(self) -> None:
        """End all commands; each goes on from its last checkpoint next time."""
        for process in self.working:
            process.terminate()
        for process in self.working:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        self.working.clear()

    def _say(self, text: str) -> None:
        print(f'{time.strftime("%H:%M:%S")} {text}', flush=True)


def start(command: list[str], log: Path, threads: int, lock: int) -> subprocess.Popen:
    """Start a command; all that it prints goes to the end of ``log``.

    Args:
        command: program and arguments.
        log: file that is added to.
        threads: of its computations.
        lock: file descriptor that it keeps open.
    """
    paths = [str(repository()), *filter(None, [os.environ.get('PYTHONPATH')])]
    env = {
        **os.environ,
        'PYTHONPATH': os.pathsep.join(paths),
        'OMP_NUM_THREADS': str(threads),
        'MKL_NUM_THREADS': str(threads),
    }
    with open(log, 'a', encoding='utf-8') as file:
        file.write(f'\n$ {shlex.join(command)}\n')
        file.flush()
        return subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
        )


class _Work:
    """Commands of a run, one after the other."""

    def __init__(self, title: str, run: Run | None, commands: deque, log: Path) -> None:
        self.title, self.run, self.commands, self.log = title, run, commands, log
        self.started = time.time()


def run_experiment(args: argparse.Namespace, resume: str) -> None:
    """Run, or with ``dry_run`` list, what the options of ``tools/experiments/run.py`` choose.

    SIGTERM stops as Ctrl-C does.

    Args:
        args: the options.
        resume: the command, for messages.

    Raises:
        FileNotFoundError, ValueError: an option, the config or the data are wrong, before
            anything runs; or a command failed.
    """
    grid = read_grid(args.config)
    out = Path(args.out or Path('work_dirs', 'experiments', grid.path.stem)).resolve()
    unknown = sorted(set(args.groups or ()) - set(grid.groups))
    if unknown:
        raise ValueError(f'--groups: {unknown} are none of {", ".join(grid.groups)}.')
    sources = Sources(grid.pipeline, args.data_root, out, args.pipeline_out, grid.train_photos)
    driver = Driver(grid, sources, out, args.jobs, args.threads, resume)
    if args.dry_run:
        for settings, seed in grid.runs(args.groups):
            if args.seeds is None or seed in args.seeds:
                print(f'{settings.name}, seed {seed}')
        return

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        driver.run(args.groups, args.seeds)
    except KeyboardInterrupt:
        sys.exit(f'\nstopped; to go on: {resume}')
    finally:
        signal.signal(signal.SIGTERM, before)
