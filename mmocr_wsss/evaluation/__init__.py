# Copyright (c) mmocr_wsss contributors. All rights reserved.
from .out_of_candidate_rate import OutOfCandidateRate
from .supported_iou import SupportedIoUMetric

__all__ = ['OutOfCandidateRate', 'SupportedIoUMetric']
