# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Runs the stages of a pipeline, or goes on with them."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmocr_wsss.labels import foreground_classes
from mmocr_wsss.pipeline.commands import repository
from mmocr_wsss.pipeline.folder_lock import only_one
from mmocr_wsss.pipeline.layout import Layout
from mmocr_wsss.pipeline.plan import STAGES, TITLES, Stage
from mmocr_wsss.pipeline.records import Record, set_aside, stage_facts
from mmocr_wsss.pipeline.report import write_report

#: Seconds between two lines of progress on the screen.
_PAUSE = 10
_PROGRESS = re.compile(r'(Iter|Epoch)\(\w+\).*eta|ETA:')
_TROUBLE = re.compile(r'^(error|warning):|- (WARNING|ERROR) -', re.IGNORECASE)


class StageFailed(ValueError):
    """A command of a stage failed; the message names the stage, its log and what to do."""


class PipelineRun:
    """One call of ``tools/pipeline.py``.

    Args:
        stages: all stages, in order.
        layout: of the output folder.
        cfg: settings of the pipeline.
        selected: names of the stages to run; the others must be finished where needed.
        force: run the selected stages even if nothing changed.
        resume: command that goes on, for error messages.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        layout: Layout,
        cfg: dict,
        selected: Sequence[str] = STAGES,
        force: bool = False,
        resume: str = '',
    ) -> None:
        self.stages, self.layout, self.cfg = stages, layout, cfg
        self.selected, self.force, self.resume = selected, force, resume
        self.keys: dict[str, str] = {}
        self.seconds: dict[str, float] = {}

    def show(self) -> None:
        """Print every stage and its commands, and run nothing."""
        for stage in self.stages:
            self._heading(stage.name, 'selected' if stage.name in self.selected else 'not selected')
            self._print_commands(stage)

    def run(self) -> None:
        """Run what is selected and not finished.

        Raises:
            ValueError: another process works in the output folder; a stage that
                is needed is not finished; or a command failed (:class:`StageFailed`).
        """
        with only_one(self.layout.out) as lock:
            self.lock = lock
            self._write_classes()
            for stage in self.stages:
                self._one(stage)

    def _write_classes(self) -> None:
        classes = self.cfg['data']['classes']
        if not isinstance(classes, str):
            text = ''.join(f'{name}\n' for name in foreground_classes(classes))
            self.layout.classes().write_text(text, encoding='utf-8')

    def _one(self, stage: Stage) -> None:
        if stage.given or not stage.outputs:
            self._given(stage)
            return
        missing = [name for name in stage.needs if name not in self.keys]
        selected = stage.name in self.selected
        if missing and not selected:
            return  # nobody asked for it, and what it needs is not there
        if missing:
            raise ValueError(
                f'stage {stage.name} needs {", ".join(missing)}, not finished with these settings. '
                f'Run without --only, or with --from {missing[0]}.'
            )
        facts = stage_facts(stage, self.layout, self.cfg['data']['root'], self.keys)
        record = Record(self.layout, stage.name)
        same = record.facts == facts
        whole = same and record.finished and all(path.exists() for path in stage.outputs)
        if whole and not (selected and self.force):
            self._finish(stage, record, 'not changed, skipped')
            return
        if not selected:
            return
        self._prepare(stage, record, facts, same and not record.finished)
        self._run_commands(stage, record)
        if stage.name == 'report':
            write_report(self.cfg, self.layout)
        record.finished = True
        record.write()
        self._finish(stage, record, f'done in {minutes(record.seconds)}')

    def _given(self, stage: Stage) -> None:
        """What is made once, outside the output folder: nothing to do where it is there."""
        self.keys[stage.name] = 'given'
        for number, path in enumerate(stage.given):
            if path.exists():
                continue
            if stage.name not in self.selected or not stage.commands:
                raise FileNotFoundError(
                    f'{path}: no such file ({TITLES[stage.name]}); looked at {path.absolute()}.'
                )
            self._heading(stage.name, f'making {path}')
            self._command(stage, stage.commands[number])

    def _prepare(self, stage: Stage, record: Record, facts: dict, going_on: bool) -> None:
        if going_on:
            self._heading(stage.name, 'going on')
            return
        self._heading(stage.name)
        if record.facts is not None and (changes := record.changes(facts)):
            print(f'made anew, changed: {", ".join(changes[:5])}', flush=True)
        for path in set_aside(stage, self.layout):
            print(f'what was there is now {path}', flush=True)
        record.start(facts)

    def _run_commands(self, stage: Stage, record: Record) -> None:
        for command in stage.commands[record.done :]:
            started = time.time()
            try:
                self._command(stage, command)
                record.done += 1
            finally:
                record.seconds += time.time() - started
                record.write()

    def _command(self, stage: Stage, command: list[str]) -> None:
        print('  ' + readable(command), flush=True)
        log = self.layout.log(stage.name)
        code, end = stream(command, log, stage.name, self.lock)
        if code:
            raise StageFailed(
                f'stage {stage.name} ({TITLES[stage.name]}) failed with exit code {code}.\n'
                f'  command: {readable(command)}\n  log:     {log}\n'
                f'  to go on when it is mended: {self.resume}\nThe log ends with:\n{end}'
            )

    def _finish(self, stage: Stage, record: Record, note: str) -> None:
        self.keys[stage.name] = record.key
        self.seconds[stage.name] = record.seconds
        print(f'[{stage.name}] {note}', flush=True)

    def _heading(self, name: str, note: str = '') -> None:
        number = STAGES.index(name) + 1
        note = f' ({note})' if note else ''
        print(f'\n[{number}/{len(STAGES)}] {name}: {TITLES[name]}{note}', flush=True)

    def _print_commands(self, stage: Stage) -> None:
        for command in stage.commands:
            print('  ' + readable(command), flush=True)


def stream(command: list[str], log: Path, name: str, lock: int) -> tuple[int, str]:
    """Run a command; all it prints goes to ``log``, progress also to the screen.

    Args:
        command: program and arguments.
        log: file that is added to.
        name: stands before each line on the screen.
        lock: file descriptor that the command keeps open.

    Returns:
        The exit code and the last lines; where our tools end with an error, its lines alone.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    paths = [str(repository()), *filter(None, [os.environ.get('PYTHONPATH')])]
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(paths), 'PYTHON': sys.executable}
    last, shown = deque(maxlen=15), 0.0
    with (
        open(log, 'a', encoding='utf-8') as file,
        subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            pass_fds=(lock,),
        ) as process,
        _stopping(process),
    ):
        file.write(f'\n$ {shlex.join(command)}\n')
        assert process.stdout is not None  # a pipe, as asked for above
        for line in process.stdout:
            progress = _PROGRESS.search(line)
            if not (progress and '[' in line and 'ETA:' in line):  # bars overwrite themselves
                file.write(line)
                file.flush()
                last.append(line)
            if _TROUBLE.search(line):
                print(f'  {name} | {line.strip()}', flush=True)
            elif progress and time.time() - shown >= _PAUSE:
                shown = time.time()
                print(f'  {name} | {_short(line)}', flush=True)
    end = ''.join(last)
    return process.returncode, end[max(0, end.find('\nerror: ')) :].strip()


def readable(command: list[str]) -> str:
    """A command line to copy, with paths below the working directory made relative."""
    here = os.getcwd() + os.sep
    parts = [part.removeprefix(here) for part in command]
    if parts[0] == sys.executable.removeprefix(here):
        parts[0] = 'python'
    return shlex.join(parts)


def minutes(seconds: float) -> str:
    """Such as ``4 min 05 s``."""
    return f'{int(seconds) // 60} min {int(seconds) % 60:02d} s'


def _short(line: str) -> str:
    start = re.search(r'(Iter|Epoch)\(', line)
    return line[start.start() if start else 0 :].strip()[:150]


@contextlib.contextmanager
def _stopping(process: subprocess.Popen) -> Iterator[None]:
    """Whatever ends this block ends the command; SIGTERM does as Ctrl-C."""

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except BaseException:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
