# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Mosaic whose candidates are those of all images in it."""

import numpy as np
from mmseg.datasets.transforms import RandomMosaic

from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class CandidateMosaic(RandomMosaic):
    """mmseg's RandomMosaic; ``candidates`` become the union over the four images.

    For the pipeline of mmseg's ``MultiImageMixDataset`` around an
    ``mmocr_wsss.ImageTagDataset``. The stock transform would keep the candidates
    of the first image, and the classes of the others would count as errors.
    A part that the mosaic cuts away leaves its tags, as a crop does.

    Required keys: those of RandomMosaic, and ``candidates``, ``numpy.bool_`` (C,), here
    and in every entry of ``mix_results``. Arguments: those of RandomMosaic.
    """

    def _mosaic_transform_seg(self, results: dict) -> dict:
        results = super()._mosaic_transform_seg(results)
        parts = (results, *results['mix_results'])
        if any('candidates' not in part for part in parts):
            raise ValueError(
                'CandidateMosaic needs `candidates` in all images that it mixes. Put '
                'mmocr_wsss.ImageTagDataset inside MultiImageMixDataset, not around it.'
            )
        results['candidates'] = np.logical_or.reduce([part['candidates'] for part in parts])
        return results
