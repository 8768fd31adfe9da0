# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""When a training stops for a loss; whole runs are in tests/test_tools/test_faults_running.py."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook, LoggerHook, RuntimeInfoHook
from mmengine.runner import get_priority

from mmocr_wsss.engine.finite_loss_hook import FiniteLossHook, image_names

SAMPLES = [SimpleNamespace(img_path=f'photos/{name}.jpg') for name in range(20)]
BATCH = dict(inputs=None, data_samples=SAMPLES)


def runner(values, **wrapper):
    """Its log holds ``values``; a number that is read from anywhere else is an error."""
    scalars = {
        f'train/{name}': SimpleNamespace(current=lambda v=v: v) for name, v in values.items()
    }
    return SimpleNamespace(
        iter=7,
        work_dir='/nowhere',
        optim_wrapper=SimpleNamespace(**wrapper),
        message_hub=SimpleNamespace(get_scalar=scalars.__getitem__),
    )


def step(hook, values, **wrapper):
    # Outputs that would have to be fetched from a GPU are not looked at.
    hook.after_train_iter(runner(values, **wrapper), 0, BATCH, dict.fromkeys(values))


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_every_loss_counts_and_nothing_else(value):
    step(FiniteLossHook(), {'loss': 1.0, 'loss_oc': 0.0, 'oc_rate': value})
    said = rf'iteration 8: .*got loss_oc={value} for photos/0.jpg, .*photos/15.jpg and 4 more'
    with pytest.raises(ValueError, match=said):
        step(FiniteLossHook(), {'loss': 1.0, 'loss_oc': value})


def test_a_loss_scaler_gets_sixteen_steps():
    hook, bad = FiniteLossHook(), {'loss': math.nan}
    for _ in range(15):
        step(hook, bad, loss_scaler=None)
    step(hook, {'loss': 1.0}, loss_scaler=None)
    for _ in range(15):
        step(hook, bad, loss_scaler=None)
    with pytest.raises(ValueError, match='every loss must be finite'):
        step(hook, bad, loss_scaler=None)


def test_running_statistics_are_not_saved_either():
    state = {'bn.running_var': torch.tensor([1.0, math.inf]), 'bn.count': torch.tensor(3)}
    with pytest.raises(ValueError, match='in 1 tensors: bn.running_var'):
        FiniteLossHook().before_save_checkpoint(runner({}), dict(state_dict=state))
    state['bn.running_var'] = torch.ones(2)
    FiniteLossHook().before_save_checkpoint(runner({}), dict(state_dict=state))


def test_it_comes_between_the_log_and_the_checkpoint():
    order = [RuntimeInfoHook, LoggerHook, FiniteLossHook, CheckpointHook]
    numbers = [get_priority(hook.priority) for hook in order]
    assert numbers == sorted(set(numbers))


def test_names_of_a_batch():
    assert list(image_names(None)) == list(image_names(dict(inputs=1))) == []
    samples = [SimpleNamespace(img_id='a'), SimpleNamespace(img_path='b.jpg', img_id='b')]
    assert list(image_names(dict(data_samples=samples))) == ['a', 'b.jpg']
