# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Transformer with one token per class: position grids, attention maps, pooling, contrast.

Shapes: N images, K classes and as many class tokens, P = h * w patches in row-major
order, T = K + P tokens (class tokens first), D channels, L blocks.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmocr_wsss.functional.precision import at_least_float32

#: Attention weights that are held at a time, over images, heads and queries (16 MB in
#: float32). Within a factor of 2 in time between 2**18 and 2**23 on two CPU cores; best here.
_BLOCK = 2**22
#: Of the contrast: keeps an image without tags finite, as published.
_EPS = 1e-8


def resize_position_grid(grid: Tensor, size: tuple[int, int], *, offset: float) -> Tensor:
    """Position embeddings of patches at another resolution, bicubic.

    The sampling positions are ``(target + 0.5) / scale - 0.5`` with
    ``scale = (h + offset) / side``. With an offset they differ from those of a
    resize to the size (h, w), which has ``scale = h / side``.

    Args:
        grid: (1, side * side, D) embeddings of a square grid, row-major.
        size: (h, w) patches of the image.
        offset: 0.1 in MCTformer V1 and V2, 0 in Plus.

    Returns:
        (1, h * w, D), dtype of ``grid``.

    Raises:
        ValueError: the grid is not square.

    Reference: ``interpolate_pos_encoding`` in ``models.py`` of xulianuwa/MCTformer.
    """
    side = math.isqrt(grid.shape[1])
    if side * side != grid.shape[1]:
        raise ValueError(f'position embeddings must form a square grid, got {grid.shape[1]} rows.')
    rows = grid.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    if offset:
        factors = tuple((n + offset) / side for n in size)
        rows = F.interpolate(rows, scale_factor=factors, mode='bicubic', align_corners=False)
    else:
        rows = F.interpolate(rows, size=size, mode='bicubic', align_corners=False)
    return rows.flatten(2).transpose(1, 2)


def class_attention(query: Tensor, key: Tensor, *, num_classes: int) -> Tensor:
    """How much every class token looks at every patch, mean over the heads.

    Args:
        query: (N, heads, T, d).
        key: the same.
        num_classes: number K of class tokens.

    Returns:
        (N, K, P) float32; a row sums to 1 minus what the token gives to class tokens.
    """
    weights = _attention_weights(_scaled(query)[:, :, :num_classes], key)
    return weights[..., num_classes:].mean(dim=1)


def attention_with_maps(
    query: Tensor, key: Tensor, value: Tensor, *, num_classes: int, affinity: Tensor
) -> tuple[Tensor, Tensor]:
    """Softmax attention that also gives its weights, mean over the heads.

    The (N, heads, T, T) weights never exist as a whole: blocks of queries are
    reduced over the heads while they are in the cache. No gradients.

    Args:
        query: (N, heads, T, d), any float dtype.
        key: the same.
        value: the same.
        num_classes: number K of class tokens.
        affinity: (N, P, P) float32; the weights from patch (row) to patch (column)
            are **added** to it.

    Returns:
        The attended values (N, heads, T, d) and the weights from class to patch,
        (N, K, P) float32.
    """
    images, heads, tokens, _ = query.shape
    # Contiguous, or matmul copies all keys and values for every block of a batch.
    query, key, value = _scaled(query).contiguous(), key.contiguous(), value.contiguous()
    attended = torch.empty_like(value)
    class_to_patch = query.new_empty(())
    step = max(1, _BLOCK // (images * heads * tokens))
    starts = [0, *range(num_classes, tokens, step)]
    for start, end in zip(starts, [*starts[1:], tokens], strict=True):
        weights = _attention_weights(query[:, :, start:end], key)
        attended[:, :, start:end] = weights.to(value.dtype) @ value
        to_patches = weights[..., num_classes:].mean(dim=1)
        if start == 0:
            class_to_patch = to_patches
        else:
            affinity[:, start - num_classes : end - num_classes] += to_patches
    return attended, class_to_patch


def _scaled(query: Tensor) -> Tensor:
    return query * query.shape[-1] ** -0.5


def _attention_weights(scaled_query: Tensor, key: Tensor) -> Tensor:
    return (scaled_query @ key.transpose(-2, -1)).softmax(dim=-1, dtype=torch.float32)


def refine_with_affinity(maps: Tensor, affinity: Tensor) -> Tensor:
    """One step of spreading over the patches: ``refined(i) = sum_j affinity(i, j) * map(j)``.

    Float32 also under autocast; rows of the affinity are not normalised.

    Args:
        maps: (N, k, h, w).
        affinity: (N, P, P), row = the patch that looks, column = looked at.

    Returns:
        (N, k, h, w) float32.
    """
    with torch.autocast(maps.device.type, enabled=False):
        spread = maps.flatten(2).float() @ affinity.float().transpose(1, 2)
    return spread.unflatten(2, maps.shape[-2:])


def ranked_mean(maps: Tensor, *, decay: float) -> Tensor:
    """Global weighted ranking pooling: weighted mean of the sorted values of a map.

    The largest value has weight 1, the next ``decay``, then ``decay ** 2``, ...

    Args:
        maps: (N, K, h, w).
        decay: in (0, 1]; 1 is the mean, towards 0 it becomes the maximum.

    Returns:
        (N, K), at least float32.

    Reference: Kolesnikov & Lampert, "Seed, Expand and Constrain", ECCV 2016, section 3.2.
    """
    values = at_least_float32(maps.flatten(2)).sort(dim=-1, descending=True).values
    weights = decay ** torch.arange(values.shape[-1], device=values.device, dtype=values.dtype)
    with torch.autocast(maps.device.type, enabled=False):
        return values @ (weights / weights.sum())


def class_token_contrast(tokens: Tensor, tags: Tensor) -> Tensor:
    """Cross-entropy that tells each class token from those of the other classes.

    Rows of the K x K cosine similarities (no temperature) are logits whose target
    is the diagonal. Mean over blocks and over the present classes of an image, then
    over images. An image without tags gives 0.

    Args:
        tokens: (L, N, K, D).
        tags: (N, K) in {0, 1}.

    Returns:
        Scalar >= 0, at least float32.

    Reference: Xu et al., "MCTformer+", TPAMI 2024 (class-token contrast);
    ``engine.py`` of xulianuwa/MCTformer.
    """
    tokens = F.normalize(at_least_float32(tokens), dim=-1)
    with torch.autocast(tokens.device.type, enabled=False):
        similarity = tokens @ tokens.transpose(-2, -1)
    own = -similarity.log_softmax(dim=-1).diagonal(dim1=-2, dim2=-1).mean(dim=0)
    return ((own * tags).sum(dim=1) / (tags.sum(dim=1) + _EPS)).mean()
