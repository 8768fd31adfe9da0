# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Classifiers that can say where they saw what."""

from mmpretrain.models import ImageClassifier
from torch import Tensor

from mmocr_wsss.registry import MODELS


@MODELS.register_module()
class CAMClassifier(ImageClassifier):
    """mmpretrain's ``ImageClassifier`` with class activation maps.

    Any backbone that returns feature maps (no ``neck``: pooling is the head's) with
    a head that has ``cams``, such as ``mmocr_wsss.CAMHead``. Training, validation and
    checkpoints are those of the host.
    """

    def cams(self, inputs: Tensor, class_index: Tensor | None = None) -> Tensor:
        """Maps that inference merges over scales and flips.

        Args:
            inputs: (N, 3, H, W) normalised images.
            class_index: (k,) int64 tag indices in 0..K-1; None: all K classes.

        Returns:
            (N, k, h, w) float32, at the size from which the official code of the
            method resizes its maps to the photo.
        """
        return self.head.cams(self.extract_feat(inputs), class_index)
