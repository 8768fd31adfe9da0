# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The term on many decode heads: no second forward, same keys, same inference."""

import copy

import pytest
import torch
from mmengine import ConfigDict
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import register_all_modules

from mmocr_wsss.models.candidate_segmentor import (
    REFUSED_HEADS,
    main_output,
    refusal,
    stack_candidates,
)
from mmocr_wsss.models.valid_pixels import valid_pixels

NUM_CLASSES = 5
NORM = dict(type='BN', requires_grad=True)
RESNET = dict(
    type='ResNetV1c', depth=18, num_stages=4, out_indices=(0, 1, 2, 3), base_channels=8,
    stem_channels=8, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), norm_cfg=NORM, style='pytorch',
)  # fmt: skip
MIT = dict(
    type='MixVisionTransformer', embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 2, 4, 8],
    patch_sizes=[7, 3, 3, 3], sr_ratios=[8, 4, 2, 1], out_indices=(0, 1, 2, 3), mlp_ratio=2,
)  # fmt: skip
CHANNELS = [8, 16, 32, 64]


def head(kind, **kwargs):
    base = dict(
        type=kind, in_channels=64, in_index=3, channels=8, num_classes=NUM_CLASSES,
        norm_cfg=NORM, align_corners=False, loss_decode=dict(type='CrossEntropyLoss'),
    )  # fmt: skip
    return {**base, **kwargs}


FCN = head('FCNHead', num_convs=1)
PYRAMID = dict(in_channels=CHANNELS, in_index=[0, 1, 2, 3])
HEADS = {
    'fcn': (RESNET, FCN),
    'deeplabv3plus': (
        RESNET,
        head('DepthwiseSeparableASPPHead', dilations=(1, 2), c1_in_channels=8, c1_channels=4),
    ),
    'upernet': (RESNET, head('UPerHead', pool_scales=(1, 2), **PYRAMID)),
    'segformer': (MIT, head('SegformerHead', **PYRAMID)),
    'psp': (RESNET, head('PSPHead', pool_scales=(1, 2))),
    'danet': (RESNET, head('DAHead', pam_channels=8)),
}
CASCADE = [
    FCN,
    head('OCRHead', ocr_channels=8, in_channels=64),
]


@pytest.fixture(autouse=True, scope='module')
def host_scope():
    register_all_modules(init_default_scope=True)


def config(name, with_loss=True, auxiliary=False):
    backbone, decode_head = (RESNET, CASCADE) if name == 'cascade' else HEADS[name]
    kind = 'CascadeEncoderDecoder' if name == 'cascade' else 'EncoderDecoder'
    cfg = dict(
        type=kind,
        data_preprocessor=dict(type='SegDataPreProcessor', size=(32, 32)),
        backbone=backbone,
        decode_head=decode_head,
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )
    if name == 'cascade':
        cfg['num_stages'] = 2
    if auxiliary:
        cfg['auxiliary_head'] = [head('FCNHead', num_convs=1, in_index=2, in_channels=32)] * 2
    if with_loss:
        cfg['type'] = 'mmocr_wsss.Candidate' + kind
        cfg['loss_oc'] = dict(type='mmocr_wsss.OutOfCandidateLoss', split='posterior')
    return ConfigDict(copy.deepcopy(cfg))


def make_samples():
    generator = torch.Generator().manual_seed(0)
    samples = []
    for tags in ([1, 1, 0, 0, 0], [1, 0, 0, 1, 0]):
        sample = SegDataSample(
            metainfo=dict(img_path='x.jpg', img_shape=(32, 32), ori_shape=(32, 32))
        )
        label = torch.randint(0, NUM_CLASSES, (1, 32, 32), generator=generator)
        sample.gt_sem_seg = PixelData(data=label)
        sample.set_data(dict(candidates=torch.tensor(tags, dtype=torch.bool)))
        samples.append(sample)
    return torch.randn(2, 3, 32, 32, generator=generator), samples


def build(*args, **kwargs):
    torch.manual_seed(0)
    model = MODELS.build(config(*args, **kwargs))
    model.init_weights()
    return model


