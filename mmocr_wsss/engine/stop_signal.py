# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""SIGTERM, with which clusters and containers end a job, stops a training that can go on."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import IterBasedTrainLoop, Runner, find_latest_checkpoint

#: As shells report a process that SIGTERM ended.
EXIT_CODE = 128 + signal.SIGTERM
_GO_ON = 'To go on: the same command with --resume'


class StopHook(Hook):
    """Ends the training after the step in which SIGTERM came.

    One process that counts iterations writes a checkpoint first. Several stop at once, because
    the signal reaches them in different steps, and a training that counts epochs stops without
    one, because it resumes at an epoch; both go on from their last checkpoint.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner, self._process = runner, os.getpid()
        self._asked = self._saves = False

    def before_train(self, runner: Runner) -> None:
        """Find out whether a checkpoint can be written at any step."""
        self._hooks = [
            hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and not hook.by_epoch
        ]
        counts_iterations = isinstance(runner.train_loop, IterBasedTrainLoop)
        self._saves = bool(self._hooks) and counts_iterations and get_world_size() == 1

    def ask(self, *_: Any) -> None:
        """What the signal calls; data workers, which inherit it, end as without it."""
        if os.getpid() != self._process:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        elif not self._saves:
            self._end()
        elif not self._asked:
            self._asked = True
            print('SIGTERM: stopping after this iteration', file=sys.stderr, flush=True)

    def after_train_iter(self, runner: Runner, batch_idx: int, **_: Any) -> None:
        """Save and end, if so asked."""
        if self._asked:
            step = runner.iter + 1
            for hook in self._hooks:
                if not str(hook.last_ckpt).endswith(hook.filename_tmpl.format(step)):
                    hook._save_checkpoint(runner)
            self._end()

    def after_val_iter(self, runner: Runner, batch_idx: int, **_: Any) -> None:
        """End a validation too; its training goes on from the last checkpoint."""
        if self._asked:
            self._end()

    def _end(self) -> None:
        last = find_latest_checkpoint(self._runner.work_dir)
        where = f'the last checkpoint is {last}' if last else 'there is no checkpoint yet'
        if self._runner.rank == 0:
            print(f'stopped by SIGTERM; {where}. {_GO_ON}.', file=sys.stderr, flush=True)
        sys.exit(EXIT_CODE)


@contextlib.contextmanager
def stopping_on_sigterm(runner: Runner) -> Iterator[None]:
    """Let SIGTERM stop the training of a runner that the block starts."""
    hook = StopHook(runner)
    runner.register_hook(hook, 'LOWEST')  # behind those that save
    before = signal.signal(signal.SIGTERM, hook.ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
