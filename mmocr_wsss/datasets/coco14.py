# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""MS COCO 2014 as a semantic segmentation set of 81 classes."""

from mmseg.datasets import BaseSegDataset

from mmocr_wsss.labels import BACKGROUND_NAME, CLASS_SETS, palette
from mmocr_wsss.registry import DATASETS


@DATASETS.register_module()
class COCO14Dataset(BaseSegDataset):
    """Images and true masks of MS COCO 2014, for evaluation.

    Convention: masks are PNGs with 0 background, 1..80 the categories in the
    order of their sorted ids, 255 ignore. Arguments are those of mmseg's
    ``BaseSegDataset``.
    """

    METAINFO = {
        'classes': (BACKGROUND_NAME, *CLASS_SETS['coco14']),
        'palette': palette(1 + len(CLASS_SETS['coco14'])),
    }
