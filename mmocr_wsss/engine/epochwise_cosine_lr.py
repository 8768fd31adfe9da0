# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""MCTformer's learning rates, epoch by epoch in a loop of iterations."""

import math
from typing import Any

from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler

from mmocr_wsss.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class EpochwiseCosineLR(LRSchedulerMixin, _ParamScheduler):
    """Linear warm-up, then a cosine, constant within an epoch of an iteration-based loop.

    With base the learning rate of a parameter group, W = ``warmup_epochs`` and
    E = ``max_epochs``, the value of epoch t is::

        s(t) = warmup_start + t * (base - warmup_start) / W            for t < W
        s(t) = eta_min + (base - eta_min) * (1 + cos(pi * t / E)) / 2  from W on

    so the cosine is not shifted by the warm-up. Training epoch e (iteration //
    ``iters_per_epoch``) uses ``s(max(0, e - delay))``. The published MCTformer code steps
    its scheduler after epoch e with the argument e: ``delay=1``, the first two
    epochs run at ``warmup_start`` and the last one at ``s(E - 2)``.

    State is the host's: a resumed training goes on where it was.

    Args:
        optimizer: set by the runner.
        iters_per_epoch: iterations of an epoch.
        max_epochs: number E of epochs.
        warmup_epochs: W; 0: none.
        warmup_start: learning rate of epoch 0, the same for all groups.
        eta_min: learning rate at the end of the cosine, the same for all groups.
        delay: epochs by which the schedule lags.
        by_epoch: must be given as False (the host's default is True).
        **kwargs: as for MMEngine's schedulers (``begin``, ``end``, ``last_step``, ``verbose``).

    Raises:
        ValueError: an argument is out of range, or ``by_epoch`` is not False.

    Reference: timm 0.4.12 ``scheduler/cosine_lr.py`` (``t_in_epochs``, no prefix
    offset); github.com/xulianuwa/MCTformer ``main.py``.
    """

    def __init__(
        self,
        optimizer: Any,
        iters_per_epoch: int,
        max_epochs: int,
        warmup_epochs: int,
        warmup_start: float,
        eta_min: float,
        delay: int = 0,
        by_epoch: bool = True,
        **kwargs: Any,
    ) -> None:
        if by_epoch:
            raise ValueError(
                'EpochwiseCosineLR counts iterations: set by_epoch=False in its config, from which '
                'the runner takes what `end` means.'
            )
        if min(iters_per_epoch, max_epochs) < 1 or min(warmup_epochs, delay) < 0:
            raise ValueError(
                'EpochwiseCosineLR needs iters_per_epoch >= 1, max_epochs >= 1, warmup_epochs >= 0 '
                f'and delay >= 0, got {iters_per_epoch}, {max_epochs}, {warmup_epochs} and {delay}.'
            )
        self.iters_per_epoch, self.max_epochs = iters_per_epoch, max_epochs
        self.warmup_epochs, self.warmup_start = warmup_epochs, warmup_start
        self.eta_min, self.delay = eta_min, delay
        super().__init__(optimizer, by_epoch=False, **kwargs)

    def _get_value(self) -> list[float]:
        epoch = max(0, self.last_step // self.iters_per_epoch - self.delay)
        return [self._value(base, epoch) for base in self.base_values]

    def _value(self, base: float, epoch: int) -> float:
        if epoch < self.warmup_epochs:
            return self.warmup_start + epoch * (base - self.warmup_start) / self.warmup_epochs
        progress = min(epoch, self.max_epochs) / self.max_epochs
        return self.eta_min + 0.5 * (base - self.eta_min) * (1 + math.cos(math.pi * progress))
