# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the official DeiT-S and MCTformer checkpoints contain, and our names for it.

Facts about files, written down here and not derived from our models; a test
compares both. Our names are those of mmpretrain's ``VisionTransformer``.
"""

from .layout import ANY, Layout

Shapes = dict[str, tuple[int, ...]]

#: DeiT-S: channels, blocks, width of the MLP, pixels of a patch, rows of its position embedding.
_DIM, _DEPTH, _MLP, _PATCH, _ROWS = 384, 12, 1536, 16, 197

#: Official module -> ours, inside a block.
_BLOCK_MODULES = {
    'norm1': 'ln1', 'attn.qkv': 'attn.qkv', 'attn.proj': 'attn.proj', 'norm2': 'ln2',
    'mlp.fc1': 'ffn.layers.0.0', 'mlp.fc2': 'ffn.layers.1',
}  # fmt: skip
_BLOCK_WEIGHTS = {
    'norm1': (_DIM,), 'attn.qkv': (3 * _DIM, _DIM), 'attn.proj': (_DIM, _DIM), 'norm2': (_DIM,),
    'mlp.fc1': (_MLP, _DIM), 'mlp.fc2': (_DIM, _MLP),
}  # fmt: skip


def _layer(name: str, weight: tuple[int, ...]) -> Shapes:
    return {f'{name}.weight': weight, f'{name}.bias': weight[:1]}


def _transformer() -> tuple[Shapes, dict[str, str]]:
    """Shapes and names of patch embedding, blocks and the final LayerNorm."""
    shapes = _layer('patch_embed.proj', (_DIM, 3, _PATCH, _PATCH))
    modules = {'patch_embed.proj': 'patch_embed.projection', 'norm': 'ln1'}
    for index in range(_DEPTH):
        for module, weight in _BLOCK_WEIGHTS.items():
            name = f'blocks.{index}.{module}'
            shapes |= _layer(name, weight)
            modules[name] = f'layers.{index}.{_BLOCK_MODULES[module]}'
    shapes |= _layer('norm', (_DIM,))
    targets = {}
    for key in shapes:
        module, _, field = key.rpartition('.')
        targets[key] = f'backbone.{modules[module]}.{field}'
    return shapes, targets


def _layout(name: str, tokens: Shapes, renames: dict[str, str], head: Shapes, ours: str) -> Layout:
    shapes, targets = _transformer()
    token_targets = {key: f'backbone.{renames.get(key, key)}' for key in tokens}
    head_targets = {key: key.replace('head', ours) for key in head}
    return Layout(name, tokens | shapes | head, token_targets | targets | head_targets)


def deit_s() -> Layout:
    """DeiT-S of ImageNet-1k without distillation; ours: the host's DeiT-S classifier.

    The classifier is kept, as ``head.layers.head`` of the host's
    ``VisionTransformerClsHead``; a backbone takes its part by ``prefix='backbone.'``.
    Source: github.com/facebookresearch/deit.
    """
    tokens: Shapes = {'cls_token': (1, 1, _DIM), 'pos_embed': (1, _ROWS, _DIM)}
    return _layout('DeiT-S', tokens, {}, _layer('head', (1000, _DIM)), 'head.layers.head')


_JOINT_TOKENS: Shapes = {'cls_token': (1, ANY, _DIM), 'pos_embed': (1, ANY, _DIM)}


def mctformer_v1() -> Layout:
    """MCTformer V1. Its linear head and final LayerNorm are never used, and kept."""
    head = _layer('head', (ANY, _DIM))
    return _layout('MCTformer V1', _JOINT_TOKENS, {}, head, 'head.classifier')


def mctformer_v2() -> Layout:
    """MCTformer V2. Its final LayerNorm is never used, and kept."""
    head = _layer('head', (ANY, _DIM, 3, 3))
    return _layout('MCTformer V2', _JOINT_TOKENS, {}, head, 'head.classifier')


def mctformer_plus() -> Layout:
    """MCTformer+. Final LayerNorm and the base class's ``pos_embed`` are never used, and kept.

    The base class is built for 224 pixels and one class token, whatever the
    training size, hence the 197 rows.
    """
    tokens: Shapes = {
        'cls_token': (1, ANY, _DIM), 'pos_embed': (1, _ROWS, _DIM),
        'pos_embed_cls': (1, ANY, _DIM), 'pos_embed_pat': (1, ANY, _DIM),
    }  # fmt: skip
    renames = {'pos_embed_cls': 'class_pos_embed', 'pos_embed_pat': 'patch_pos_embed'}
    head = _layer('head', (ANY, _DIM, 3, 3))
    return _layout('MCTformer+', tokens, renames, head, 'head.classifier')
