# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""MCTformer's modules in a tiny size; the official numbers are in test_golden_mctformer.py."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from mmocr_wsss.functional.class_tokens import class_token_contrast, ranked_mean

K = 3
SCHEDULE = Path(__file__).parents[2] / 'configs' / '_base_' / 'schedules' / 'cam_mctformer.py'
TINY = dict(embed_dims=16, num_layers=4, num_heads=2, feedforward_channels=32)
VERSIONS = {
    'v1': dict(attention_type='attention', head=dict(patch_branch=False)),
    'v2': dict(),
    'plus': dict(
        last_layers=4,
        layer_reduction='mean',
        sqrt_fused=True,
        backbone=dict(separate_pos_embed=True, token_layers=4),
        head=dict(rank_decay=0.9, contrast_weight=0.5),
    ),
}


def classifier(version='v2', **changes):
    config = dict(VERSIONS[version]) | changes
    config['backbone'] = dict(
        type='mmocr_wsss.MultiClassTokenViT', num_classes=K, arch=TINY, img_size=64,
        **config.get('backbone', {}),
    )  # fmt: skip
    config['head'] = dict(
        type='mmocr_wsss.MCTformerHead', num_classes=K, in_channels=16, **config.get('head', {})
    )
    torch.manual_seed(0)
    model = MODELS.build(dict(type='mmocr_wsss.MCTformerClassifier', **config))
    model.init_weights()
    return model


def samples(*tags):
    return [DataSample().set_gt_score(torch.tensor(row)) for row in tags]


TAGS = ([1.0, 0.0, 1.0], [0.0, 1.0, 0.0])


def test_frozen_tensors_are_those_that_nothing_uses():
    for version, unused in (
        ('v1', {'backbone.ln1', 'head.classifier'}),
        ('v2', {'backbone.ln1'}),
        ('plus', {'backbone.ln1', 'backbone.pos_embed'}),
    ):
        model = classifier(version)
        frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
        assert {n.removesuffix('.weight').removesuffix('.bias') for n in frozen} == unused
        losses = model.loss(torch.randn(2, 3, 64, 64), samples(*TAGS))
        sum(losses.values()).backward()
        without = {n for n, p in model.named_parameters() if p.grad is None}
        assert without == frozen, version


def test_losses_of_each_version():
    x = torch.randn(2, 3, 64, 64)
    expected = {
        'v1': {'loss_cls_token'},
        'v2': {'loss_cls_token', 'loss_patch'},
        'plus': {'loss_cls_token', 'loss_patch', 'loss_contrast'},
    }
    tags = torch.tensor(TAGS)
    for version, names in expected.items():
        model = classifier(version).eval()
        feats = model.extract_feat(x)
        losses = model.head.loss(feats, samples(*TAGS))
        assert set(losses) == names
        margin = torch.nn.MultiLabelSoftMarginLoss()
        torch.testing.assert_close(losses['loss_cls_token'], margin(feats[0][-1].mean(-1), tags))
        if version == 'plus':
            logits = ranked_mean(model.head.patch_maps(feats), decay=0.9)
            torch.testing.assert_close(losses['loss_patch'], margin(logits, tags))
            contrast = class_token_contrast(feats[0], tags)
            torch.testing.assert_close(losses['loss_contrast'], 0.5 * contrast)


def test_predictions_are_scores_of_the_class_tokens():
    model = classifier('v2').eval()
    x = torch.randn(2, 3, 64, 64)
    predictions = model.predict(x, samples(*TAGS))
    logits = model.extract_feat(x)[0][-1].mean(-1)
    for sample, row in zip(predictions, logits, strict=True):
        torch.testing.assert_close(sample.pred_score, row.sigmoid())


@pytest.mark.parametrize('version', list(VERSIONS))
@torch.no_grad()
def test_maps_by_definition(version):
    """Every setting, against the definitions written out."""
    model = classifier(version, patch_affinity=True).eval()
    x = torch.randn(2, 3, 48, 80)
    count = model.last_layers
    feats, attention, affinity = model.backbone.attention_maps(
        x, last_layers=count, patch_affinity=True
    )
    maps = attention.reshape(2, K, 3, 5)
    if version == 'plus':
        maps = (maps / 4 * model.head.classifier(feats[1]).relu()).sqrt()
    elif version == 'v2':
        maps = maps * model.head.classifier(feats[1]).relu()
    refined = torch.einsum('nij,ncj->nci', affinity, maps.flatten(2)).reshape(2, K, 3, 5)
    torch.testing.assert_close(model.cams(x), refined)
    index = torch.tensor([2, 0])
    torch.testing.assert_close(model.cams(x, index), refined[:, index])
    model.patch_affinity = False
    torch.testing.assert_close(model.cams(x, index), maps[:, index])
    assert model.cams(x, index[:0]).shape == (2, 0, 3, 5)


@torch.no_grad()
def test_patch_cam():
    model = classifier(attention_type='patchcam', patch_affinity=False).eval()
    x = torch.randn(1, 3, 64, 64)
    expected = model.head.classifier(model.extract_feat(x)[1]).relu()
    torch.testing.assert_close(model.cams(x), expected)


@torch.no_grad()
def test_maps_of_a_batch_equal_those_of_its_images():
    model = classifier('v2').eval()
    x = torch.randn(2, 3, 48, 80)
    torch.testing.assert_close(model.cams(x), torch.cat([model.cams(x[:1]), model.cams(x[1:])]))


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(attention_type='mct'), "attention_type must be one of .* got 'mct'"),
        (dict(layer_reduction='max'), "layer_reduction must be one of .* got 'max'"),
        (dict(last_layers=5), r'last_layers must be 1 to 4 .* got 5'),
        (dict(head=dict(patch_branch=False)), "attention_type='fused' needs patch scores"),
        (dict(head=dict(rank_decay=1.5)), 'rank_decay must be in .* got rank_decay=1.5'),
        (dict(backbone=dict(token_layers=5)), r'token_layers must be 1 to 4 .* got 5'),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        classifier(**changes)


@pytest.mark.parametrize('version', list(VERSIONS))
def test_weight_decay_of_the_schedule(version):
    """Matrices and convolutions decay, and the position embeddings of Plus only."""
    model = classifier(version)
    wrapper = build_optim_wrapper(model, Config.fromfile(SCHEDULE).optim_wrapper)
    decay = {id(p): g['weight_decay'] for g in wrapper.param_groups for p in g['params']}
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    expected = {
        name
        for name, p in trained.items()
        if p.ndim > 1 and not name.endswith(('.cls_token', '.pos_embed'))
    }
    assert {name for name, p in trained.items() if decay[id(p)]} == expected
    assert {decay[id(trained[name])] for name in expected} == {0.05}
    assert ('backbone.patch_pos_embed' in expected) == (version == 'plus')
