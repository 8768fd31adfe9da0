# Copyright (c) mmocr_wsss contributors. All rights reserved.
import pytest
import torch
from torch import nn

from mmocr_wsss.models.wide_resnet38 import BasicBlock, WideResNet38, scaled_channels

NORM = dict(type='BN')
ALL = ('conv3', 'conv4', 'conv5', 'conv6')


def small(**kwargs) -> WideResNet38:
    torch.manual_seed(0)
    return WideResNet38(width_mult=1 / 16, **kwargs)


def trained(model: WideResNet38) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def running_means(model: WideResNet38) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items() if k.endswith('running_mean')}


def test_sizes_and_channels():
    # Three stride-2 blocks: 134 -> 67 -> 34 -> 17; conv3 comes after two of them.
    model = small(out_features=ALL).eval()
    with torch.no_grad():
        maps = model(torch.randn(1, 3, 134, 90))
    shapes = [tuple(x.shape[1:]) for x in maps]
    assert shapes == [(16, 34, 23), (32, 17, 12), (64, 17, 12), (256, 17, 12)]
    assert model.out_channels == (16, 32, 64, 256)


def test_out_features_are_returned_in_the_given_order():
    x = torch.randn(1, 3, 32, 32)
    forward, backward = (small(out_features=names).eval() for names in (ALL, ALL[::-1]))
    with torch.no_grad():
        for a, b in zip(forward(x), backward(x)[::-1], strict=True):
            torch.testing.assert_close(a, b)


def test_feature_maps_are_the_activated_inputs_of_the_next_block():
    model = small(out_features=ALL).eval()
    seen = []
    for name in ('b4', 'b5', 'b6'):
        norm = getattr(model, name).bn_branch2a
        norm.register_forward_hook(lambda _, __, output: seen.append(output.clone().relu()))
    model.bn7.register_forward_hook(lambda _, __, output: seen.append(output.clone().relu()))
    with torch.no_grad():
        maps = model(torch.randn(1, 3, 32, 32))
    for expected, result in zip(seen, maps, strict=True):
        torch.testing.assert_close(result, expected)


@pytest.mark.parametrize('out_channels, stride', [(2, 1), (3, 1), (2, 2)])
def test_shortcut_is_the_input_or_a_projection_of_the_activated_input(out_channels, stride):
    block = BasicBlock(
        2, 2, out_channels, stride=stride, first_dilation=1, dilation=1, norm_cfg=NORM
    )
    nn.init.zeros_(block.conv_branch2b1.weight)  # leaves the shortcut alone
    x = -torch.ones(1, 2, 4, 4)  # BatchNorm keeps it, ReLU takes it to 0
    with torch.no_grad():
        output, activated = block.eval()(x)
    assert not activated.any()
    if out_channels == 2 and stride == 1:
        torch.testing.assert_close(output, x)
    else:
        assert not output.any()


def test_convention_dilations():
    model = small()
    dilation = {
        name: m.dilation[0] for name, m in model.named_modules() if isinstance(m, nn.Conv2d)
    }
    assert dilation['b5.conv_branch2a'] == 1
    assert dilation['b5.conv_branch2b1'] == 2
    assert dilation['b5_1.conv_branch2a'] == dilation['b5_2.conv_branch2b1'] == 2
    assert dilation['b6.conv_branch2b1'] == dilation['b7.conv_branch2b1'] == 4
    assert sum(d > 1 for d in dilation.values()) == 7  # b5 once, b5_1 and b5_2 twice, b6, b7


def test_frozen_stages():
    convolutions = {name for name, _ in small().named_parameters() if 'conv' in name}
    b2 = {name for name in convolutions if name.startswith('b2')}
    assert len(b2) == 7  # three blocks of two, one projection
    assert trained(small(frozen_stages=-1)) == convolutions
    assert trained(small(frozen_stages=0)) == convolutions - {'conv1a.weight'}
    assert trained(small(frozen_stages=1)) == convolutions - {'conv1a.weight'} - b2
    assert not trained(small(frozen_stages=6))


def test_batch_norm_scale_is_trained_only_on_request():
    names = trained(small(norm_cfg=NORM))
    assert {'bn7.weight', 'bn7.bias', 'b3.bn_branch2a.weight'} <= names
    assert 'b2.bn_branch2a.weight' not in trained(small(norm_cfg=NORM, frozen_stages=1))


