# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""AffinityNet: a network whose features are alike where two pixels belong together."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel, BaseModule
from torch import Tensor, nn

from mmocr_wsss.functional.affinity import (
    affinity_losses,
    fitting_radius,
    pair_affinities,
    pair_labels,
)
from mmocr_wsss.registry import MODELS


@MODELS.register_module()
class AffinityHead(BaseModule):
    """Features of pairs from several feature maps: ELU of 1x1 convolutions, twice.

    Maps of another size than the first are resized to it (bilinear; all maps of
    ResNet-38 have one size).

    Args:
        in_channels: channels of each feature map.
        widths: channels that each is reduced to; the affinity is a mean over their sum.
        init_cfg: of mmengine.

    Raises:
        ValueError: the two sequences differ in length.

    Reference: github.com/jiwoon-ahn/psa ``network/resnet38_aff.py``.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (512, 1024, 4096),
        widths: Sequence[int] = (64, 128, 256),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(in_channels) != len(widths) or not widths:
            raise ValueError(
                'AffinityHead needs one of widths per feature map, got '
                f'in_channels={list(in_channels)}, widths={list(widths)}.'
            )
        layers = [
            nn.Conv2d(channels, width, 1, bias=False)
            for channels, width in zip(in_channels, widths, strict=True)
        ]
        self.reduce = nn.ModuleList(layers)
        self.embed = nn.Conv2d(sum(widths), sum(widths), 1, bias=False)
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight)
        nn.init.xavier_uniform_(self.embed.weight, gain=4)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Feature maps, each (N, in_channels, h, w), to (N, sum of widths, h, w).

        Raises:
            ValueError: the backbone gives another number of maps.
        """
        if len(feats) != len(self.reduce):
            raise ValueError(
                f'the backbone gives {len(feats)} feature maps, AffinityHead has in_channels for '
                f'{len(self.reduce)}.'
            )
        size = feats[0].shape[-2:]
        reduced = [F.elu(layer(x)) for layer, x in zip(self.reduce, feats, strict=True)]
        reduced = [
            x if x.shape[-2:] == size else F.interpolate(x, size, mode='bilinear') for x in reduced
        ]
        return F.elu(self.embed(torch.cat(reduced, dim=1)))


@MODELS.register_module()
class AffinityNet(BaseModel):
    """Backbone and ``AffinityHead``, trained on pairs of confident pixels.

    Data samples of training have ``affinity_label`` (h, w) uint8 on the feature grid
    (``mmocr_wsss.PackAffinityInputs``).

    Args:
        backbone: gives the feature maps of the head, at ``stride``.
        head: config of the head.
        stride: pixels of a feature cell; images for the walk are padded to its multiples.
        radius: pairs lie closer than this, in cells.
        data_preprocessor: of mmpretrain.
        init_cfg: of mmengine.

    Reference: Ahn & Kwak, CVPR 2018, section 3.3; ``train_aff.py`` of jiwoon-ahn/psa.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        stride: int = 8,
        radius: int = 5,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone, self.head = MODELS.build(backbone), MODELS.build(head)
        self.stride, self.radius = stride, radius

    def forward(
        self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | Tensor:
        """Losses of a batch, or features.

        Args:
            inputs: (N, 3, H, W) normalised images.
            data_samples: see the class; for ``mode='loss'``.
            mode: ``'loss'`` or ``'tensor'``: (N, D, h, w) features.

        Raises:
            ValueError: the labels are not on the feature grid, or another mode is asked for.
        """
        if mode not in ('loss', 'tensor'):
            raise ValueError(
                f"AffinityNet has the modes 'loss' and 'tensor', got {mode!r}; the walk over its "
                'affinities is test_cfg=dict(type="mmocr_wsss.RandomWalkLoop").'
            )
        features = self.head(self.backbone(inputs))
        if mode == 'tensor':
            return features
        labels = torch.stack([sample.affinity_label for sample in data_samples or ()])
        if labels.shape[-2:] != features.shape[-2:]:
            raise ValueError(
                f'affinity labels are {tuple(labels.shape[-2:])}, the features '
                f'{tuple(features.shape[-2:])}. Give PackAffinityInputs the stride of the network '
                f'({self.stride}) and crops of its multiples.'
            )
        affinities = pair_affinities(features, self.radius)
        return affinity_losses(affinities, pair_labels(labels, self.radius))

    def affinities(self, inputs: Tensor) -> tuple[Tensor, int]:
        """Affinities of all pairs of one image, for the random walk.

        Args:
            inputs: (1, 3, H, W) normalised image; padded with 0 to the right and below.

        Returns:
            (O, h - r, w - 2r) float32, (h, w) being H and W divided by the stride,
            rounded up; and the radius, which is smaller on small grids as in SEAM's copy.
        """
        height, width = inputs.shape[-2:]
        inputs = F.pad(inputs, (0, -width % self.stride, 0, -height % self.stride))
        features = self.head(self.backbone(inputs))
        radius = fitting_radius(features.shape[-2:], self.radius)
        return pair_affinities(features, radius)[0], radius
