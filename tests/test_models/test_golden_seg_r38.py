# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Segmentation networks on ResNet-38 against MCTformer's and SEAM's, through the converter."""

import numpy as np
import pytest
import torch
from golden import load_golden, official_state_dict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from official_networks import converted

from mmocr_wsss.checkpoints import official
from mmocr_wsss.functional.dense_crf import DENSE_CRF_SETTINGS, dense_crf
from mmocr_wsss.models import MultiScaleTTA

FILE = 'seg_r38.npz'
#: prefix of the arrays -> official model, variant, CRF, freezing as published
NETWORKS = {
    'mct_seg': ('mct_seg', 'mctformer', 'mctformer_segmentation', 0),
    'segcb': ('segcb_deeplabv1', 'seam', 'seam_segmentation', -1),
}


def build(variant: str, num_classes: int, frozen_stages: int):
    return MODELS.build(
        dict(
            type='mmseg.EncoderDecoder',
            data_preprocessor=dict(
                type='mmseg.SegDataPreProcessor',
                mean=[123.675, 116.28, 103.53],
                std=[58.395, 57.12, 57.375],
                bgr_to_rgb=True,
            ),
            backbone=dict(type='mmocr_wsss.WideResNet38', frozen_stages=frozen_stages),
            decode_head=dict(
                type='mmocr_wsss.LargeFOVHead',
                variant=variant,
                num_classes=num_classes,
                loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
            ),
            train_cfg=dict(),
            test_cfg=dict(mode='whole'),
        )
    )


@pytest.fixture(scope='module', params=list(NETWORKS))
def network(request, tmp_path_factory):
    """(prefix, golden, segmentor in eval mode with the official weights)."""
    golden = load_golden(FILE)
    official_name, variant, _, frozen_stages = NETWORKS[request.param]
    model = build(variant, golden.config[request.param]['num_classes'], frozen_stages)
    state = official_state_dict(official_name)
    state = converted(state, 'seg_r38', tmp_path_factory.mktemp('weights'))
    model.load_state_dict(state, strict=True)
    return request.param, golden, model.eval()


def head_names(prefix: str) -> dict[str, str]:
    """Official parameter name -> ours."""
    layout = {'mct_seg': official.segmentor_mctformer, 'segcb': official.segmentor_seam}[prefix]()
    return dict(layout.targets)


def check_loss(prefix, golden, model) -> None:
    label = golden.input('seg_label').long()
    sample = SegDataSample(
        gt_sem_seg=PixelData(data=label), metainfo=dict(img_shape=label.shape[-2:])
    )
    head = model.decode_head
    losses = head.loss(model.extract_feat(golden.input('x')), [sample], {})
    golden.check(f'{prefix}.loss_ce', losses['loss_ce'])
    model.zero_grad()
    losses['loss_ce'].backward()
    parameters = dict(model.named_parameters())
    golden.check_gradients(f'{prefix}.grad.', parameters, head_names(prefix))
    model.zero_grad()


def predict(golden, model, variant, settings, crf):
    tta = MultiScaleTTA(
        model, variant, scales=settings['scales'], flip=settings.get('flip', False), dense_crf=crf
    )
    photo = np.ascontiguousarray(golden.photo()[..., ::-1].transpose(2, 0, 1))  # BGR, as loaded
    sample = SegDataSample(metainfo=dict(ori_shape=photo.shape[1:], img_path='photo'))
    data = dict(inputs=[torch.from_numpy(photo)], data_samples=[sample])
    (result,) = tta.test_step(data)
    return result.seg_logits.data, result.pred_sem_seg.data[0].to(torch.uint8)


def check_sizes(prefix, golden, model, settings) -> None:
    """Sizes and one resized input, as the variant's resizing makes them."""
    if f'{prefix}.ms_sizes' not in golden.facts:
        return
    tta = MultiScaleTTA(model, NETWORKS[prefix][1])
    photo = torch.from_numpy(np.ascontiguousarray(golden.photo().transpose(2, 0, 1))).flip(0)
    image = model.data_preprocessor(dict(inputs=[photo]))['inputs']
    resized = {scale: tta.resize(image, scale=scale) for scale in settings['scales']}
    golden.check(f'{prefix}.ms_sizes', np.array([x.shape[-2:] for x in resized.values()]))
    for array in golden.names(prefix=f'{prefix}.ms_input_'):
        golden.check(array, resized[float(array.removeprefix(f'{prefix}.ms_input_'))])


@pytest.fixture(scope='module')
def prediction(network):
    """Probabilities and labels of the multi-scale test, without CRF."""
    prefix, golden, model = network
    return predict(golden, model, NETWORKS[prefix][1], golden.config[prefix], crf=None)


def crf_arrays(prefix: str) -> list[str]:
    return [f'{prefix}.ms_crf', f'{prefix}.ms_argmax_crf']


def test_network_equals_the_official_one(network, prediction):
    """Logits, loss, gradients and multi-scale test: every array of the file but the CRF's."""
    prefix, golden, model = network
    settings = golden.config[prefix]
    x = golden.input('x')
    with torch.no_grad():
        low = model(x, mode='tensor')
        full = model.encode_decode(x, [dict(img_shape=tuple(x.shape[-2:]))])
    if f'{prefix}.logits_low' in golden.facts:
        golden.check(f'{prefix}.logits_low', low)
        golden.check(f'{prefix}.logits', full)
    else:
        golden.check(f'{prefix}.logits', low)
    if f'{prefix}.loss_ce' in golden.facts:
        check_loss(prefix, golden, model)
    check_sizes(prefix, golden, model, settings)

    probabilities, labels = prediction
    golden.check(f'{prefix}.ms_probs', probabilities)
    golden.check(f'{prefix}.ms_argmax_nocrf', labels)
    golden.checked.update(crf_arrays(prefix))  # by the next test
    golden.assert_all_checked(prefix)


def test_dense_crf_equals_the_official_one(network, prediction):
    pytest.importorskip('pydensecrf.densecrf')
    prefix, golden, model = network
    _, variant, crf, _ = NETWORKS[prefix]
    if f'in.{prefix}_crf_image' in golden.arrays:  # not the photo itself
        image = golden.arrays[f'in.{prefix}_crf_image']
        refined = dense_crf(prediction[0].numpy(), image, **DENSE_CRF_SETTINGS[crf])
        labels = refined.argmax(axis=0)
    else:
        refined, labels = predict(golden, model, variant, golden.config[prefix], crf=crf)
    for array, value in zip(crf_arrays(prefix), (refined, labels), strict=True):
        golden.check(array, value)


def test_crf_settings_are_the_official_ones(network):
    prefix, golden, _ = network
    ours = DENSE_CRF_SETTINGS[NETWORKS[prefix][2]]
    assert ours == dict(
        iterations=golden.config[prefix]['crf']['t'],
        gaussian_sxy=golden.config[prefix]['crf']['sxy_gaussian'],
        gaussian_compat=golden.config[prefix]['crf']['compat_gaussian'],
        bilateral_sxy=golden.config[prefix]['crf']['sxy_bilateral'],
        bilateral_srgb=golden.config[prefix]['crf']['srgb'],
        bilateral_compat=golden.config[prefix]['crf']['compat_bilateral'],
    )


def test_published_scales_are_the_official_ones(network):
    prefix, golden, model = network
    tta = MultiScaleTTA(model, NETWORKS[prefix][1])
    assert list(tta.scales) == golden.config[prefix]['scales']
    assert tta.flip == golden.config[prefix].get('flip', False)
