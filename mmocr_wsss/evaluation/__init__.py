# Copyright (c) mmocr_wsss contributors. All rights reserved.
from .out_of_candidate_rate import OutOfCandidateRate

__all__ = ['OutOfCandidateRate']
