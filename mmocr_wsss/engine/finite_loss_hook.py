# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Stop where the loss is NaN, before a checkpoint is."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner, find_latest_checkpoint

from mmocr_wsss.registry import HOOKS

#: As many halvings bring the scale of mixed precision from its 2**16 to 1.
_SKIPPED_IN_A_ROW = 16
_SHOWN = 16


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stops a training whose loss is NaN or infinite, and names the images of the batch.

    Nothing is saved any more, so the last checkpoint is the one from before, and no
    checkpoint with such weights is ever written.

    It costs no synchronisation: MMEngine has fetched the losses of every step for its log
    already. Of several processes the one that met the batch stops; its launcher ends the
    others, which the averaged gradients would have made NaN with the next step.

    With a loss scaler (mixed precision on a GPU), which leaves out such steps, it waits for
    16 in a row.

    ``tools/train.py`` adds this hook to every training.
    """

    # Behind the hooks that note and log the loss, before those that save (VERY_LOW).
    priority = 'LOW'

    def __init__(self) -> None:
        self._in_a_row = 0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Look at the losses of the step.

        Raises:
            ValueError: one of them is not finite.
        """
        found = {
            name: value
            for name in outputs or ()
            if 'loss' in name and not math.isfinite(value := _noted(runner, name))
        }
        if not found:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if hasattr(runner.optim_wrapper, 'loss_scaler') and self._in_a_row < _SKIPPED_IN_A_ROW:
            return
        names = list(image_names(data_batch))
        more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
        raise ValueError(
            f'iteration {runner.iter + 1}: every loss must be finite, got '
            f'{", ".join(f"{name}={value}" for name, value in found.items())} for '
            f'{", ".join(names[:_SHOWN]) or "a batch without image names"}{more}.\n{_kept(runner)}'
            'Look at these images and their masks; if they are fine, take a lower learning rate '
            '(optim_wrapper.optimizer.lr) or clip_grad.'
        )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Look at what is to be saved.

        Raises:
            ValueError: a weight or a running statistic is not finite.
        """
        bad = [
            name
            for name, value in checkpoint['state_dict'].items()
            if value.is_floating_point() and not bool(torch.isfinite(value).all())
        ]
        if bad:
            raise ValueError(
                f'iteration {runner.iter + 1}: weights must be finite to be saved, got NaN or '
                f'infinite values in {len(bad)} tensors: {", ".join(bad[:5])}.\n{_kept(runner)}'
                'Take a lower learning rate (optim_wrapper.optimizer.lr) or clip_grad.'
            )


def image_names(data_batch: Any) -> Iterator[str]:
    """Paths, else ids, of the images of a batch, as far as its samples have them."""
    samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else None
    for sample in samples or ():
        name = getattr(sample, 'img_path', None) or getattr(sample, 'img_id', None)
        if name is not None:
            yield str(name)


def _noted(runner: Runner, name: str) -> float:
    """The number that MMEngine's RuntimeInfoHook took from the step's tensor."""
    return float(runner.message_hub.get_scalar(f'train/{name}').current())


def _kept(runner: Runner) -> str:
    """Where to go on from."""
    last = find_latest_checkpoint(runner.work_dir)
    if last is None:
        return 'No checkpoint has been written yet. '
    return f'The last checkpoint, {last}, is from before and kept: --resume goes on from it. '
