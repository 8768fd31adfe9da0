# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A simple alternative to the out-of-candidate loss."""

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn
from torch.nn import functional as F

from mmocr_wsss.functional.out_of_candidate import out_of_candidate_mask
from mmocr_wsss.models.losses.warm_up import check_schedule, has_started
from mmocr_wsss.registry import MODELS


@MODELS.register_module()
class NonCandidateBCELoss(nn.Module):
    """Binary cross entropy that wants every score of a non-candidate class at 0, at every pixel.

    What one would try before out-of-candidate rectification: no pixel is chosen, nothing is
    ranked. It takes the place of ``OutOfCandidateLoss`` as ``loss_oc`` of a segmentor.

    Args:
        start_iter: the term is 0 before this iteration; int or share, as there.
        loss_weight: factor, >= 0; the term is the sum over classes, mean over valid pixels.

    Raises:
        ValueError: an argument is outside its range.
    """

    def __init__(self, start_iter: int | float = 0, loss_weight: float = 1.0):
        super().__init__()
        check_schedule(start_iter, loss_weight)
        self.start_iter, self.loss_weight = start_iter, loss_weight

    def set_prior(self, prior: Tensor) -> None:
        """Called by ``AnnotationCorrelationHook``; the term has no use for a prior."""

    def loss_and_rate(
        self, logits: Tensor, candidates: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The weighted term and the out-of-candidate rate of one batch.

        Args:
            logits: (N, C, h, w) float.
            candidates: (N, C) bool.
            valid: (N, h, w) bool.

        Returns:
            the scalar term, and a scalar in [0, 1] without gradient; counts are those of all
            ranks.
        """
        outside = out_of_candidate_mask(logits.detach(), candidates, valid)
        counts = torch.stack([outside.sum(), valid.sum()])
        all_reduce(counts)
        num_oc, num_valid = counts[0], counts[1].clamp_min(1)
        counted = ~candidates[:, :, None, None] & valid[:, None]
        total = F.softplus(logits.float()).masked_fill(~counted, 0).sum()
        weight = self.loss_weight * get_world_size() if has_started(self.start_iter) else 0.0
        return total * weight / num_valid, num_oc.float() / num_valid
