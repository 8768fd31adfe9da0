# Copyright (c) mmocr_wsss contributors. All rights reserved.
from .candidate_segmentor import CandidateCascadeEncoderDecoder, CandidateEncoderDecoder
from .large_fov_head import LargeFOVHead
from .losses import OutOfCandidateLoss
from .multi_scale_tta import MultiScaleTTA
from .wide_resnet38 import WideResNet38

__all__ = [
    'CandidateCascadeEncoderDecoder',
    'CandidateEncoderDecoder',
    'LargeFOVHead',
    'MultiScaleTTA',
    'OutOfCandidateLoss',
    'WideResNet38',
]