def test_train_returns_the_module_and_keeps_batch_norm_frozen():
    model = small()
    assert model.train() is model and model.eval() is model
    before = running_means(model.train())
    assert model.training and model.b6.dropout_2b1.training
    model(torch.randn(2, 3, 32, 32))
    for name, mean in running_means(model).items():
        torch.testing.assert_close(mean, before[name])


def test_batch_statistics_with_the_given_momentum_and_frozen_stages_kept():
    norm_cfg = dict(type='BN', momentum=3e-4, requires_grad=False)
    model = small(norm_eval=False, norm_cfg=norm_cfg, frozen_stages=1).train()
    seen = []
    model.b3.bn_branch2a.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    model(torch.randn(2, 3, 32, 32))
    expected = 3e-4 * seen[0].mean(dim=(0, 2, 3))  # the running mean starts at 0
    torch.testing.assert_close(model.b3.bn_branch2a.running_mean, expected)
    assert not model.b2_1.bn_branch2a.running_mean.any()
    assert not any('bn' in name for name in trained(model))


def test_dropout_acts_in_training_only_and_on_whole_channels():
    model = small()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert not torch.equal(model.train()(x)[0], model(x)[0])
        torch.testing.assert_close(model.eval()(x)[0], model(x)[0])
    kept = model.b7.dropout_2b2.train()(torch.ones(1, 64, 5, 5)).flatten(2)
    assert torch.equal(kept.amin(2), kept.amax(2)) and 0 < kept[..., 0].count_nonzero() < 64


def test_scaled_channels():
    assert [scaled_channels(c, 1.0) for c in (64, 4096)] == [64, 4096]
    assert scaled_channels(64, 1 / 16) == 4
    assert scaled_channels(64, 0.01) == 4  # at least 4
    assert scaled_channels(100, 0.5) == 48  # 50 -> a multiple of 4


def save(path, state):
    torch.save(state, path)
    return dict(type='Pretrained', checkpoint=str(path))


def test_pretrained_weights_are_loaded(tmp_path):
    source = {k: torch.rand_like(v.float()).to(v.dtype) for k, v in small().state_dict().items()}
    init_cfg = save(tmp_path / 'x.pth', {'state_dict': source, 'meta': {}})
    model = small(init_cfg=init_cfg)
    model.init_weights()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, source[name], msg=name)


def test_backbone_of_a_whole_segmentor_by_prefix(tmp_path):
    source = {f'backbone.{k}': torch.ones_like(v) for k, v in small().state_dict().items()}
    model = small(init_cfg=dict(save(tmp_path / 'x.pth', source), prefix='backbone.'))
    model.init_weights()
    assert (model.conv1a.weight == 1).all()


def test_missing_checkpoint_says_how_to_make_it():
    model = small(init_cfg=dict(type='Pretrained', checkpoint='pretrained/none.pth'))
    with pytest.raises(FileNotFoundError) as error:
        model.init_weights()
    text = str(error.value)
    assert 'model.backbone.init_cfg.checkpoint' in text and 'pretrained/none.pth' in text
    assert 'tools/model_converters/convert.py' in text
    assert '--cfg-options model.backbone.init_cfg=None' in text


def test_foreign_checkpoint_is_refused(tmp_path):
    model = small(init_cfg=save(tmp_path / 'x.pth', {'conv1a.weight': torch.ones(4, 3, 3, 3)}))
    with pytest.raises(ValueError, match=r'x.pth lacks 190 of 191 tensors.*b2.bn_branch2a.bias'):
        model.init_weights()
    (tmp_path / 'x.params').write_bytes(b'\x12\x01' + bytes(40))
    model = small(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'x.params')))
    with pytest.raises(ValueError, match='init_cfg.checkpoint: .*not a PyTorch weight file'):
        model.init_weights()


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(out_features=('conv7',)), "out_features must name some of .* got .'conv7'"),
        (dict(out_features=()), 'out_features must name some of'),
        (dict(frozen_stages=7), 'frozen_stages must be -1 .* got 7'),
    ],
)
def test_wrong_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        small(**kwargs)
