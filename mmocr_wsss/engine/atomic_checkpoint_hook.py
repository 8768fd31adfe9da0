# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Checkpoints that a killed process leaves either whole or not at all."""

import os
import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from mmengine.dist import broadcast, is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmocr_wsss.artifacts import atomic_path, remove_leftovers
from mmocr_wsss.registry import HOOKS

BACKEND = 'mmocr_wsss.atomic_local'


@register_backend(BACKEND, force=True)
class AtomicLocalBackend(LocalBackend):
    """MMEngine's local files, written beside and renamed; see ``artifacts.atomic_path``."""

    def __init__(self) -> None:
        self._postponed: list[str] | None = None

    def put(self, obj: bytes, filepath: str | os.PathLike) -> None:
        """Write ``obj``; on the disk, not only in its cache, before it gets its name."""
        with atomic_path(filepath) as temporary, open(temporary, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())

    def put_text(self, obj: str, filepath: str | os.PathLike, encoding: str = 'utf-8') -> None:
        """As :meth:`put`."""
        self.put(obj.encode(encoding), filepath)

    def remove(self, filepath: str | os.PathLike) -> None:
        """Remove a file, inside :meth:`removing_last` when its block has ended."""
        if self._postponed is None:
            super().remove(filepath)
        else:
            self._postponed.append(os.fspath(filepath))

    @contextmanager
    def removing_last(self) -> Iterator[None]:
        """Nothing is removed before the block has succeeded, or at all if it fails."""
        self._postponed = []
        try:
            yield
        except BaseException:
            self._postponed = None
            raise
        paths, self._postponed = self._postponed, None
        for path in paths:
            self.remove(path)


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook, safe against being killed at any moment.

    A checkpoint is written beside its place and renamed, then ``last_checkpoint`` is
    replaced the same way, and only then are old checkpoints removed; the stock
    hook removes first and writes in place. Killed in between, there is a complete
    checkpoint to resume from, and temporary files and superseded checkpoints go
    when training starts again. (A superseded ``best_*.pth`` may stay.)

    Where processes keep buffers of their own (batch norm without synchronisation),
    all take those of the first before a save, which are what the file holds: an
    undisturbed training goes on from the same state as a resumed one.

    A process killed during a validation resumes behind it: those scores are not
    measured again, and ``save_best`` does not see them.

    Args: those of CheckpointHook. Another file backend (``backend_args``, a remote
    ``out_dir``) is used as it is, and writes the way it does.
    """

    backend_args: dict | None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse to resume from weights alone.

        Raises:
            ValueError: the file has no training state.
        """
        if runner._resume and not {'meta', 'optimizer', 'message_hub'} <= checkpoint.keys():
            raise ValueError(
                f'{runner._load_from} cannot be resumed from: it must hold the training state '
                f'(meta, optimizer, message_hub), and has only {sorted(checkpoint)[:5]}. To start '
                'from its weights leave out --resume and give --cfg-options load_from=PATH'
            )

    def before_train(self, runner: Runner) -> None:
        """As in CheckpointHook; clears what a killed process left."""
        local = '://' not in str(self.out_dir or runner.work_dir)
        if local and self.backend_args is None and self.file_client_args is None:
            self.backend_args = dict(backend=BACKEND)
        super().before_train(runner)
        if local and is_main_process():
            for folder in filter(osp.isdir, {str(self.out_dir), runner.work_dir}):
                remove_leftovers(folder)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        for buffer in runner.model.buffers():
            broadcast(buffer)
        surplus = self._note(runner, step)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            last = osp.join(runner.work_dir, 'last_checkpoint')
            AtomicLocalBackend().put_text(self.last_ckpt, last)
            self._remove(surplus)
        if self.max_keep_ckpts > 0:
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

    def _note(self, runner: Runner, step: int) -> list[int]:
        """Add a step to those that are kept; returns those that are too many now.

        The checkpoint itself lists them all: resumed from it after a kill, the host
        finds more than it keeps and removes the oldest.
        """
        if self.max_keep_ckpts <= 0:
            return []
        steps = [kept for kept in self.keep_ckpt_ids if kept != step] + [step]
        runner.message_hub.update_info('keep_ckpt_ids', steps)
        self.keep_ckpt_ids.clear()
        self.keep_ckpt_ids.extend(steps[-self.max_keep_ckpts :])
        return steps[: -self.max_keep_ckpts]

    def _remove(self, steps: list[int]) -> None:
        for step in steps:
            name = self.filename_tmpl.format(step)
            path = self.file_backend.join_path(self.out_dir, name)
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        ours = isinstance(self.file_backend, AtomicLocalBackend)
        with self.file_backend.removing_last() if ours else nullcontext():
            super()._save_best_checkpoint(runner, metrics)
