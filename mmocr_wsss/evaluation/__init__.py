# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Metrics, and evaluators that write files, of the scope ``mmocr_wsss``."""

from .background_shift import BackgroundShift
from .cam_dumper import CAMDumper
from .out_of_candidate_counter import OutOfCandidateCounter
from .out_of_candidate_rate import OutOfCandidateRate
from .pseudo_mask_dumper import PseudoMaskDumper
from .restricted_label_maps import RestrictedLabelMaps
from .running_sum import RunningIoUMetric
from .supported_iou import SupportedIoUMetric
from .tag_dumper import TagDumper

__all__ = [
    'BackgroundShift',
    'CAMDumper',
    'OutOfCandidateCounter',
    'OutOfCandidateRate',
    'PseudoMaskDumper',
    'RestrictedLabelMaps',
    'RunningIoUMetric',
    'SupportedIoUMetric',
    'TagDumper',
]
