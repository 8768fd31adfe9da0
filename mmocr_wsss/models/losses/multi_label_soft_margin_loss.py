# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The loss of the published CAM classifiers."""

import torch.nn.functional as F
from torch import Tensor, nn

from mmocr_wsss.functional.precision import at_least_float32
from mmocr_wsss.registry import MODELS


@MODELS.register_module()
class MultiLabelSoftMarginLoss(nn.Module):
    """Sigmoid cross-entropy of every tag, averaged over samples *and* classes.

    mmpretrain's ``CrossEntropyLoss(use_sigmoid=True)`` sums over the classes in a
    multi-label head, which is K times as much: published learning rates of
    CAM classifiers belong to this mean.

    Args:
        loss_weight: factor.

    Reference: ``torch.nn.MultiLabelSoftMarginLoss``, as in the training scripts
    of PSA, SEAM and MCTformer.
    """

    def __init__(self, loss_weight: float = 1.0):
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, tags: Tensor, avg_factor: float | None = None) -> Tensor:
        """The loss, a scalar.

        Args:
            logits: (N, K) float.
            tags: (N, K) in {0, 1}.
            avg_factor: ignored; mmpretrain's heads pass the batch size, which
                the mean accounts for already.

        Raises:
            ValueError: the network scores another number of classes than the tags have.
        """
        if logits.shape != tags.shape:
            raise ValueError(
                f'the network scores {logits.shape[-1]} classes, the dataset has '
                f'{tags.shape[-1]}. Set model.head.num_classes={tags.shape[-1]} (MCTformer: '
                'model.backbone.num_classes too), or the classes of the dataset.'
            )
        logits = at_least_float32(logits)
        loss = F.multilabel_soft_margin_loss(logits, tags.to(logits.dtype))
        return self.loss_weight * loss
