# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Multi-label head whose 1x1 classifier, applied without pooling, gives the CAMs."""

import torch.nn.functional as F
from mmpretrain.models import MultiLabelClsHead
from torch import Tensor, nn

from mmocr_wsss.functional.precision import at_least_float32
from mmocr_wsss.registry import MODELS

#: Inputs below this are lifted to it before a power is taken.
_GEM_EPS = 1e-6


@MODELS.register_module()
class CAMHead(MultiLabelClsHead):
    """Dropout, global pooling, 1x1 classifier without bias.

    With average pooling a logit is the mean of its map, so the maps explain the
    scores exactly. The defaults are those of AffinityNet's (PSA) classifier.

    Args:
        num_classes: K, without background.
        in_channels: channels of the last feature map.
        pooling: ``'avg'`` or ``'gem'``, the generalised mean
            ``mean(max(x, 1e-6) ** p) ** (1 / p)`` of the features, between the
            mean (p = 1) and the maximum.
        gem_power: p of the latter; >= 1.
        dropout_ratio: probability of dropping a channel in training.
        loss: loss of (N, K) logits and tags.
        **kwargs: as for mmpretrain's ``MultiLabelClsHead`` (``thr``, ``topk``, ``init_cfg``).

    Raises:
        ValueError: ``pooling`` is unknown or ``gem_power`` is below 1.

    Reference: Zhou et al., "Learning Deep Features for Discriminative
    Localization", CVPR 2016; github.com/jiwoon-ahn/psa ``network/resnet38_cls.py``;
    Radenovic et al., TPAMI 2019 (generalised mean).
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        pooling: str = 'avg',
        gem_power: float = 3.0,
        dropout_ratio: float = 0.5,
        loss: dict = dict(type='mmocr_wsss.MultiLabelSoftMarginLoss'),  # noqa: B006
        **kwargs,
    ):
        if pooling not in ('avg', 'gem'):
            raise ValueError(f"pooling must be 'avg' or 'gem', got {pooling!r}.")
        if gem_power < 1:
            raise ValueError(f'gem_power must be >= 1, got {gem_power}.')
        super().__init__(loss=loss, **kwargs)
        self.num_classes = num_classes
        self.pooling, self.gem_power = pooling, gem_power
        self.dropout = nn.Dropout2d(dropout_ratio)
        self.classifier = nn.Conv2d(in_channels, num_classes, 1, bias=False)
        nn.init.xavier_uniform_(self.classifier.weight)

    def pre_logits(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Pooled features of the last map, (N, C, 1, 1)."""
        x = self.dropout(_last_map(feats))
        if self.pooling == 'avg':
            return F.adaptive_avg_pool2d(x, 1)
        powers = at_least_float32(x).clamp_min(_GEM_EPS).pow(self.gem_power)
        return F.adaptive_avg_pool2d(powers, 1).pow(1 / self.gem_power).to(x.dtype)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """(N, K) logits."""
        return self.classifier(self.pre_logits(feats)).flatten(1)

    def cams(self, feats: tuple[Tensor, ...], class_index: Tensor | None = None) -> Tensor:
        """(N, k, h, w) float32 maps >= 0 of the classes ``class_index`` (None: all)."""
        weight = self.classifier.weight
        weight = weight if class_index is None else weight[class_index]
        return at_least_float32(F.conv2d(_last_map(feats), weight)).relu_()


def _last_map(feats: tuple[Tensor, ...]) -> Tensor:
    if feats[-1].ndim != 4:
        raise ValueError(
            f'CAMHead needs feature maps (N, C, h, w), got {tuple(feats[-1].shape)}. Take the neck '
            "out of the classifier and make the backbone return maps (ViT: out_type='featmap')."
        )
    return feats[-1]
