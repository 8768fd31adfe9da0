# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""MCTformer's maps of classes."""

import torch
from torch import Tensor

from mmocr_wsss.functional.class_tokens import refine_with_affinity
from mmocr_wsss.registry import MODELS

from .cam_classifier import CAMClassifier

ATTENTION_TYPES = ('fused', 'patchcam', 'attention')
LAYER_REDUCTIONS = ('sum', 'mean')


@MODELS.register_module()
class MCTformerClassifier(CAMClassifier):
    """Classifier on class tokens whose attention gives the maps (MCTformer V1, V2, Plus).

    With M the attention from a class token to the patches (mean over the heads,
    reduced over the last blocks) and F the scores of the patch branch:

    ================  ============================  ======================
    attention_type    map                           version
    ================  ============================  ======================
    ``'fused'``       M * relu(F)                   V2; Plus with the root
    ``'patchcam'``    relu(F)
    ``'attention'``   M                             V1
    ================  ============================  ======================

    Where the paper differs (mean over blocks, min-max before the product, affinity
    of the last blocks only), this is the official code.

    Args:
        *args: as for mmpretrain's ``ImageClassifier``.
        attention_type: see the table.
        last_layers: blocks that M is taken from, counted from the end.
        layer_reduction: ``'sum'`` (V1, V2) or ``'mean'`` (Plus) over them.
        sqrt_fused: take the square root of the fused map (Plus).
        patch_affinity: multiply with the patch-to-patch attention, mean over the
            heads and summed over **all** blocks, once.
        **kwargs: as for ``ImageClassifier``.

    Raises:
        ValueError: a setting is unknown or out of range, or needs a patch branch
            that the head does not have.

    Reference: Xu et al., CVPR 2022, sections 3.2 to 3.4; github.com/xulianuwa/MCTformer
    ``models.py`` and ``engine.py`` (generate_attention_maps_ms).
    """

    def __init__(
        self,
        *args,
        attention_type: str = 'fused',
        last_layers: int = 3,
        layer_reduction: str = 'sum',
        sqrt_fused: bool = False,
        patch_affinity: bool = True,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        for name, value, known in (
            ('attention_type', attention_type, ATTENTION_TYPES),
            ('layer_reduction', layer_reduction, LAYER_REDUCTIONS),
        ):
            if value not in known:
                raise ValueError(f'{name} must be one of {known}, got {value!r}.')
        blocks = self.backbone.num_layers
        if not 1 <= last_layers <= blocks:
            raise ValueError(f'last_layers must be 1 to {blocks} (the blocks), got {last_layers}.')
        if attention_type != 'attention' and not self.head.patch_branch:
            raise ValueError(
                f'attention_type={attention_type!r} needs patch scores, but the head has '
                "patch_branch=False; set attention_type='attention'."
            )
        self.attention_type = attention_type
        self.last_layers, self.layer_reduction = last_layers, layer_reduction
        self.sqrt_fused = sqrt_fused
        self.patch_affinity = patch_affinity

    @torch.no_grad()
    def cams(self, inputs: Tensor, class_index: Tensor | None = None) -> Tensor:
        """Maps on the grid of the patches.

        Args:
            inputs: (N, 3, H, W) normalised images.
            class_index: (k,) int64 tag indices in 0..K-1; None: all K classes.

        Returns:
            (N, k, floor(H / patch), floor(W / patch)) float32 >= 0.
        """
        feats, attention, affinity = self.backbone.attention_maps(
            inputs,
            last_layers=0 if self.attention_type == 'patchcam' else self.last_layers,
            patch_affinity=self.patch_affinity,
        )
        maps = self._combine(feats, attention)
        maps = maps if class_index is None else maps[:, class_index]
        return maps if affinity is None else refine_with_affinity(maps, affinity)

    def _combine(self, feats: tuple[Tensor, Tensor], attention: Tensor | None) -> Tensor:
        """(N, K, h, w) float32 maps before the affinity."""
        if attention is None:
            return self._patch_cam(feats)
        maps = attention.unflatten(2, feats[1].shape[-2:])
        if self.layer_reduction == 'mean':
            maps = maps / self.last_layers
        if self.attention_type == 'attention':
            return maps
        maps = maps * self._patch_cam(feats)
        return maps.sqrt() if self.sqrt_fused else maps

    def _patch_cam(self, feats: tuple[Tensor, Tensor]) -> Tensor:
        return self.head.patch_maps(feats).float().relu()
