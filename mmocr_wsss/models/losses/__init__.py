# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Losses that configs name."""

from .multi_label_soft_margin_loss import MultiLabelSoftMarginLoss
from .non_candidate_bce_loss import NonCandidateBCELoss
from .out_of_candidate_loss import OutOfCandidateLoss

__all__ = ['MultiLabelSoftMarginLoss', 'NonCandidateBCELoss', 'OutOfCandidateLoss']
