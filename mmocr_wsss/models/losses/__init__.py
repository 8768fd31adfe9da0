# Copyright (c) mmocr_wsss contributors. All rights reserved.
from .multi_label_soft_margin_loss import MultiLabelSoftMarginLoss
from .out_of_candidate_loss import OutOfCandidateLoss

__all__ = ['MultiLabelSoftMarginLoss', 'OutOfCandidateLoss']
