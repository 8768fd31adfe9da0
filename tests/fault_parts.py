# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Parts of configs that make a training fail while it runs."""

import math
import os
import signal

from mmcv.transforms import TRANSFORMS
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.utils.data import get_worker_info

from mmocr_wsss.engine.checkpoint_fit import plain_model


@HOOKS.register_module(force=True)
class SignalAt(Hook):
    """Sends this process a signal in the middle of a step."""

    def __init__(self, step: int, number: int = signal.SIGTERM) -> None:
        self.step, self.number = step, number

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter + 1 == self.step:
            os.kill(os.getpid(), self.number)


@HOOKS.register_module(force=True)
class PoisonAt(Hook):
    """Spoils a weight of one process before a step, so that its loss is NaN."""

    def __init__(self, step: int, rank: int = 0) -> None:
        self.step, self.rank = step, rank

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if (runner.iter + 1, runner.rank) == (self.step, self.rank):
            plain_model(runner.model).decode_head.conv_seg.bias.data.fill_(math.nan)


@TRANSFORMS.register_module(force=True)
class DieInWorker:
    """Ends the data worker that it runs in, as the system does for want of memory."""

    def __init__(self, **_):
        pass

    def __call__(self, results):
        if get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return results


@TRANSFORMS.register_module(force=True)
class WrongInWorker:
    """Fails as our own code does."""

    def __init__(self, **_):
        pass

    def __call__(self, results):
        from mmocr_wsss.labels import foreground_classes

        return foreground_classes('voc99')
