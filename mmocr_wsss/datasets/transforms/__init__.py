# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Steps of data pipelines: augmentation, loading and packing."""

from mmocr_wsss.datasets.transforms.candidate_mosaic import CandidateMosaic
from mmocr_wsss.datasets.transforms.hsv_jitter import HSVJitter
from mmocr_wsss.datasets.transforms.load_crf_scores import LoadCRFScores
from mmocr_wsss.datasets.transforms.load_photo import LoadPhoto
from mmocr_wsss.datasets.transforms.pack_affinity_inputs import PackAffinityInputs
from mmocr_wsss.datasets.transforms.pack_candidate_inputs import PackCandidateInputs
from mmocr_wsss.datasets.transforms.pack_scaled_views import PackScaledViews
from mmocr_wsss.datasets.transforms.pack_walk_inputs import LoadCAM, PackWalkInputs
from mmocr_wsss.datasets.transforms.random_crop_or_pad import RandomCropOrPad
from mmocr_wsss.datasets.transforms.random_long_edge import RandomLongEdge
from mmocr_wsss.datasets.transforms.random_rescale import RandomRescale
from mmocr_wsss.datasets.transforms.seed_transforms import SeedTransforms

__all__ = [
    'CandidateMosaic',
    'HSVJitter',
    'LoadCAM',
    'LoadCRFScores',
    'LoadPhoto',
    'PackAffinityInputs',
    'PackCandidateInputs',
    'PackScaledViews',
    'PackWalkInputs',
    'RandomCropOrPad',
    'RandomLongEdge',
    'RandomRescale',
    'SeedTransforms',
]
