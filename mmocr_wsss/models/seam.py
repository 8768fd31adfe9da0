# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""SEAM: a CAM classifier trained on two scales at once, with pixel correlation."""

import torch
from mmengine.model import BaseModule
from mmpretrain.models import MultiLabelClsHead
from torch import Tensor, nn

from mmocr_wsss.functional import seam
from mmocr_wsss.functional.precision import at_least_float32
from mmocr_wsss.models.cam_classifier import CAMClassifier
from mmocr_wsss.registry import MODELS


class PixelCorrelation(BaseModule):
    """The module that refines CAMs by the similarity of pixels ("PCM").

    Features are the image, conv4 and conv5; conv4 and conv5 pass no gradient back.

    Args:
        conv4_channels, conv5_channels: of the backbone's maps.
        conv4_width, conv5_width, embed_width: channels of the three projections.
        columns: columns of the similarity matrix held at a time.
    """

    def __init__(
        self,
        conv4_channels: int = 512,
        conv5_channels: int = 1024,
        conv4_width: int = 64,
        conv5_width: int = 128,
        embed_width: int = 192,
        columns: int = 512,
    ):
        super().__init__()
        self.columns = columns
        self.conv4 = nn.Conv2d(conv4_channels, conv4_width, 1, bias=False)
        self.conv5 = nn.Conv2d(conv5_channels, conv5_width, 1, bias=False)
        self.embed = nn.Conv2d(3 + conv4_width + conv5_width, embed_width, 1, bias=False)
        nn.init.kaiming_normal_(self.conv4.weight)
        nn.init.kaiming_normal_(self.conv5.weight)
        nn.init.xavier_uniform_(self.embed.weight, gain=4)

    def features(self, image: Tensor, conv4: Tensor, conv5: Tensor) -> Tensor:
        """(N, 3 + conv4_width + conv5_width, h, w) input of the embedding."""
        low = self.conv4(conv4.detach()).relu()
        high = self.conv5(conv5.detach()).relu()
        return torch.cat([seam.resize(image, conv4.shape[-2:]), low, high], dim=1)

    def forward(self, scores: Tensor, features: Tensor) -> Tensor:
        """Refine (N, C, h', w') scores on the grid of (N, D, h, w) features."""
        embedded = at_least_float32(self.embed(features))
        return seam.pixel_correlation(scores, embedded, columns=self.columns)


