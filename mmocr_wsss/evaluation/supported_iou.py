# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""IoU over the classes that occur often enough."""

import numpy as np
from mmengine.logging import MMLogger

from mmocr_wsss.evaluation.running_sum import RunningIoUMetric
from mmocr_wsss.registry import METRICS


@METRICS.register_module()
class SupportedIoUMetric(RunningIoUMetric):
    """mmseg's ``IoUMetric`` plus a mean over the classes with enough true pixels.

    On a subset of a dataset some classes hardly occur and their IoU is noise. Next
    to the mean over all classes this reports ``mIoU_supported``, in percent, over
    those with at least ``min_pixels`` true pixels in the evaluated images, and
    logs which they are.

    Args:
        min_pixels: true pixels that make a class supported; > 0.
        others: as in mmseg's ``IoUMetric``.
    """

    def __init__(self, min_pixels: int, **kwargs):
        super().__init__(**kwargs)
        if min_pixels <= 0:
            raise ValueError(f'min_pixels must be > 0, got {min_pixels}.')
        self.min_pixels = min_pixels

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The host's metrics and ``mIoU_supported`` (nan if no class is supported)."""
        metrics = super().compute_metrics(results)
        if self.format_only:
            return metrics
        intersect, union, _, truth = (sum(counts).numpy() for counts in zip(*results, strict=True))
        supported = truth >= self.min_pixels
        names = [n for n, s in zip(self.dataset_meta['classes'], supported, strict=True) if s]
        MMLogger.get_current_instance().info(
            f'{len(names)} classes with >= {self.min_pixels} true pixels: {", ".join(names)}'
        )
        iou = intersect[supported] / union[supported]
        metrics['mIoU_supported'] = round(float(100 * np.mean(iou)), 2) if names else float('nan')
        return metrics
