# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""MCTformer V1 and V2 against the official code, through the converter."""

import numpy as np
import pytest
import torch
from golden import load_golden, official_state_dict
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from official_networks import RGB_MEAN_STD, converted

from mmocr_wsss.checkpoints import official_vit
from mmocr_wsss.datasets.transforms.pack_scaled_views import PackScaledViews
from mmocr_wsss.functional.cam import background_score, merge_views, normalise_min_max
from mmocr_wsss.functional.dense_crf import DENSE_CRF_SETTINGS, dense_crf

#: Official attention types -> ours.
ATTENTION_TYPES = {'fused': 'fused', 'patchcam': 'patchcam', 'mct': 'attention'}
LAYOUTS = {'mctformer_v1': official_vit.mctformer_v1, 'mctformer_v2': official_vit.mctformer_v2}
CRF_ARRAYS = 'ms.crf_'


def build(version: str, num_classes: int):
    has_patches = version != 'mctformer_v1'
    return MODELS.build(
        dict(
            type='mmocr_wsss.MCTformerClassifier',
            attention_type='fused' if has_patches else 'attention',
            backbone=dict(type='mmocr_wsss.MultiClassTokenViT', num_classes=num_classes),
            head=dict(
                type='mmocr_wsss.MCTformerHead', num_classes=num_classes, patch_branch=has_patches
            ),
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', **RGB_MEAN_STD),
        )
    )


@pytest.fixture(scope='module', params=list(LAYOUTS))
def network(request, tmp_path_factory):
    """(golden, classifier in eval mode with the official weights, official name -> ours)."""
    golden = load_golden(f'{request.param}.npz')
    state = official_state_dict(request.param)
    model = build(request.param, num_classes=state['cls_token'].shape[1])
    state = converted({'model': state}, request.param, tmp_path_factory.mktemp('weights'))
    model.load_state_dict(state, strict=True)
    return golden, model.eval(), LAYOUTS[request.param]().targets


def check_training(golden, model, targets, case: str) -> None:
    """Logits, losses and gradients of a batch."""
    samples = [DataSample().set_gt_score(row) for row in golden.input(f'{case}.label')]
    feats = model.extract_feat(golden.input(case))
    golden.check(f'{case}.cls_logits', model.head(feats))
    losses = model.head.loss(feats, samples)
    golden.check(f'{case}.loss_cls', losses['loss_cls_token'])
    if model.head.patch_branch:
        golden.check(f'{case}.patch_logits', model.head.patch_logits(feats))
        golden.check(f'{case}.loss_patch', losses['loss_patch'])
    total = sum(losses.values())
    golden.check(f'{case}.loss', total)
    model.zero_grad()
    total.backward()
    golden.check_gradients(f'{case}.grad.', dict(model.named_parameters()), targets)
    model.zero_grad()


@torch.no_grad()
def check_attention(golden, model, case: str) -> None:
    """Attention of every block, and the maps before the affinity."""
    backbone, inputs = model.backbone, golden.input(case)
    tokens, (h, w) = backbone.embed(inputs)
    per_block, class_rows = [], []
    for layer in backbone.layers:
        affinity = torch.zeros(len(inputs), h * w, h * w)
        tokens, rows = backbone.mapped_layer(layer, tokens, affinity)
        per_block.append(affinity)
        class_rows.append(rows)
    golden.check(f'{case}.patch_attn', torch.stack(per_block))
    for n in golden.config['n_layers']:
        feats, maps, affinity = backbone.attention_maps(inputs, last_layers=n, patch_affinity=True)
        torch.testing.assert_close(maps, torch.stack(class_rows[-n:]).sum(0), rtol=0, atol=1e-6)
        golden.check(f'{case}.patch_attn_sum', affinity)
        if not model.head.patch_branch:
            golden.check(f'{case}.mtatt_{n}', maps)
    torch.testing.assert_close(feats, model.extract_feat(inputs), rtol=1e-5, atol=1e-4)


