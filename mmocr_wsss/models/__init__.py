# Copyright (c) mmocr_wsss contributors. All rights reserved.
from .candidate_segmentor import CandidateCascadeEncoderDecoder, CandidateEncoderDecoder
from .losses import OutOfCandidateLoss

__all__ = [
    'CandidateCascadeEncoderDecoder',
    'CandidateEncoderDecoder',
    'OutOfCandidateLoss',
]
