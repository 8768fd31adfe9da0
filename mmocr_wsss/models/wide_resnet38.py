# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Wide ResNet-38, the backbone of AffinityNet, SEAM and MCTformer's segmentation network."""

from collections import OrderedDict
from collections.abc import Sequence

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmocr_wsss.registry import MODELS

from .pretrained import check_pretrained

#: (channels, stride) at full width of the feature maps that the backbone can return, by name.
FEATURES = {'conv3': (256, 4), 'conv4': (512, 8), 'conv5': (1024, 8), 'conv6': (4096, 8)}

#: Blocks whose activated input is a feature map.
_TAPS = {'b4': 'conv3', 'b5': 'conv4', 'b6': 'conv5'}

#: Basic blocks: level -> (in, mid, out, stride, first dilation, dilation, further blocks).
_BASIC_LEVELS = {
    'b2': (64, 128, 128, 2, 1, 1, 2),
    'b3': (128, 256, 256, 2, 1, 1, 2),
    'b4': (256, 512, 512, 2, 1, 1, 5),
    'b5': (512, 512, 1024, 1, 1, 2, 2),
}
#: Bottleneck blocks: name -> (in, out, dilation of the 3x3 convolution, dropout).
_BOTTLENECKS = {'b6': (1024, 2048, 4, 0.3), 'b7': (2048, 4096, 4, 0.5)}

_WAY_OUT = (
    'Make it with "python tools/model_converters/convert.py OFFICIAL_FILE {path} --from r38_mxnet" '
    '(or --from r38 for a PSA checkpoint), or train without it: '
    '--cfg-options model.backbone.init_cfg=None'
)

_STAGES = ('conv1a', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7')


def scaled_channels(channels: int, width_mult: float) -> int:
    """``channels * width_mult``, rounded to a multiple of 4, at least 4."""
    return max(4, 4 * round(channels * width_mult / 4))


def _conv3x3(in_channels: int, out_channels: int, stride: int, dilation: int) -> nn.Conv2d:
    return nn.Conv2d(
        in_channels, out_channels, 3, stride, padding=dilation, dilation=dilation, bias=False
    )


class _PreActivationBlock(nn.Module):
    """Shortcut and activated input that both kinds of block share.

    The projection is applied to the *activated* input and exists where the
    channels or the size change.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, norm_cfg: dict):
        super().__init__()
        self.bn_branch2a = build_norm_layer(norm_cfg, in_channels)[1]
        if in_channels != out_channels or stride != 1:
            self.conv_branch1 = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def activate(self, x: Tensor) -> Tensor:
        return self.bn_branch2a(x).relu_()

    def shortcut(self, x: Tensor, activated: Tensor) -> Tensor:
        return self.conv_branch1(activated) if hasattr(self, 'conv_branch1') else x

    def branch(self, activated: Tensor) -> Tensor:
        """As :meth:`BasicBlock.branch`."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The block's output (not activated) and its activated input."""
        activated = self.activate(x)
        return self.shortcut(x, activated) + self.branch(activated), activated


class BasicBlock(_PreActivationBlock):
    """Two 3x3 convolutions, each after BatchNorm and ReLU."""

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        *,
        stride: int,
        first_dilation: int,
        dilation: int,
        norm_cfg: dict,
    ):
        super().__init__(in_channels, out_channels, stride, norm_cfg)
        self.conv_branch2a = _conv3x3(in_channels, mid_channels, stride, first_dilation)
        self.bn_branch2b1 = build_norm_layer(norm_cfg, mid_channels)[1]
        self.conv_branch2b1 = _conv3x3(mid_channels, out_channels, 1, dilation)

    def branch(self, activated: Tensor) -> Tensor:
        """(N, C', h, w) of what is added to the shortcut, from the activated input (N, C, H, W)."""
        return self.conv_branch2b1(self.bn_branch2b1(self.conv_branch2a(activated)).relu_())


class BottleneckBlock(_PreActivationBlock):
    """1x1, 3x3 and 1x1 convolution, with channel dropout before the last two."""

    def __init__(
        self, in_channels: int, out_channels: int, *, dilation: int, dropout: float, norm_cfg: dict
    ):
        super().__init__(in_channels, out_channels, 1, norm_cfg)
        quarter, half = out_channels // 4, out_channels // 2
        self.conv_branch2a = nn.Conv2d(in_channels, quarter, 1, bias=False)
        self.bn_branch2b1 = build_norm_layer(norm_cfg, quarter)[1]
        self.dropout_2b1 = nn.Dropout2d(dropout)
        self.conv_branch2b1 = _conv3x3(quarter, half, 1, dilation)
        self.bn_branch2b2 = build_norm_layer(norm_cfg, half)[1]
        self.dropout_2b2 = nn.Dropout2d(dropout)
        self.conv_branch2b2 = nn.Conv2d(half, out_channels, 1, bias=False)

    def branch(self, activated: Tensor) -> Tensor:
        """As :meth:`BasicBlock.branch`; h and w are those of the input."""
        x = self.conv_branch2a(activated)
        x = self.conv_branch2b1(self.dropout_2b1(self.bn_branch2b1(x).relu_()))
        return self.conv_branch2b2(self.dropout_2b2(self.bn_branch2b2(x).relu_()))


