# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Datasets and transforms of the scope ``mmocr_wsss``: where tags and masks enter."""

from mmocr_wsss.datasets.coco14 import COCO14Dataset
from mmocr_wsss.datasets.image_tag_dataset import ImageTagDataset
from mmocr_wsss.datasets.pseudo_mask_dataset import PseudoMaskDataset
from mmocr_wsss.datasets.stage_file_dataset import StageFileDataset
from mmocr_wsss.datasets.tagged_image_dataset import TaggedImageDataset

__all__ = [
    'COCO14Dataset',
    'ImageTagDataset',
    'PseudoMaskDataset',
    'StageFileDataset',
    'TaggedImageDataset',
]
