# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""DeiT-S and MCTformer files, with tensors that are expanded constants."""

import pytest
import torch
from mmpretrain.registry import MODELS

from mmocr_wsss.checkpoints import official_vit
from mmocr_wsss.checkpoints.convert import convert_file, revert_file
from mmocr_wsss.models import MultiClassTokenViT

LAYOUTS = {
    'deit_s': official_vit.deit_s,
    'mctformer_v1': official_vit.mctformer_v1,
    'mctformer_v2': official_vit.mctformer_v2,
    'mctformer_plus': official_vit.mctformer_plus,
}
#: Parameters for 20 classes; V1 and V2 by the reference, DeiT-S as published.
PARAMETERS = {'deit_s': 22_050_664, 'mctformer_v1': 21_687_956, 'mctformer_v2': 21_749_396}


def official_shapes(kind: str, num_classes: int = 20) -> dict:
    """Shapes of the kind's file with the open sides filled in."""
    sides = dict(pos_embed=num_classes + 196, pos_embed_pat=784)
    return {
        key: tuple(sides.get(key, num_classes) if s < 0 else s for s in shape)
        for key, shape in LAYOUTS[kind]().shapes.items()
    }


def official_state(kind: str, **kwargs) -> dict:
    """Tensor number i holds i everywhere and costs 4 bytes."""
    shapes = official_shapes(kind, **kwargs)
    return {k: torch.full((), float(i)).expand(s) for i, (k, s) in enumerate(shapes.items())}


def build(kind: str, num_classes: int):
    if kind == 'deit_s':
        head = dict(type='VisionTransformerClsHead', num_classes=1000, in_channels=384)
        backbone = dict(type='VisionTransformer', arch='deit-small', patch_size=16)
        config = dict(type='ImageClassifier', backbone=backbone, head=head)
    else:
        plus, v1 = kind == 'mctformer_plus', kind == 'mctformer_v1'
        config = dict(
            type='mmocr_wsss.MCTformerClassifier',
            attention_type='attention' if v1 else 'fused',
            backbone=dict(
                type='mmocr_wsss.MultiClassTokenViT', num_classes=num_classes,
                img_size=448 if plus else 224, separate_pos_embed=plus,
            ),
            head=dict(
                type='mmocr_wsss.MCTformerHead', num_classes=num_classes, patch_branch=not v1
            ),
        )  # fmt: skip
    with torch.device('meta'):
        return MODELS.build(config)


def shapes_of(state) -> dict:
    return {key: tuple(value.shape) for key, value in state.items()}


@pytest.mark.parametrize('num_classes', [20, 80])
@pytest.mark.parametrize('kind', list(LAYOUTS))
def test_a_file_loads_strictly_and_goes_back(tmp_path, kind, num_classes):
    state = official_state(kind, num_classes=num_classes)
    torch.save({'model': state}, tmp_path / 'official.pth')
    layout = LAYOUTS[kind]()
    assert convert_file(tmp_path / 'official.pth', tmp_path / 'x.pth', source=kind) == layout.name
    ours = torch.load(tmp_path / 'x.pth', weights_only=True)['state_dict']
    assert shapes_of(ours) == shapes_of(build(kind, num_classes).state_dict())

    revert_file(tmp_path / 'x.pth', tmp_path / 'back.pth', source=kind)
    back = torch.load(tmp_path / 'back.pth', weights_only=True)
    assert list(back) == ['model']  # where the official scripts look
    assert shapes_of(back['model']) == shapes_of(state)
    for key, value in state.items():
        assert torch.equal(back['model'][key], value), key


@pytest.mark.parametrize('kind', list(PARAMETERS))
def test_tables_have_the_published_size(kind):
    assert sum(torch.Size(s).numel() for s in official_shapes(kind).values()) == PARAMETERS[kind]


def test_names_in_detail():
    targets = official_vit.mctformer_plus().targets
    expected = {
        'cls_token': 'backbone.cls_token',
        'pos_embed': 'backbone.pos_embed',
        'pos_embed_cls': 'backbone.class_pos_embed',
        'pos_embed_pat': 'backbone.patch_pos_embed',
        'patch_embed.proj.bias': 'backbone.patch_embed.projection.bias',
        'blocks.11.norm2.weight': 'backbone.layers.11.ln2.weight',
        'blocks.3.attn.qkv.weight': 'backbone.layers.3.attn.qkv.weight',
        'blocks.0.mlp.fc1.bias': 'backbone.layers.0.ffn.layers.0.0.bias',
        'blocks.0.mlp.fc2.weight': 'backbone.layers.0.ffn.layers.1.weight',
        'norm.weight': 'backbone.ln1.weight',
        'head.bias': 'head.classifier.bias',
    }
    assert {key: targets[key] for key in expected} == expected


def test_the_wrong_version_is_refused(tmp_path):
    torch.save({'model': official_state('mctformer_v1')}, tmp_path / 'v1.pth')
    with pytest.raises(ValueError, match=r'"MCTformer V2":\n.*1 of wrong shape: head.weight'):
        convert_file(tmp_path / 'v1.pth', tmp_path / 'x.pth', source='mctformer_v2')
    with pytest.raises(ValueError, match=r'2 missing: pos_embed_cls, pos_embed_pat'):
        convert_file(tmp_path / 'v1.pth', tmp_path / 'x.pth', source='mctformer_plus')
    distilled = official_state('deit_s') | {'dist_token': torch.ones(1, 1, 384)}
    torch.save({'model': distilled}, tmp_path / 'distilled.pth')
    with pytest.raises(ValueError, match=r'1 unexpected: dist_token'):
        convert_file(tmp_path / 'distilled.pth', tmp_path / 'x.pth', source='deit_s')


@pytest.mark.parametrize('separate', [False, True])
def test_deit_initialises_the_backbone(tmp_path, separate):
    torch.save({'model': official_state('deit_s')}, tmp_path / 'deit.pth')
    convert_file(tmp_path / 'deit.pth', tmp_path / 'x.pth', source='deit_s')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth'), prefix='backbone.')
    model = MultiClassTokenViT(
        20, img_size=448 if separate else 224, separate_pos_embed=separate, init_cfg=init_cfg
    )
    model.init_weights()
    converted = torch.load(tmp_path / 'x.pth', weights_only=True)['state_dict']
    token, rows = (converted[f'backbone.{key}'].mean() for key in ('cls_token', 'pos_embed'))
    assert (model.cls_token == token).all() and (model.pos_embed == rows).all()
    if separate:
        assert (model.patch_pos_embed == rows).all() and (model.class_pos_embed == rows).all()