def settings(model, attention_type: str, last_layers: int, patch_affinity: bool) -> None:
    model.attention_type = (
        ATTENTION_TYPES[attention_type] if model.head.patch_branch else 'attention'
    )
    model.last_layers, model.patch_affinity = last_layers, patch_affinity


def check_maps(golden, model, case: str) -> None:
    """What the official network returns for every attention type (V2)."""
    for array in golden.names(prefix=f'{case}.cams_'):
        kind, _, layers = array.removeprefix(f'{case}.cams_').partition('_')
        settings(model, kind, int(layers or 3), patch_affinity=False)
        golden.check(array, model.cams(golden.input(case)))


@torch.no_grad()
def photo_maps(golden, model, scales) -> dict[int, torch.Tensor]:
    """Normalised maps of the photo's tags."""
    photo = np.ascontiguousarray(golden.photo()[..., ::-1])  # BGR, as loaded
    tags = golden.input('tags')
    item = dict(img=photo, img_path='', img_id='photo', gt_score=np.zeros(20, np.float32))
    views = PackScaledViews(scales).transform(item)['inputs']
    views = (model.data_preprocessor(dict(inputs=view[None]))['inputs'] for view in views)
    maps = merge_views(
        model.cams, views, tags, size=photo.shape[:2], flip=golden.config['maps']['flip']
    )
    return dict(zip(tags.tolist(), normalise_min_max(maps), strict=True))


def check_photo(golden, model, prefix: str, attention_type: str, scales, affinity: bool) -> dict:
    settings(model, attention_type, golden.config['maps']['layer_index'], affinity)
    maps = photo_maps(golden, model, scales)
    for tag, cam in maps.items():
        golden.check(f'{prefix}.cam.{tag}', cam)
    return maps


@pytest.mark.parametrize('case', ['sq', 'ns'])
def test_network_equals_the_official_one(network, case):
    golden, model, targets = network
    check_training(golden, model, targets, case)
    check_attention(golden, model, case)
    check_maps(golden, model, case)
    golden.assert_all_checked(f'{case}.')


def test_maps_of_the_photo_equal_the_official_ones(network):
    golden, model, _ = network
    config = golden.config['maps']
    for prefix, scales in (('ss', config['ss_scales']), ('ms', config['ms_scales'])):
        check_photo(
            golden, model, prefix, config['attention_type'], scales, config['patch_attn_refine']
        )
    if model.head.patch_branch:
        check_photo(golden, model, 'ss_patchcam', 'patchcam', config['ss_scales'], False)
        check_photo(golden, model, 'ss_mct', 'mct', config['ss_scales'], True)
    golden.checked.update(golden.names(prefix=CRF_ARRAYS))  # by the next test
    golden.assert_all_checked('ss')
    golden.assert_all_checked('ms.')


def test_crf_export_equals_the_official_one(network):
    """Maps with a power of their complement as background, through the CRF."""
    pytest.importorskip('pydensecrf.densecrf')
    golden, model, _ = network
    if not model.head.patch_branch:
        assert not golden.names(prefix=CRF_ARRAYS)  # V1: its maps end at the previous test
        return
    config = golden.config['maps']
    settings(model, config['attention_type'], config['layer_index'], config['patch_attn_refine'])
    maps = photo_maps(golden, model, config['ms_scales'])
    cam = torch.stack(list(maps.values()))
    for alpha in golden.config['crf_alpha']:
        scores = torch.cat([background_score(cam, power=alpha)[None], cam]).numpy()
        marginals = dense_crf(scores, golden.arrays['in.crf_image'], **DENSE_CRF_SETTINGS['cam'])
        for label, result in zip([0, *(tag + 1 for tag in maps)], marginals, strict=True):
            golden.check(f'{CRF_ARRAYS}{alpha}.{label}', result)
    assert golden.checked >= set(golden.names(prefix=CRF_ARRAYS))
