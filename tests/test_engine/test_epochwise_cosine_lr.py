# Copyright (c) mmocr_wsss contributors. All rights reserved.
import math

import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS

PUBLISHED = dict(
    iters_per_epoch=3,
    max_epochs=60,
    warmup_epochs=5,
    warmup_start=1e-6,
    eta_min=1e-5,
    delay=1,
    by_epoch=False,
)


def build(lrs=(6.25e-5,), **changes):
    groups = [dict(params=[torch.nn.Parameter(torch.zeros(1))], lr=lr) for lr in lrs]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    config = dict(type='mmocr_wsss.EpochwiseCosineLR', **PUBLISHED | changes)
    return optimizer, PARAM_SCHEDULERS.build(config, default_args=dict(optimizer=optimizer))


def run(optimizer, scheduler, steps, group=0):
    """Learning rate of every iteration."""
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[group]['lr'])
        optimizer.step()
        scheduler.step()
    return values


def test_values_of_mctformer():
    """The values that the published training uses, epoch by epoch."""
    values = run(*build(), steps=180)
    epochs = [values[3 * e : 3 * e + 3] for e in range(60)]
    assert all(len(set(epoch)) == 1 for epoch in epochs)
    first = [1e-6, 1e-6, 1.33e-5, 2.56e-5, 3.79e-5, 5.02e-5, 6.160555e-5, 6.121523e-5]
    assert [epoch[0] for epoch in epochs[:8]] == pytest.approx(first, rel=1e-6)
    assert epochs[-1][0] == pytest.approx(1.014380e-5, rel=1e-6)


def test_values_of_plus():
    values = run(*build(lrs=(3.125e-5,), max_epochs=45), steps=135)
    assert values[-1] == pytest.approx(1.010340e-5, rel=1e-6)


def test_without_delay_and_warm_up_it_is_a_cosine_per_epoch():
    values = run(*build(delay=0, warmup_epochs=0, max_epochs=4), steps=12)
    cosine = [1e-5 + 5.25e-5 * (1 + math.cos(math.pi * t / 4)) / 2 for t in range(4)]
    assert values == pytest.approx([v for v in cosine for _ in range(3)], rel=1e-9)


def test_groups_keep_their_base_and_share_both_ends():
    lrs = (6.25e-5, 6.25e-4)
    low, high = (run(*build(lrs), steps=183, group=g) for g in (0, 1))
    assert low[0] == high[0] == 1e-6
    assert high[18] == pytest.approx(1e-5 + (6.25e-4 - 1e-5) * (1 + math.cos(math.pi / 12)) / 2)
    assert low[-1] == pytest.approx(1.0036e-5, rel=1e-4)  # s(59)


def test_a_resumed_schedule_goes_on():
    whole = run(*build(), steps=60)
    optimizer, scheduler = build()
    head = run(optimizer, scheduler, steps=25)
    states = optimizer.state_dict(), scheduler.state_dict()
    optimizer, scheduler = build()
    optimizer.load_state_dict(states[0])
    scheduler.load_state_dict(states[1])
    assert head + run(optimizer, scheduler, steps=35) == whole


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(iters_per_epoch=0), 'iters_per_epoch >= 1.* got 0, 60, 5 and 1'),
        (dict(delay=-1), 'delay >= 0'),
        (dict(by_epoch=True), 'set by_epoch=False'),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)
