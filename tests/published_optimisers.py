# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Optimiser groups and learning rates of a recipe, to compare with the published ones."""

from collections import Counter
from collections.abc import Iterable

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS


def groups(model: torch.nn.Module, cfg: Config) -> tuple[dict, dict]:
    """{(lr factor, weight decay): number of trained tensors} and the optimiser's defaults."""
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    found = Counter()
    for group in optimizer.param_groups:
        for parameter in group['params']:
            if parameter.requires_grad:
                factor = round(group['lr'] / optimizer.defaults['lr'], 6)
                found[factor, group['weight_decay']] += 1
    return dict(found), optimizer.defaults


def factors(cfg: Config, steps: Iterable[int]) -> dict[int, float]:
    """Learning-rate factor of the config's only scheduler at the given iterations."""
    (scheduler,) = cfg.param_scheduler
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = PARAM_SCHEDULERS.build(dict(scheduler), default_args=dict(optimizer=optimizer))
    found = {}
    for step in range(max(steps) + 1):
        if step in steps:
            found[step] = optimizer.param_groups[0]['lr']
        optimizer.step()
        scheduler.step()
    return found