@pytest.mark.parametrize('name', [*HEADS, 'cascade'])
@pytest.mark.parametrize('auxiliary', [False, True])
def test_term_on_head(name, auxiliary):
    model, stock = build(name, auxiliary=auxiliary), build(name, False, auxiliary=auxiliary)
    assert list(model.state_dict()) == list(stock.state_dict())
    stock.load_state_dict(model.state_dict())
    model.load_state_dict(stock.state_dict())

    inputs, samples = make_samples()
    forwards = []
    cascade = name == 'cascade'
    for listened in (model, stock):
        last = listened.decode_head[-1] if cascade else listened.decode_head
        forward = last.forward
        last.forward = lambda *a, f=forward: forwards.append(f(*a)) or forwards[-1]
    torch.manual_seed(1)
    plain = stock.loss(inputs, samples)
    per_step = len(forwards)
    torch.manual_seed(1)
    losses = model.loss(inputs, samples)
    assert len(forwards) == 2 * per_step  # no second forward pass
    assert {k: v.item() for k, v in losses.items() if k not in ('loss_oc', 'oc_rate')} == {
        k: v.item() for k, v in plain.items()
    }

    # the term is that of the logits which the head itself gave
    logits = forwards[per_step:][-1]
    logits = logits[0] if isinstance(logits, (tuple, list)) else logits
    expected = model.loss_oc(logits, torch.stack([s.candidates for s in samples]))
    assert losses['loss_oc'].item() == pytest.approx(expected.item(), rel=1e-6)
    assert losses['loss_oc'] > 0 and 0 < losses['oc_rate'] <= 1

    total, log = model.parse_losses(losses)
    assert {'loss_oc', 'oc_rate'} <= set(log)
    assert total.item() == pytest.approx(stock.parse_losses(plain)[0].item() + expected.item())
    losses['loss_oc'].backward()
    assert sum(p.grad.abs().sum() for p in model.backbone.parameters() if p.grad is not None) > 0

    heads = model.decode_head if cascade else [model.decode_head]
    assert all('loss_by_feat' not in vars(h) for h in heads)  # nothing is left on the head
    copy.deepcopy(model)
    model.eval(), stock.eval()
    with torch.no_grad():
        one, two = model.predict(inputs, samples), stock.predict(inputs, samples)
    assert torch.equal(one[0].seg_logits.data, two[0].seg_logits.data)


def test_pidnet_listens_to_the_integral_branch():
    cfg = config('fcn')
    cfg['backbone'] = dict(
        type='PIDNet', in_channels=3, channels=8, ppm_channels=8, num_stem_blocks=1,
        num_branch_blocks=1, norm_cfg=NORM, act_cfg=dict(type='ReLU', inplace=True),
    )  # fmt: skip
    loss = dict(type='CrossEntropyLoss')
    cfg['decode_head'] = dict(
        type='PIDHead', in_channels=32, channels=16, num_classes=NUM_CLASSES, norm_cfg=NORM,
        act_cfg=dict(type='ReLU', inplace=True), align_corners=True,
        loss_decode=[
            loss, dict(type='OhemCrossEntropy', thres=0.9, min_kept=10),
            dict(type='BoundaryLoss'), dict(type='OhemCrossEntropy', thres=0.9, min_kept=10),
        ],
    )  # fmt: skip
    cfg['data_preprocessor']['size'] = (64, 64)
    model = MODELS.build(cfg)
    inputs, samples = make_samples()
    inputs = torch.nn.functional.interpolate(inputs, scale_factor=2)
    for sample in samples:
        label = sample.gt_sem_seg.data.repeat_interleave(2, 1).repeat_interleave(2, 2)
        sample.gt_sem_seg = PixelData(data=label)
        sample.gt_edge_map = PixelData(data=(label > 2).long())
    outputs, forward = [], model.decode_head.forward
    model.decode_head.forward = lambda *a: outputs.append(forward(*a)) or outputs[-1]
    losses = model.loss(inputs, samples)
    logits = outputs[-1][1]
    expected = model.loss_oc(logits, stack_candidates(samples, logits))
    assert losses['loss_oc'].item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(type='STDCHead', boundary_threshold=0.1), 'STDCHead .it predicts boundaries'),
        (dict(num_classes=2, out_channels=1, threshold=0.3), 'FCNHead .out_channels=1 differs'),
    ],
)
def test_unsupported_head_is_refused_by_name_at_build(change, message):
    cfg = config('fcn')
    cfg['decode_head'].update(change)
    with pytest.raises(ValueError, match=message):
        MODELS.build(cfg)


