# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Networks, heads and losses of the scope ``mmocr_wsss``."""

from .affinity_net import AffinityHead, AffinityNet
from .cam_classifier import CAMClassifier
from .cam_head import CAMHead
from .candidate_segmentor import CandidateCascadeEncoderDecoder, CandidateEncoderDecoder
from .candidate_softmax import CandidateSoftmaxEncoderDecoder
from .large_fov_head import LargeFOVHead
from .losses import MultiLabelSoftMarginLoss, NonCandidateBCELoss, OutOfCandidateLoss
from .mctformer_classifier import MCTformerClassifier
from .mctformer_head import MCTformerHead
from .multi_class_token_vit import MultiClassTokenViT
from .multi_scale_tta import MultiScaleTTA
from .seam import SEAMClassifier, SEAMHead
from .wide_resnet38 import WideResNet38

__all__ = [
    'AffinityHead',
    'AffinityNet',
    'CAMClassifier',
    'CAMHead',
    'CandidateCascadeEncoderDecoder',
    'CandidateEncoderDecoder',
    'CandidateSoftmaxEncoderDecoder',
    'LargeFOVHead',
    'MCTformerClassifier',
    'MCTformerHead',
    'MultiClassTokenViT',
    'MultiLabelSoftMarginLoss',
    'MultiScaleTTA',
    'NonCandidateBCELoss',
    'OutOfCandidateLoss',
    'SEAMClassifier',
    'SEAMHead',
    'WideResNet38',
]
