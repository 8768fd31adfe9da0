# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""MCTformer's backbone in a tiny size: shapes, positions, attention maps, initial weights."""

import pytest
import torch
from mmpretrain.models import VisionTransformer

from mmocr_wsss.functional.class_tokens import resize_position_grid
from mmocr_wsss.models import MultiClassTokenViT

K = 3
TINY = dict(embed_dims=16, num_layers=4, num_heads=2, feedforward_channels=32)


def backbone(**changes):
    return MultiClassTokenViT(**dict(num_classes=K, arch=TINY, img_size=64) | changes)


def in_eval_mode(model):
    model.eval()  # returns None in the host's backbones
    return model


def test_leftover_pixels_are_dropped():
    model = in_eval_mode(backbone())
    x = torch.randn(1, 3, 79, 95)
    with torch.no_grad():
        tokens, patches = model(x)
        for out, cropped in zip((tokens, patches), model(x[..., :64, :80]), strict=True):
            torch.testing.assert_close(out, cropped)
    assert tokens.shape == (1, 1, K, 16) and patches.shape == (1, 16, 4, 5)
    with pytest.raises(ValueError, match=r'at least one patch of 16 pixels .* got \(15, 64\)'):
        model(x[..., :15, :64])


def test_position_embeddings_as_published():
    """A square image of the training grid uses them as they are, one that is not does not."""
    model = in_eval_mode(backbone())
    torch.nn.init.normal_(model.pos_embed)
    own = model.pos_embed[:, K:]
    for size, kept in (((64, 64), True), ((70, 70), True), ((64, 70), False)):
        classes, patches = model._position_rows((4, 4), square=size[0] == size[1])
        assert torch.equal(classes, model.pos_embed[:, :K])
        assert patches.shape == own.shape and torch.equal(patches, own) == kept, size
    patches = model._position_rows((3, 5), square=False)[1]
    torch.testing.assert_close(patches, resize_position_grid(own, (3, 5), offset=0.1))
    plus = backbone(separate_pos_embed=True)
    torch.nn.init.normal_(plus.patch_pos_embed)
    patches = plus._position_rows((3, 5), square=False)[1]
    torch.testing.assert_close(
        patches, resize_position_grid(plus.patch_pos_embed, (3, 5), offset=0.0)
    )


@pytest.mark.parametrize('token_layers', [1, 3])
@torch.no_grad()
def test_map_path_equals_the_training_path(token_layers):
    model = in_eval_mode(backbone(token_layers=token_layers))
    model.init_weights()
    x = torch.randn(2, 3, 48, 64)
    expected = model(x)
    assert expected[0].shape == (token_layers, 2, K, 16)
    for last_layers, affinity in ((0, False), (2, False), (2, True), (4, True)):
        feats, maps, sums = model.attention_maps(
            x, last_layers=last_layers, patch_affinity=affinity
        )
        torch.testing.assert_close(feats, expected, rtol=1e-5, atol=1e-5)
        assert (maps is None) == (last_layers == 0) and (sums is None) == (not affinity)
    only_rows = model.attention_maps(x, last_layers=4, patch_affinity=False)[1]
    torch.testing.assert_close(only_rows, maps)
    # Rows of softmax weights over 4 blocks: class rows and class columns are cut.
    assert (sums.sum(-1) < 4).all() and (sums > 0).all()


def host_checkpoint(path, **changes):
    """A DeiT of the host with one class token, as a whole classifier's file."""
    deit = VisionTransformer(**dict(arch=TINY, img_size=64) | changes)
    state = {k: torch.randn_like(v) for k, v in deit.state_dict().items()}
    whole = {f'backbone.{k}': v for k, v in state.items()}
    torch.save({'state_dict': whole | {'head.layers.head.weight': torch.ones(9, 16)}}, path)
    return state, dict(type='Pretrained', checkpoint=str(path), prefix='backbone.')


def test_one_class_token_is_repeated(tmp_path):
    state, init_cfg = host_checkpoint(tmp_path / 'deit.pth')
    model = backbone(init_cfg=init_cfg)
    model.init_weights()
    for k in range(K):
        assert torch.equal(model.cls_token[:, k], state['cls_token'][:, 0])
        assert torch.equal(model.pos_embed[:, k], state['pos_embed'][:, 0])
    assert torch.equal(model.pos_embed[:, K:], state['pos_embed'][:, 1:])
    for name, value in model.state_dict().items():
        if name not in ('cls_token', 'pos_embed'):
            assert torch.equal(value, state[name]), name
    # Resuming: a state dict of ours is taken as it is.
    again = backbone()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.pos_embed, model.pos_embed)


def test_plus_replicates_the_grid(tmp_path):
    """Patch (y, x) of the 4 x 4 grid gets row (y // 2, x // 2) of the 2 x 2 grid."""
    state, init_cfg = host_checkpoint(tmp_path / 'deit.pth', img_size=32)
    model = backbone(separate_pos_embed=True, init_cfg=init_cfg)
    model.init_weights()
    grid = model.patch_pos_embed.reshape(4, 4, 16)
    rows = state['pos_embed'][0, 1:].reshape(2, 2, 16)
    for y in range(4):
        for x in range(4):
            assert torch.equal(grid[y, x], rows[y // 2, x // 2])
    assert torch.equal(model.class_pos_embed, state['pos_embed'][:, :1].expand(-1, K, -1))
    assert torch.equal(model.pos_embed, state['pos_embed'])  # unused, kept for the way back
    again = backbone(separate_pos_embed=True)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.patch_pos_embed, model.patch_pos_embed)


def test_another_grid_is_resized(tmp_path):
    state, init_cfg = host_checkpoint(tmp_path / 'deit.pth', img_size=96)
    for separate in (False, True):
        model = backbone(separate_pos_embed=separate, init_cfg=init_cfg)
        model.init_weights()
    rows = state['pos_embed'][0, 1:].reshape(6, 6, 16)
    # Nearest from 6 to 4: source index floor(i * 1.5) = 0, 1, 3, 4.
    assert torch.equal(model.patch_pos_embed.reshape(4, 4, 16)[2, 1], rows[3, 1])


def test_a_file_that_lacks_tensors_is_refused(tmp_path):
    state, init_cfg = host_checkpoint(tmp_path / 'deit.pth')
    with pytest.raises(ValueError, match=r'lacks 54 of 54 tensors .*deit.pth --from deit_s'):
        backbone(init_cfg=dict(init_cfg, prefix='neck.')).init_weights()
    del state['layers.3.attn.qkv.bias']
    torch.save(state, tmp_path / 'part.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'part.pth'))
    with pytest.raises(ValueError, match=r"lacks 1 of 54 tensors .*'layers.3.attn.qkv.bias'"):
        backbone(init_cfg=init_cfg).init_weights()
    state['layers.3.attn.qkv.bias'] = torch.zeros(7)
    torch.save(state, tmp_path / 'part.pth')
    with pytest.raises(ValueError, match=r'(?s)does not fit the backbone.*size mismatch'):
        backbone(init_cfg=init_cfg).init_weights()
    with pytest.raises(FileNotFoundError, match=r'init_cfg.checkpoint: there is no file none.pth'):
        backbone(init_cfg=dict(type='Pretrained', checkpoint='none.pth')).init_weights()
