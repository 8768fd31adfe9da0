# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Dropout by iteration and rank."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmocr_wsss.engine import IterationSeedHook


def runner(seed=0, rank=0, iteration=0, processes=1, batch=4, images=8):
    return SimpleNamespace(
        seed=seed, rank=rank, iter=iteration, world_size=processes,
        train_dataloader=SimpleNamespace(batch_size=batch, dataset=range(images)),
    )  # fmt: skip


def dropped(**where):
    IterationSeedHook().before_train_iter(runner(**where), batch_idx=0)
    return tuple(torch.nn.functional.dropout(torch.ones(64)).tolist())


def test_dropout_depends_on_seed_rank_and_iteration_only():
    places = [
        dict(seed=seed, rank=rank, iteration=iteration)
        for seed in (0, 1)
        for rank in (0, 1)
        for iteration in (0, 1, 2)
    ]
    first = [dropped(**place) for place in places]
    assert len(set(first)) == len(places)
    assert [dropped(**place) for place in reversed(places)] == first[::-1]


def test_it_comes_last_before_the_step():
    hook = HOOKS.build(dict(type='mmocr_wsss.IterationSeedHook'))
    assert hook.priority == 'LOWEST' and Hook.priority != 'LOWEST'


def test_a_seed_that_changed_on_resume_is_refused():
    hook, run = IterationSeedHook(), runner(seed=11)
    hook.before_run(run)
    hook.before_train(run)
    run.seed = 5
    with pytest.raises(ValueError, match='seed 5, this run shuffles with 11.*randomness.seed=5'):
        hook.before_train(run)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(processes=2), 'processes 1, now 2:'),
        (dict(batch=8), 'images per process and step 4, now 8:'),
        (dict(images=9), 'images in the dataset 8, now 9:'),
        (dict(), None),
    ],
)
def test_another_order_of_the_data_is_said(change, message, monkeypatch):
    checkpoint = dict(meta=dict())
    IterationSeedHook().before_save_checkpoint(runner(), checkpoint)
    hook, resumed = IterationSeedHook(), runner(iteration=3, **change)
    hook.before_run(resumed)
    hook.after_load_checkpoint(resumed, checkpoint)
    texts = []
    monkeypatch.setattr(
        'mmocr_wsss.engine.iteration_seed_hook.print_log', lambda text, *_: texts.append(text)
    )
    hook.before_train(resumed)
    assert texts == [] if message is None else message in texts[0]
