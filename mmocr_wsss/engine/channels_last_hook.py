# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The memory layout that is quicker on a CPU."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmocr_wsss.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keeps the convolutions' weights with the channels last in memory.

    Torch then hands feature maps on in the same layout, which saves depthwise
    convolutions and batch norms on a CPU from moving data around. Shapes, checkpoints
    and the meaning of every number stay; sums are taken in another order, so
    results differ by rounding from those of a run without the hook.
    """

    def before_run(self, runner: Runner) -> None:
        """Lay out the weights once, before the first forward pass."""
        runner.model.to(memory_format=torch.channels_last)
