# Copyright (c) mmocr_wsss contributors. All rights reserved.
from mmocr_wsss.datasets.transforms.candidate_mosaic import CandidateMosaic
from mmocr_wsss.datasets.transforms.hsv_jitter import HSVJitter
from mmocr_wsss.datasets.transforms.load_photo import LoadPhoto
from mmocr_wsss.datasets.transforms.pack_candidate_inputs import PackCandidateInputs
from mmocr_wsss.datasets.transforms.pack_scaled_views import PackScaledViews
from mmocr_wsss.datasets.transforms.random_crop_or_pad import RandomCropOrPad
from mmocr_wsss.datasets.transforms.random_long_edge import RandomLongEdge
from mmocr_wsss.datasets.transforms.random_rescale import RandomRescale
from mmocr_wsss.datasets.transforms.seed_transforms import SeedTransforms

__all__ = [
    'CandidateMosaic',
    'HSVJitter',
    'LoadPhoto',
    'PackCandidateInputs',
    'PackScaledViews',
    'RandomCropOrPad',
    'RandomLongEdge',
    'RandomRescale',
    'SeedTransforms',
]