@pytest.mark.parametrize(('kind', 'reason'), REFUSED_HEADS.items())
def test_heads_without_class_scores_are_refused(kind, reason):
    stand_in = type(kind, (BaseDecodeHead,), {'forward': lambda self, inputs: inputs})
    derived = type('MyHead', (stand_in,), {})
    for cls in (stand_in, derived):
        assert refusal(object.__new__(cls)) == reason
    assert 'loss_by_feat' in refusal(torch.nn.Conv2d(1, 1, 1))


def test_cascade_falls_back_to_its_last_dense_stage():
    model = build('cascade')
    first, last = model.decode_head
    assert model._listened_head() is last
    last.__class__ = type('PointHead', (type(last),), {})
    assert model._listened_head() is first


def test_main_output_of_heads_with_several():
    def choose(kind):
        base = type(kind, (torch.nn.Module,), {'num_classes': 3})
        outputs = [torch.full((1, 3, 2, 2), float(index)) for index in range(3)]
        return main_output(type('Derived', (base,), {})(), outputs)[0, 0, 0, 0].item()

    assert [choose(kind) for kind in ('PIDHead', 'IterativeDecodeHead', 'DAHead')] == [1, 2, 0]
    with pytest.raises(ValueError, match=r'Module gave \(1, 4, 2, 2\), not \(N, 3, h, w\)'):
        head = torch.nn.Module()
        head.num_classes = 3
        main_output(head, torch.zeros(1, 4, 2, 2))


def test_samples_without_candidates_name_the_wrapper():
    inputs, samples = make_samples()
    del samples[1].candidates
    with pytest.raises(ValueError, match='1 of 2 samples carry no candidates .*ImageTagDataset'):
        build('fcn').loss(inputs, samples)
    samples[1].set_data(dict(candidates=torch.ones(3, dtype=torch.bool)))
    samples[0].candidates = torch.ones(3, dtype=torch.bool)
    with pytest.raises(ValueError, match='tags stand for 3 classes .* num_classes=5'):
        build('fcn').loss(inputs, samples)


def test_valid_pixels_by_hand():
    # 4 x 8 labels on a 2 x 4 grid; row 0, column 0 ignored; the crop shows columns 0 to 5,
    # the batch padding added the last row
    sample = SegDataSample(metainfo=dict(valid_box=(0, 0, 4, 6), padding_size=(0, 0, 0, 1)))
    label = torch.zeros(1, 4, 8, dtype=torch.long)
    label[0, 0, 0] = 255
    sample.gt_sem_seg = PixelData(data=label)
    got = valid_pixels([sample], (2, 4), ignore_index=255)
    assert got.int().tolist() == [[[0, 1, 1, 0], [0, 0, 0, 0]]]


def test_ignored_and_padded_cells_get_no_gradient():
    model = build('fcn')
    inputs, samples = make_samples()
    samples[0].gt_sem_seg.data[:, :, 16:] = 255
    samples[1].set_metainfo(dict(valid_box=(0, 0, 20, 32)))
    grads = []
    forward = model.decode_head.forward

    def hooked(*args):
        logits = forward(*args)
        logits.register_hook(grads.append)
        return logits

    model.decode_head.forward = hooked
    model.loss(inputs, samples)['loss_oc'].backward()
    touched = (grads[0] != 0).any(dim=1)  # 4 x 4 cells of 8 x 8 pixels
    assert touched.shape == (2, 4, 4)
    assert not touched[0, :, 2:].any() and not touched[1, 2:].any()
    assert touched[0, :, :2].any() and touched[1, :2].any()
