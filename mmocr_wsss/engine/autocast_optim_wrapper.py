# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Mixed precision without an accelerator."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmocr_wsss.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Mixed precision on a CPU: the forward pass runs in bfloat16, weights stay float32.

    MMEngine's ``AmpOptimWrapper`` insists on an accelerator. bfloat16 has the
    range of float32, so no loss scaling is needed and a checkpoint holds the
    same optimiser state as one of the plain ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """The host's context (gradient accumulation), with autocast."""
        with super().optim_context(model), torch.autocast('cpu', dtype=torch.bfloat16):
            yield
