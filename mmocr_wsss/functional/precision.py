# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Which precision sums are taken in."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """``x`` in float32 if it came out of mixed precision, else as it is (float64 too)."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
