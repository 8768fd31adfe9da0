# Copyright (c) mmocr_wsss contributors. All rights reserved.
from .out_of_candidate_loss import OutOfCandidateLoss

__all__ = ['OutOfCandidateLoss']
