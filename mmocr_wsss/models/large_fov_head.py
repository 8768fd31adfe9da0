# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""DeepLab-LargeFOV heads, as published with SEAM and with MCTformer."""

from functools import partial
from typing import Any

from mmcv.cnn import build_norm_layer
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmocr_wsss.registry import MODELS

#: What the two published heads fix: variant -> defaults of arguments left at None.
_DEFAULTS: dict[str, dict[str, Any]] = {
    'seam': {
        'norm_cfg': {'type': 'BN', 'momentum': 3e-4, 'requires_grad': False},
        'dropout_ratio': 0.5,
        'align_corners': True,
    },
    'mctformer': {'norm_cfg': None, 'dropout_ratio': 0.0, 'align_corners': False},
}


@MODELS.register_module()
class LargeFOVHead(BaseDecodeHead):
    """A 3x3 convolution with a large dilation, then a classifier.

    ``variant='seam'``: ``conv_fov`` 3x3 dilated, BN, ReLU, ``conv_fov2`` 1x1,
    BN, ReLU, element-wise dropout, ``conv_seg`` 1x1 with bias; logits resized
    with aligned corners. Scale and shift of the BN are not trained.

    ``variant='mctformer'``: ``conv_fov`` 3x3 dilated with bias, ReLU,
    ``conv_seg`` 3x3 dilated with bias; logits resized without aligned corners.

    Both losses are a cross entropy averaged over the pixels that are not
    ignored: give ``loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)``.

    Args:
        variant: ``'seam'`` or ``'mctformer'``.
        in_channels: channels of the input map; 4096 for :class:`WideResNet38`.
        channels: width of the head; published: 512.
        dilation: dilation and padding of the 3x3 convolutions; published: 12.
        norm_cfg, dropout_ratio, align_corners: None stands for the published
            value of the variant; ``norm_cfg`` is for ``'seam'`` only.
        init_cfg: None stands for the published initialisation: convolution
            weights Kaiming normal with fan-out (seam) or Xavier uniform
            (mctformer), biases PyTorch's default, BatchNorm 1 and 0.
        **kwargs: arguments of mmseg's ``BaseDecodeHead``, among them ``num_classes``.

    Raises:
        ValueError: the variant is unknown, or ``norm_cfg`` is given for ``'mctformer'``.

    Reference: Chen et al., DeepLab-LargeFOV, ICLR 2015. Code:
    github.com/YudeWang/semantic-segmentation-codebase ``lib/net/deeplabv1.py`` and
    github.com/xulianuwa/MCTformer ``seg/network/resnet38_seg.py``.
    """

    def __init__(
        self,
        variant: str,
        in_channels: int = 4096,
        channels: int = 512,
        dilation: int = 12,
        norm_cfg: dict | None = None,
        dropout_ratio: float | None = None,
        align_corners: bool | None = None,
        init_cfg: dict | None = None,
        **kwargs,
    ):
        if variant not in _DEFAULTS:
            raise ValueError(f'variant must be one of {list(_DEFAULTS)}, got {variant!r}.')
        if variant == 'mctformer' and norm_cfg is not None:
            raise ValueError(
                f"norm_cfg={norm_cfg}: the head of variant 'mctformer' has no normalisation; "
                "use variant='seam' or leave norm_cfg out."
            )
        given = dict(norm_cfg=norm_cfg, dropout_ratio=dropout_ratio, align_corners=align_corners)
        published = _DEFAULTS[variant]
        super().__init__(
            in_channels=in_channels,
            channels=channels,
            init_cfg=init_cfg,
            **{key: published[key] if value is None else value for key, value in given.items()},
            **kwargs,
        )
        self.variant = variant
        self.dropout = nn.Dropout(self.dropout_ratio)
        large = partial(nn.Conv2d, kernel_size=3, padding=dilation, dilation=dilation)
        if variant == 'seam':
            self.conv_fov = large(in_channels, channels, bias=False)
            self.bn_fov = build_norm_layer(self.norm_cfg, channels)[1]
            self.conv_fov2 = nn.Conv2d(channels, channels, 1, bias=False)
            self.bn_fov2 = build_norm_layer(self.norm_cfg, channels)[1]
        else:
            self.conv_fov = large(in_channels, channels)
            self.conv_seg = large(channels, self.out_channels)

    def init_weights(self) -> None:
        """Published initialisation, unless ``init_cfg`` gives another one."""
        if self.init_cfg is None:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    self._init_weight(module.weight)
        super().init_weights()

    def _init_weight(self, weight: Tensor) -> None:
        if self.variant == 'seam':
            nn.init.kaiming_normal_(weight, mode='fan_out', nonlinearity='relu')
        else:
            nn.init.xavier_uniform_(weight)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """(N, num_classes, h, w) logits from the map chosen by ``in_index``."""
        x = self.conv_fov(self._transform_inputs(inputs))
        if self.variant == 'seam':
            x = self.conv_fov2(self.bn_fov(x).relu_())
            x = self.bn_fov2(x)
        return self.cls_seg(x.relu_())
