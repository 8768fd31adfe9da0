# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Vision Transformer with one class token per class, the backbone of MCTformer."""

import math

import torch
import torch.nn.functional as F
from mmengine.model.weight_init import trunc_normal_
from mmpretrain.models import VisionTransformer
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from torch import Tensor, nn

from mmocr_wsss.functional.class_tokens import (
    attention_with_maps,
    class_attention,
    resize_position_grid,
)
from mmocr_wsss.registry import MODELS

from .pretrained import check_pretrained

#: Added to the number of patches when position embeddings are resized; V1 and V2 only.
_RESIZE_OFFSET = 0.1
_INIT_STD = 0.02
_WAY_OUT = (
    'Make it with "python tools/model_converters/convert.py deit_small_patch16_224-cd65a155.pth '
    '{path} --from deit_s", or train without it: --cfg-options model.backbone.init_cfg=None'
)


@MODELS.register_module()
class MultiClassTokenViT(VisionTransformer):
    """mmpretrain's ``VisionTransformer`` with K class tokens and attention maps.

    Blocks, their names and stochastic depth are the host's. Right and bottom pixels
    that fill no patch are dropped. The final LayerNorm ``ln1`` exists as in official
    checkpoints and is never applied; it is frozen, and so is the unused
    ``pos_embed`` of ``separate_pos_embed=True``: they are kept so that a checkpoint
    can be converted back without loss.

    A checkpoint with one class token (DeiT, ours or the host's) is expanded when it
    is loaded: the class token and its position embedding are repeated K times, the
    patches' embeddings resized to the grid of ``img_size``, bicubic, or nearest
    with ``separate_pos_embed``.

    Args:
        num_classes: K, without background.
        arch: a name of the host (``'deit-small'``) or a dict with ``embed_dims``,
            ``num_layers``, ``num_heads`` and ``feedforward_channels``.
        img_size: training size in pixels; other sizes get resized embeddings.
        patch_size: side of a patch in pixels.
        drop_path_rate: stochastic depth of the last block, linear from 0 at the first.
        separate_pos_embed: False (V1, V2): one ``pos_embed`` (1, K + P, D). True
            (Plus): ``class_pos_embed`` (1, K, D) and ``patch_pos_embed`` (1, P, D).
        token_layers: class tokens of the last so many blocks are returned.
        init_cfg: ``dict(type='Pretrained', checkpoint=FILE, prefix='backbone.')``.

    Raises:
        ValueError: ``token_layers`` is not between 1 and the number of blocks.

    Reference: Xu et al., "Multi-class Token Transformer for Weakly Supervised
    Semantic Segmentation", CVPR 2022; github.com/xulianuwa/MCTformer ``models.py``.
    """

    def __init__(
        self,
        num_classes: int,
        arch: str | dict = 'deit-small',
        img_size: int = 224,
        patch_size: int = 16,
        drop_path_rate: float = 0.1,
        separate_pos_embed: bool = False,
        token_layers: int = 1,
        init_cfg: dict | None = None,
    ):
        super().__init__(
            arch=arch,
            img_size=img_size,
            patch_size=patch_size,
            drop_path_rate=drop_path_rate,
            out_type='raw',
            patch_cfg=dict(padding=0),
            init_cfg=init_cfg,
        )
        if not 1 <= token_layers <= self.num_layers:
            raise ValueError(
                f'token_layers must be 1 to {self.num_layers} (the blocks), got {token_layers}.'
            )
        self.num_classes = num_classes
        self.patch_size = patch_size
        self.separate_pos_embed = separate_pos_embed
        self.token_layers = token_layers
        self._build_embeddings()
        self.ln1.requires_grad_(False)

    def _build_embeddings(self) -> None:
        rows, columns = self.patch_resolution

        def rows_of(count: int) -> nn.Parameter:
            return nn.Parameter(torch.zeros(1, count, self.embed_dims))

        self.cls_token = rows_of(self.num_classes)
        if self.separate_pos_embed:
            self.class_pos_embed = rows_of(self.num_classes)
            self.patch_pos_embed = rows_of(rows * columns)
            # As the official file: of one class token, at half the training size.
            self.pos_embed = rows_of(1 + (rows // 2) * (columns // 2)).requires_grad_(False)
        else:
            self.pos_embed = rows_of(self.num_classes + rows * columns)

    def init_weights(self) -> None:
        """Load ``init_cfg``'s checkpoint after checking it, or draw tokens and positions.

        Raises:
            FileNotFoundError: the checkpoint file does not exist.
            ValueError: the file lacks tensors of the backbone, or they do not fit.
        """
        check_pretrained(self, self.init_cfg, way_out=_WAY_OUT)
        super().init_weights()
        if not (isinstance(self.init_cfg, dict) and self.init_cfg['type'] == 'Pretrained'):
            names = ('cls_token', 'class_pos_embed', 'patch_pos_embed')
            for name, parameter in self.named_parameters(recurse=False):
                if name in names:
                    trunc_normal_(parameter, std=_INIT_STD)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Final tokens, without LayerNorm.

        Args:
            x: (N, 3, H, W) normalised image.

        Returns:
            Class tokens after the last ``token_layers`` blocks (L, N, K, D), and the
            patches of the last block as a map (N, D, floor(H / patch), floor(W / patch)).
        """
        tokens, size = self.embed(x)
        class_tokens = []
        for layer in self.layers:
            tokens = layer(tokens)
            class_tokens.append(tokens[:, : self.num_classes])
        return self._outputs(tokens, class_tokens, size)

    @torch.no_grad()
    def attention_maps(
        self, x: Tensor, *, last_layers: int, patch_affinity: bool
    ) -> tuple[tuple[Tensor, Tensor], Tensor | None, Tensor | None]:
        """Tokens and attention weights, means over the heads, summed over blocks.

        Args:
            x: (N, 3, H, W) normalised image.
            last_layers: blocks whose class-to-patch weights are summed, from the end.
            patch_affinity: also sum the patch-to-patch weights of **all** blocks.

        Returns:
            What :meth:`forward` returns; class to patch (N, K, P) float32, None with
            ``last_layers=0``; patch to patch (N, P, P) float32, row = query, or None.
        """
        tokens, size = self.embed(x)
        class_tokens, maps = [], None
        affinity = None
        if patch_affinity:
            affinity = tokens.new_zeros(len(x), *2 * (math.prod(size),), dtype=torch.float32)
        for index, layer in enumerate(self.layers):
            wanted = index >= self.num_layers - last_layers
            if wanted or affinity is not None:
                tokens, rows = self.mapped_layer(layer, tokens, affinity)
                if wanted:
                    maps = rows if maps is None else maps + rows
            else:
                tokens = layer(tokens)
            class_tokens.append(tokens[:, : self.num_classes])
        return self._outputs(tokens, class_tokens, size), maps, affinity

    def mapped_layer(
        self, layer: TransformerEncoderLayer, tokens: Tensor, affinity: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """A block of the host and its class-to-patch weights.

        Args:
            layer: one of ``self.layers``.
            tokens: (N, K + P, D).
            affinity: (N, P, P) float32 to which the patch-to-patch weights are
                added, or None.

        Returns:
            The tokens after the block and (N, K, P) float32.
        """
        attention = layer.attn
        qkv = attention.qkv(layer.ln1(tokens)).unflatten(-1, (3, attention.num_heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        if affinity is None:
            attended = F.scaled_dot_product_attention(query, key, value)
            rows = class_attention(query, key, num_classes=self.num_classes)
        else:
            attended, rows = attention_with_maps(
                query, key, value, num_classes=self.num_classes, affinity=affinity
            )
        attended = attention.proj(attended.transpose(1, 2).flatten(2))
        tokens = tokens + attention.out_drop(attention.gamma1(attention.proj_drop(attended)))
        return layer.ffn(layer.ln2(tokens), identity=tokens), rows

    def embed(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Tokens before the first block (N, K + P, D), and the patches (h, w).

        Raises:
            ValueError: the image is smaller than a patch.
        """
        if min(x.shape[-2:]) < self.patch_size:
            raise ValueError(
                f'an image must be at least one patch of {self.patch_size} pixels on both sides, '
                f'got {tuple(x.shape[-2:])}.'
            )
        patches, size = self.patch_embed(x)
        class_rows, patch_rows = self._position_rows(size, square=x.shape[-2] == x.shape[-1])
        class_tokens = (self.cls_token + class_rows).expand(len(x), -1, -1)
        tokens = torch.cat([class_tokens, patches + patch_rows], dim=1)
        return self.drop_after_pos(tokens), size

    def _position_rows(self, size: tuple[int, int], square: bool) -> tuple[Tensor, Tensor]:
        """(1, K, D) and (1, h * w, D); resized unless the *image* is square, as published."""
        class_rows: Tensor
        grid: Tensor
        if self.separate_pos_embed:
            class_rows, grid, offset = self.class_pos_embed, self.patch_pos_embed, 0.0
        else:
            class_rows, grid = self.pos_embed.split(
                [self.num_classes, self.pos_embed.shape[1] - self.num_classes], dim=1
            )
            offset = _RESIZE_OFFSET
        if not square or size[0] * size[1] != grid.shape[1]:
            grid = resize_position_grid(grid, size, offset=offset)
        return class_rows, grid

    def _outputs(
        self, tokens: Tensor, class_tokens: list[Tensor], size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        patches = tokens[:, self.num_classes :].transpose(1, 2).unflatten(2, size)
        return torch.stack(class_tokens[-self.token_layers :]), patches

    def _prepare_pos_embed(self, state_dict: dict, prefix: str, *args, **kwargs) -> None:
        """Load hook (registered by the host): expand a state dict with one class token."""
        tokens = state_dict.get(prefix + 'cls_token')
        rows = state_dict.get(prefix + 'pos_embed')
        if tokens is None or rows is None:
            return
        classes, patches = rows[:, : tokens.shape[1]], rows[:, tokens.shape[1] :]
        if tokens.shape[1] == 1:
            classes = classes.expand(-1, self.num_classes, -1)
            state_dict[prefix + 'cls_token'] = tokens.expand(-1, self.num_classes, -1)
        if not self.separate_pos_embed:
            patches = self._resized(patches, 'bicubic')
            state_dict[prefix + 'pos_embed'] = torch.cat([classes, patches], dim=1)
        elif prefix + 'patch_pos_embed' not in state_dict:
            state_dict[prefix + 'class_pos_embed'] = classes
            state_dict[prefix + 'patch_pos_embed'] = self._resized(patches, 'nearest')
            if rows.shape != self.pos_embed.shape:  # it is not used
                state_dict[prefix + 'pos_embed'] = self.pos_embed.detach()

    def _resized(self, rows: Tensor, mode: str) -> Tensor:
        """(1, n, D) of a square grid -> the grid of ``img_size``; others are returned."""
        side = math.isqrt(rows.shape[1])
        if side * side != rows.shape[1] or (side, side) == tuple(self.patch_resolution):
            return rows
        grid = rows.float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, size=tuple(self.patch_resolution), mode=mode)
        return grid.flatten(2).transpose(1, 2).to(rows.dtype)
