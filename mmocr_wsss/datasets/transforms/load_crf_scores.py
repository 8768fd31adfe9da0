# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""AffinityNet's training labels, before they are decided."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmocr_wsss.crf_files import read_crf_scores
from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadCRFScores(BaseTransform):
    """Read the CRF scores that AffinityNet's labels are made from.

    Required keys: ``img`` (H, W, 3), ``stage_file`` (see ``mmocr_wsss.crf_files``).
    Added key: ``crf_scores`` (H, W, 2 (k + 1)) float32, the low background power
    first, each with the background first; also in ``seg_fields``, so that transforms
    of masks move it.

    Raises:
        ValueError: the scores are not of the size of the photo.
    """

    def transform(self, results: dict) -> dict:
        """Add ``crf_scores``."""
        scores = read_crf_scores(results['stage_file'])
        stacked = np.concatenate([scores.low, scores.high]).transpose(1, 2, 0)
        size = results['img'].shape[:2]
        if stacked.shape[:2] != size:
            raise ValueError(
                f'{results["stage_file"]}: the scores are {stacked.shape[:2]}, the photo '
                f'{results["img_path"]} is {size}. Load it without resizing, or make the scores '
                'again from these photos.'
            )
        results['crf_scores'] = stacked.astype(np.float32)
        results['seg_fields'] = [*results.get('seg_fields', []), 'crf_scores']
        return results
