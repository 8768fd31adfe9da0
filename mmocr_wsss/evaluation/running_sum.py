# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Metrics that add up as they go: their memory does not grow with the number of images."""

from functools import reduce
from typing import Any

import torch
from mmengine.dist import (
    all_gather_object,
    broadcast_object_list,
    get_rank,
    get_world_size,
    is_main_process,
)
from mmengine.evaluator import BaseMetric
from mmseg.evaluation import IoUMetric
from torch import Tensor

from mmocr_wsss.registry import METRICS


class RunningSum(BaseMetric):
    """Mixin for a metric whose result of an image is a tuple of numbers or tensors.

    Its ``process`` calls :meth:`add_up` at its end. The sum is kept instead of a list, in
    float64 or integers, so that many processes give what one gives. Samplers that repeat images
    to fill the last round (as MMEngine's ``DefaultSampler`` does) are understood: the repeated
    ones do not count, as in MMEngine's own metrics. The order must be that of an unshuffled
    sampler.
    """

    _total: tuple | None = None
    _last: tuple | None = None
    _count = 0

    def add_up(self) -> None:
        """Move the results of a batch to the sum."""
        for item in self.results:
            self._total, self._last = _add(self._total, self._last), _exact(item)
            self._count += 1
        self.results.clear()

    def evaluate(self, size: int) -> dict[str, float]:
        """The metrics of ``size`` images, on every process."""
        # Image i of this process is number i * world + rank of the data set.
        repeated = (self._count - 1) * get_world_size() + get_rank() >= size
        mine = self._total if repeated else _add(self._total, self._last)
        sums = [item for item in all_gather_object(mine) if item is not None]
        self._total = self._last = None
        self._count = 0
        metrics: list[dict[str, float]] = [{}]
        if is_main_process():
            values = self.compute_metrics([reduce(_add, sums)] if sums else [])
            if self.prefix:
                values = {f'{self.prefix}/{name}': value for name, value in values.items()}
            metrics = [values]
        broadcast_object_list(metrics)
        return metrics[0]


@METRICS.register_module()
class RunningIoUMetric(RunningSum, IoUMetric):
    """mmseg's ``IoUMetric`` with memory independent of the number of images, and faster.

    With ``format_only`` it writes label maps to ``output_dir`` and measures nothing.
    Arguments are the host's.
    """

    def process(self, data_batch: Any, data_samples: Any) -> None:
        """Count the pixels of a batch, and write its label maps if asked to."""
        super().process(data_batch, data_samples)
        self.add_up()

    @staticmethod
    def intersect_and_union(
        pred_label: Tensor, label: Tensor, num_classes: int, ignore_index: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pixels per class of one image: hit, in the union, predicted, true.

        The host's numbers in one pass over the pixels instead of three histograms of
        floats. Ids outside 0..C-1 are in no class, as there.

        Args:
            pred_label, label: integer ids of one shape.
            num_classes: number C of classes.
            ignore_index: true id whose pixels do not count.

        Returns:
            four (C,) int64 on the CPU.
        """
        # Entry 0 of each axis is for ids below 0, the last for those above C - 1.
        size = num_classes + 2
        index = label.clamp(-1, num_classes) * size + pred_label.clamp(-1, num_classes) + size + 1
        index = torch.where(label == ignore_index, size * size, index)
        counts = torch.bincount(index.flatten(), minlength=size * size + 1)[:-1].cpu()
        counts = counts.view(size, size)
        hit = counts.diagonal()[1:-1]
        predicted, true = counts.sum(0)[1:-1], counts.sum(1)[1:-1]
        return hit, predicted + true - hit, predicted, true

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The host's metrics; none with ``format_only``."""
        if self.format_only:
            return {}
        return super().compute_metrics([tuple(v.float() for v in item) for item in results])


def _add(one: tuple | None, other: tuple | None) -> tuple | None:
    if one is None or other is None:
        return one if other is None else other
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _exact(item: tuple) -> tuple:
    """float32 counts lose units above 2^24."""
    return tuple(value.double() if torch.is_tensor(value) else value for value in item)