@MODELS.register_module()
class WideResNet38(BaseModule):
    """Wide ResNet-38 (model A1) with output stride 8 and pre-activation blocks.

    No max-pooling: three stride-2 blocks take a side n to ceil(n / 2) three
    times. The names of parameters and buffers are those of the official
    checkpoints of PSA, SEAM and MCTformer (``conv1a``, ``b2`` ... ``b7``, ``bn7``).

    How the official networks train it, as arguments:

    ==========================  =============  ==========================================
    network                     frozen_stages  norm
    ==========================  =============  ==========================================
    PSA, AffinityNet, SEAM      1              ``norm_eval=True`` (default)
    MCTformer's segmentation    0 (default)    ``norm_eval=True`` (default)
    SEAM's segmentation         -1             ``norm_eval=False, norm_cfg=dict(type='BN',
                                               momentum=3e-4, requires_grad=False)``
    ==========================  =============  ==========================================

    Args:
        out_features: names among ``conv3`` (256 channels, stride 4), ``conv4``
            (512, 8), ``conv5`` (1024, 8) and ``conv6`` (4096, 8), in the order
            in which they are returned. convK is taken after the BatchNorm and
            ReLU at the *entry* of the next block (b4, b5, b6); conv6 after bn7.
        in_channels: channels of the image.
        width_mult: factor on all channels, rounded to multiples of 4; 1 is the
            published network, smaller ones are for tests and trials.
        frozen_stages: -1 freezes nothing, 0 conv1a, 1 also all of b2, and so on
            up to 6 (b7). A frozen stage learns nothing and its BatchNorm uses
            the running statistics.
        norm_cfg: BatchNorm of all layers; with ``requires_grad=False`` scale and
            shift are not trained.
        norm_eval: keep every BatchNorm on running statistics also in training.
        init_cfg: ``dict(type='Pretrained', checkpoint=FILE)`` for converted weights.

    Raises:
        ValueError: a feature name or ``frozen_stages`` is unknown.

    Reference: Wu et al., "Wider or Deeper: Revisiting the ResNet Model for
    Visual Recognition", Pattern Recognition 2019 (model A1), in the dilated form
    of github.com/jiwoon-ahn/psa, ``network/resnet38d.py``.
    """

    def __init__(
        self,
        out_features: Sequence[str] = ('conv6',),
        in_channels: int = 3,
        width_mult: float = 1.0,
        frozen_stages: int = 0,
        norm_cfg: dict = dict(type='BN', requires_grad=False),  # noqa: B006
        norm_eval: bool = True,
        init_cfg: dict | None = None,
    ):
        super().__init__(init_cfg)
        unknown = [name for name in out_features if name not in FEATURES]
        if unknown or not out_features:
            raise ValueError(
                f'out_features must name some of {list(FEATURES)}, got {list(out_features)}.'
            )
        if not -1 <= frozen_stages < len(_STAGES):
            raise ValueError(
                f'frozen_stages must be -1 (nothing) to {len(_STAGES) - 1} (up to b7), '
                f'got {frozen_stages}.'
            )
        self.out_features = tuple(out_features)
        self.out_channels = tuple(
            scaled_channels(FEATURES[name][0], width_mult) for name in out_features
        )
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self._build(in_channels, width_mult, norm_cfg)
        for module in self._frozen_modules():
            module.requires_grad_(False)

    def _build(self, in_channels: int, width_mult: float, norm_cfg: dict) -> None:
        def width(channels: int) -> int:
            return scaled_channels(channels, width_mult)

        self.conv1a = _conv3x3(in_channels, width(64), 1, 1)
        blocks: OrderedDict[str, _PreActivationBlock] = OrderedDict()
        for name, (cin, mid, cout, stride, first, dilation, more) in _BASIC_LEVELS.items():
            cin, mid, cout = width(cin), width(mid), width(cout)
            blocks[name] = BasicBlock(
                cin, mid, cout, stride=stride, first_dilation=first, dilation=dilation,
                norm_cfg=norm_cfg,
            )  # fmt: skip
            for k in range(1, more + 1):
                blocks[f'{name}_{k}'] = BasicBlock(
                    cout, mid, cout, stride=1, first_dilation=dilation, dilation=dilation,
                    norm_cfg=norm_cfg,
                )  # fmt: skip
        for name, (cin, cout, dilation, dropout) in _BOTTLENECKS.items():
            blocks[name] = BottleneckBlock(
                width(cin), width(cout), dilation=dilation, dropout=dropout, norm_cfg=norm_cfg
            )
        self.block_names = tuple(blocks)
        for name, block in blocks.items():
            self.add_module(name, block)
        self.bn7 = build_norm_layer(norm_cfg, width(4096))[1]

    def _frozen_modules(self) -> list[nn.Module]:
        stages = _STAGES[: self.frozen_stages + 1]
        return [
            module for name, module in self.named_children() if name.partition('_')[0] in stages
        ]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Feature maps named by ``out_features``.

        Args:
            x: (N, in_channels, H, W) normalised image.

        Returns:
            One (N, C, h, w) map per name, all >= 0.
        """
        features = {}
        x = self.conv1a(x)
        for name in self.block_names:
            x, activated = getattr(self, name)(x)
            if name in _TAPS:
                features[_TAPS[name]] = activated
        features['conv6'] = self.bn7(x).relu_()
        return tuple(features[name] for name in self.out_features)

    def train(self, mode: bool = True) -> 'WideResNet38':
        """Set the mode, but keep frozen stages and frozen BatchNorms in eval mode."""
        super().train(mode)
        for module in [self] if self.norm_eval else self._frozen_modules():
            for layer in module.modules():
                if isinstance(layer, _BatchNorm):
                    layer.eval()
        return self

    def init_weights(self) -> None:
        """Load ``init_cfg``'s checkpoint, after checking that it is one of ours.

        Raises:
            FileNotFoundError: the checkpoint file does not exist.
            ValueError: the file holds no weights of this backbone.
        """
        check_pretrained(self, self.init_cfg, way_out=_WAY_OUT)
        super().init_weights()