@MODELS.register_module()
class SEAMHead(MultiLabelClsHead):
    """SEAM's classifier of K + 1 channels (0: background) and its pixel correlation.

    Needs the features ``('conv4', 'conv5', 'conv6')`` of ``WideResNet38``.

    Args:
        num_classes: K, without background.
        in_channels: channels of conv6.
        dropout_ratio: probability of dropping a channel of conv6 in training.
        correlation: arguments of :class:`PixelCorrelation`.
        loss: loss of (N, K) logits and tags.
        **kwargs: as for mmpretrain's ``MultiLabelClsHead``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 4096,
        dropout_ratio: float = 0.5,
        correlation: dict | None = None,
        loss: dict = dict(type='mmocr_wsss.MultiLabelSoftMarginLoss'),  # noqa: B006
        **kwargs,
    ):
        super().__init__(loss=loss, **kwargs)
        self.num_classes = num_classes
        self.dropout = nn.Dropout2d(dropout_ratio)
        self.classifier = nn.Conv2d(in_channels, num_classes + 1, 1, bias=False)
        self.correlation = PixelCorrelation(**(correlation or {}))
        nn.init.xavier_uniform_(self.classifier.weight)

    def maps(self, feats: tuple[Tensor, ...], image: Tensor) -> tuple[Tensor, Tensor]:
        """CAM and refined CAM on the feature grid.

        Args:
            feats: conv4, conv5, conv6.
            image: (N, 3, H, W), the normalised input.

        Returns:
            (N, K + 1, h, w) float32 twice: signed CAM logits; refined scores >= 0.
        """
        conv4, conv5, conv6 = feats
        logits = at_least_float32(self.classifier(self.dropout(conv6)))
        features = self.correlation.features(image, conv4, conv5)
        return logits, self.correlation(seam.correlation_scores(logits), features)


@MODELS.register_module()
class SEAMClassifier(CAMClassifier):
    """Siamese training on the image and its smaller copy; CAMs are the refined maps.

    Losses, each with weight 1: ``loss_cls`` (tags, mean of both views), ``loss_rv``
    (adaptive minimum pooling of the refined maps, mean of both views; released code
    only), ``loss_er`` (equivariance of the CAMs), ``loss_ecr`` (CAM of one view against
    the refined map of the other).

    Args:
        view_scale: side of the second view, as a share of the first.
        ecr_ratio: share of the entries with the largest errors in ``loss_ecr``.
        rv_ratio: share of the pixels with the smallest scores in ``loss_rv``.
        **kwargs: as for ``CAMClassifier``; the head is a ``SEAMHead``.

    Reference: github.com/YudeWang/SEAM ``train_SEAM.py``, ``infer_SEAM.py``.
    """

    def __init__(
        self,
        view_scale: float = 0.3,
        ecr_ratio: float = 0.2,
        rv_ratio: float = 0.25,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.view_scale, self.ecr_ratio, self.rv_ratio = view_scale, ecr_ratio, rv_ratio

    def views(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Both maps of (N, 3, H, W) images at the size of the images."""
        cam, refined = self.head.maps(self.extract_feat(inputs), inputs)
        size = inputs.shape[-2:]
        return seam.resize(cam, size), seam.resize(refined, size)

    def cams(self, inputs: Tensor, class_index: Tensor | None = None) -> Tensor:
        """Refined maps at the size of the images, (N, k, H, W) float32."""
        _, refined = self.head.maps(self.extract_feat(inputs), inputs)
        refined = refined[:, 1:] if class_index is None else refined[:, 1:][:, class_index]
        return seam.resize(refined, inputs.shape[-2:])

    def predict(self, inputs: Tensor, data_samples: list | None = None) -> list:
        """Samples with the scores (K,) of the tags, without the pixel correlation."""
        conv6 = self.extract_feat(inputs)[-1]
        cam = at_least_float32(self.head.classifier(conv6))
        logits = seam.resize(cam, inputs.shape[-2:]).mean(dim=(-2, -1))[:, 1:]
        return self.head._get_predictions(logits, data_samples)

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """The four terms of a batch of (N, 3, H, W) images."""
        small = seam.resize(inputs, seam.scaled_size(inputs.shape[-2:], self.view_scale))
        tags = torch.stack([sample.gt_score.to(inputs.dtype) for sample in data_samples])
        return self.losses(*self.views(inputs), *self.views(small), tags)

    def losses(
        self, cam1: Tensor, refined1: Tensor, cam2: Tensor, refined2: Tensor, tags: Tensor
    ) -> dict[str, Tensor]:
        """The four terms from the maps of both views.

        Args:
            cam1, refined1: (N, K + 1, H, W) of the image.
            cam2, refined2: (N, K + 1, H', W') of its smaller copy.
            tags: (N, K) in {0, 1}.
        """
        present = torch.cat([torch.ones_like(tags[:, :1]), tags], dim=1)[..., None, None]
        loss_cls = (self._tag_loss(cam1, tags) + self._tag_loss(cam2, tags)) / 2
        pooled1, pooled2 = (self._min_pooling(r * present) for r in (refined1, refined2))
        loss_rv = (pooled1 + pooled2) / 2
        size = cam2.shape[-2:]
        cam1, refined1 = (seam.resize(seam.max_norm(x), size) * present for x in (cam1, refined1))
        cam2, refined2 = (seam.max_norm(x) * present for x in (cam2, refined2))
        loss_er = (cam1[:, 1:] - cam2[:, 1:]).abs().mean()
        error1, error2 = seam.equivariant_cross_terms(
            seam.with_background(cam1), seam.with_background(cam2), refined1, refined2
        )
        mean1, mean2 = (seam.largest_mean(e, ratio=self.ecr_ratio) for e in (error1, error2))
        loss_ecr = mean1 + mean2
        return dict(loss_cls=loss_cls, loss_rv=loss_rv, loss_er=loss_er, loss_ecr=loss_ecr)

    def _tag_loss(self, cam: Tensor, tags: Tensor) -> Tensor:
        return self.head.loss_module(cam.mean(dim=(-2, -1))[:, 1:], tags)

    def _min_pooling(self, refined: Tensor) -> Tensor:
        return seam.adaptive_min_pooling(refined[:, 1:], ratio=self.rv_ratio)
