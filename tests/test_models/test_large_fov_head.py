# Copyright (c) mmocr_wsss contributors. All rights reserved.
import pytest
import torch
from torch import nn

from mmocr_wsss.models import LargeFOVHead

LOSS = dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)


def head(variant: str, **kwargs) -> LargeFOVHead:
    torch.manual_seed(0)
    arguments = dict(in_channels=8, channels=16, num_classes=5, loss_decode=LOSS) | kwargs
    return LargeFOVHead(variant, **arguments)


@pytest.mark.parametrize('variant, count', [('seam', 19_147_285), ('mctformer', 18_971_669)])
def test_convolution_parameters_at_published_size(variant, count):
    with torch.device('meta'):
        model = LargeFOVHead(variant, num_classes=21, loss_decode=LOSS)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert sum(p.numel() for m in convolutions for p in m.parameters()) == count


def reach(model: LargeFOVHead, size: int) -> list[int]:
    """Distances along a row at which a pixel changes the logits."""
    model.eval().requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    x = torch.zeros(1, 8, size, size)
    x[..., size // 2, size // 2] = 1
    row = model((x,))[0, 0, size // 2]
    return [int(i) - size // 2 for i in row.nonzero()]


def test_reach_of_the_dilated_convolutions():
    assert reach(head('seam'), 61) == [-12, 0, 12]
    assert reach(head('mctformer'), 61) == [-24, -12, 0, 12, 24]
    assert reach(head('seam', dilation=3), 61) == [-3, 0, 3]


def test_seam_batch_norm_follows_the_batch_slowly_and_has_no_trained_scale():
    model = head('seam').train()
    model((torch.randn(2, 8, 5, 5),))
    assert model.bn_fov.num_batches_tracked == 1
    assert (model.bn_fov.running_var - 1).abs().max() <= 3e-4
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {'conv_fov.weight', 'conv_fov2.weight', 'conv_seg.weight', 'conv_seg.bias'}


def test_published_defaults_and_overrides():
    seam, mct = head('seam'), head('mctformer')
    assert (seam.align_corners, mct.align_corners) == (True, False)
    assert (seam.dropout.p, mct.dropout.p) == (0.5, 0.0)
    changed = head('seam', align_corners=False, dropout_ratio=0.1, norm_cfg=dict(type='BN'))
    assert changed.align_corners is False and changed.dropout.p == 0.1
    assert changed.bn_fov.weight.requires_grad and changed.bn_fov.momentum == 0.1


def test_dropout_is_per_element():
    dropped = head('seam').train().dropout(torch.ones(1, 1, 20, 20))
    assert 0 < dropped.count_nonzero() < dropped.numel()


def test_seam_initialisation():
    model = head('seam', in_channels=64, channels=128)
    model.init_weights()
    # Kaiming with fan-out: std = sqrt(2 / (out channels * 9)); 73,728 samples.
    assert model.conv_fov.weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    assert model.conv_seg.weight.std().item() == pytest.approx((2 / 5) ** 0.5, rel=0.1)
    assert (model.bn_fov.weight == 1).all() and (model.bn_fov2.bias == 0).all()


def test_mctformer_initialisation():
    model = head('mctformer', in_channels=64, channels=128)
    model.init_weights()
    # Xavier: uniform up to sqrt(6 / (fan in + fan out)).
    bound = (6 / (9 * (64 + 128))) ** 0.5
    assert model.conv_fov.weight.abs().max().item() == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize('variant', ['seam', 'mctformer'])
def test_biases_keep_the_default_of_pytorch(variant):
    model = head(variant)
    fan_in = model.conv_seg.weight[0].numel()
    before = model.conv_seg.bias.clone()
    model.init_weights()
    assert torch.equal(model.conv_seg.bias, before)
    assert 0 < before.abs().max() <= fan_in**-0.5


def test_init_cfg_replaces_the_published_initialisation():
    model = head('mctformer', init_cfg=dict(type='Constant', layer='Linear', val=0.25))
    before = model.conv_fov.weight.clone()
    model.init_weights()  # there is no Linear layer
    assert torch.equal(model.conv_fov.weight, before)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"variant must be one of .*got 'aspp'"):
        head('aspp')
    with pytest.raises(ValueError, match="'mctformer' has no normalisation"):
        head('mctformer', norm_cfg=dict(type='BN'))
