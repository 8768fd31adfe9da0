# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Predictions with the classes that the tags rule out left out."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.evaluator import BaseMetric

from mmocr_wsss.artifacts import read_json, write_png
from mmocr_wsss.functional.out_of_candidate import restricted_label_map
from mmocr_wsss.labels import candidates_from_tags, palette, tags_from_names
from mmocr_wsss.registry import METRICS
from mmocr_wsss.stage_files import image_file


@METRICS.register_module()
class RestrictedLabelMaps(BaseMetric):
    """Writes label maps whose classes are restricted to given tags and the background.

    What is left of a segmenter when somebody, or a classifier, says at test time which classes
    an image shows: the best-scored of the admitted classes. Images without tags in the
    table are left out.

    Args:
        out_dir: folder of the label maps ``ID.png``, palette PNGs.
        tags: JSON table {image id: [class names]}; the id is the file name without suffix.
        **kwargs: as for mmengine's ``BaseMetric``.

    Reports ``restricted/written``.
    """

    default_prefix = 'restricted'

    def __init__(self, out_dir: str, tags: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.out_dir, self.tags = out_dir, read_json(tags)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Write the label map of each image that has tags.

        Args:
            data_batch: not used.
            data_samples: dicts with ``seg_logits`` (C, H, W) and ``img_path``.
        """
        for sample in data_samples:
            image_id = Path(sample['img_path']).stem
            if image_id not in self.tags:
                continue
            logits = sample['seg_logits']['data']
            foreground = self.dataset_meta['classes'][1:]
            admitted = candidates_from_tags(tags_from_names(self.tags[image_id], foreground))
            label_map = restricted_label_map(logits, torch.as_tensor(admitted))
            ids = label_map.to(torch.uint8).cpu().numpy()
            write_png(image_file(self.out_dir, image_id, '.png'), ids, palette(len(admitted)))
            self.results.append(image_id)

    def compute_metrics(self, results: list[str]) -> dict[str, int]:
        """Count the images of all ranks."""
        return dict(written=len(set(results)))
