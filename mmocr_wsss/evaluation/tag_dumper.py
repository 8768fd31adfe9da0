# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Predicted tags from the test loop."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.evaluator import BaseMetric

from mmocr_wsss.artifacts import write_json
from mmocr_wsss.labels import foreground_classes
from mmocr_wsss.registry import METRICS


@METRICS.register_module()
class TagDumper(BaseMetric):
    """Writes the tags that a multi-label classifier gives to images: {image id: [class names]}.

    Args:
        out_file: JSON file to write.
        threshold: a class with at least this score is a tag, in [0, 1].
        **kwargs: as for mmengine's ``BaseMetric``.

    Reports ``tags/images`` and ``tags/per_image``.
    """

    default_prefix = 'tags'

    def __init__(self, out_file: str, threshold: float = 0.5, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 0 <= threshold <= 1:
            raise ValueError(f'threshold must lie in [0, 1], got {threshold}.')
        self.out_file, self.threshold = out_file, threshold

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Note the tags of each image.

        Args:
            data_batch: not used.
            data_samples: dicts with ``pred_score`` (K,) in [0, 1] and ``img_path``.
        """
        for sample in data_samples:
            chosen = (sample['pred_score'] >= self.threshold).nonzero().flatten().tolist()
            self.results.append((Path(sample['img_path']).stem, chosen))

    def compute_metrics(self, results: list[tuple[str, list[int]]]) -> dict[str, float]:
        """Write the table of all ranks, sorted by id, and count."""
        names = foreground_classes(self.dataset_meta['classes'])
        table = {image_id: [names[k] for k in chosen] for image_id, chosen in sorted(results)}
        write_json(self.out_file, table)
        total = sum(len(tags) for tags in table.values())
        return dict(images=len(table), per_image=total / max(len(table), 1))
