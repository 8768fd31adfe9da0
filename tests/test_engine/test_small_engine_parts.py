# Copyright (c) mmocr_wsss contributors. All rights reserved.
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from mmocr_wsss.engine import AutocastOptimWrapper
from mmocr_wsss.engine.config_checks import read_config
from mmocr_wsss.registry import OPTIM_WRAPPERS


def test_autocast_computes_in_bfloat16_and_keeps_float32_weights():
    layer = nn.Linear(4, 2)
    wrapper = OPTIM_WRAPPERS.build(
        dict(
            type='mmocr_wsss.AutocastOptimWrapper',
            optimizer=torch.optim.SGD(layer.parameters(), lr=0.1),
        )
    )
    assert type(wrapper) is AutocastOptimWrapper
    before = layer.weight.detach().clone()
    with wrapper.optim_context(layer):
        out = layer(torch.ones(1, 4))
    assert out.dtype == torch.bfloat16
    assert layer(torch.ones(1, 4)).dtype == torch.float32
    wrapper.update_params(out.float().sum())
    # d(sum)/d(weight) is the input, all ones: one step of 0.1 down.
    torch.testing.assert_close(layer.weight.detach(), before - 0.1)
    assert layer.weight.dtype == torch.float32


def test_a_checkpoint_of_either_wrapper_loads_in_the_other():
    layer = nn.Linear(1, 1)
    plain = OptimWrapper(torch.optim.SGD(layer.parameters(), lr=0.5, momentum=0.9))
    mixed = AutocastOptimWrapper(torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9))
    mixed.load_state_dict(plain.state_dict())
    assert mixed.get_lr()['lr'] == [0.5]


def test_channels_last_is_a_layout_and_nothing_else(tmp_path):
    class Tiny(BaseModel):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, groups=4))

        def forward(self, inputs, mode='tensor'):
            out = self.layers(torch.stack(inputs))
            self.last = out.is_contiguous(memory_format=torch.channels_last)
            return {'loss': out.square().mean()} if mode == 'loss' else out

    weights, losses = [], []
    for name, hooks in (('plain', []), ('last', [dict(type='mmocr_wsss.ChannelsLastHook')])):
        torch.manual_seed(0)
        model = Tiny()
        runner = Runner(
            model=model,
            work_dir=str(tmp_path / name),
            train_dataloader=dict(
                dataset=[{'inputs': photo} for photo in torch.randn(4, 3, 8, 8)],
                sampler=dict(type='mmengine.InfiniteSampler', shuffle=False),
                batch_size=2,
                num_workers=0,
            ),
            train_cfg=dict(type='mmengine.IterBasedTrainLoop', max_iters=3),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
            custom_hooks=hooks,
            default_scope='mmengine',
            experiment_name=f'channels_last_{name}',
            log_level='ERROR',
        )
        runner.train()
        assert model.last == bool(hooks)
        weights.append({key: value.contiguous() for key, value in model.state_dict().items()})
        losses.append(runner.message_hub.get_scalar('train/loss').current())
    assert losses[0] > 0
    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(weights[1], weights[0])


def test_base_under_a_name_that_the_maintained_packages_lack(tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.config.config.is_installed', lambda package: False)
    config = tmp_path / 'mine.py'
    config.write_text("_base_ = 'mmseg::_base_/models/fcn_r50-d8.py'\n")
    with pytest.raises(ValueError, match=r"Write _base_ = __import__\('mmseg'\)"):
        read_config(str(config))


def test_base_in_the_folder_of_the_package(tmp_path):
    config = tmp_path / 'mine.py'
    name = '/.mim/configs/_base_/models/fcn_r50-d8.py'
    config.write_text(f"_base_ = __import__('mmseg').__path__[0] + '{name}'\n")
    assert read_config(str(config)).model.type == 'EncoderDecoder'
