# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Pseudo masks from the test loop."""

from pathlib import Path

import numpy as np

from mmocr_wsss.artifacts import atomic_path, write_png
from mmocr_wsss.cam_files import cam_path
from mmocr_wsss.evaluation.image_file_dumper import ImageFileDumper
from mmocr_wsss.labels import palette
from mmocr_wsss.registry import METRICS


@METRICS.register_module()
class PseudoMaskDumper(ImageFileDumper):
    """Evaluator of ``mmocr_wsss.RandomWalkLoop``: writes palette PNGs of class ids.

    Args:
        out_dir: folder of the masks; None: ``pseudo_masks`` in the work folder.
        scores: also write ``OUT_DIR/scores/ID.npz`` with ``scores`` float16
            (k + 1, h, w) on the feature grid, background first if there is one, and ``class_ids``
            uint8 (k,).
        **kwargs: as for mmengine's ``BaseMetric``.

    Reports ``pseudo_masks/written``.
    """

    default_prefix = 'pseudo_masks'
    default_folder = 'pseudo_masks'
    suffix = '.png'

    def __init__(self, out_dir: str | None = None, scores: bool = False, **kwargs) -> None:
        super().__init__(out_dir, **kwargs)
        self.scores = scores

    def is_finished(self, image_id: str) -> bool:
        """Whether all files of an image are there."""
        there = super().is_finished(image_id)
        return there and (not self.scores or self._scores_path(image_id).is_file())

    def write(self, path: Path, sample: dict) -> None:
        """Write ``pseudo_mask`` (H, W) uint8, and ``scores`` with ``class_ids``."""
        if self.scores:
            arrays = dict(
                scores=sample['scores'].numpy().astype(np.float16),
                class_ids=sample['class_ids'].numpy().astype(np.uint8),
            )
            target = self._scores_path(sample['img_id'])
            with atomic_path(target) as temporary, open(temporary, 'wb') as file:
                np.savez_compressed(file, **arrays)
        classes = len(self.dataset_meta['classes']) + 1
        write_png(path, sample['pseudo_mask'].numpy(), palette(classes))

    def _scores_path(self, image_id: str) -> Path:
        return cam_path(self.folder / 'scores', image_id)
