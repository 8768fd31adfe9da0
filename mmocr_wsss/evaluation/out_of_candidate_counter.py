# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Which classes are predicted against the tags, and in which images most."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from mmocr_wsss.evaluation.out_of_candidate_rate import read_sample
from mmocr_wsss.evaluation.running_sum import RunningSum
from mmocr_wsss.functional.out_of_candidate_counts import OutOfCandidateCounts, count_image
from mmocr_wsss.labels import IGNORE_ID
from mmocr_wsss.registry import METRICS


class WorstImage(NamedTuple):
    """An image with OC pixels.

    path: of the photo. candidates: (C,) bool. pixels: (C,) int64 valid pixels predicted as
    each class. label_map: (H, W) int16 predicted class ids. outside: (H, W) bool OC pixels.
    """

    path: str
    candidates: np.ndarray
    pixels: np.ndarray
    label_map: np.ndarray
    outside: np.ndarray

    @property
    def share(self) -> float:
        """OC pixels over valid pixels."""
        return float(self.pixels[~self.candidates].sum() / max(self.pixels.sum(), 1))


class WorstImages:
    """The images with the largest share of OC pixels; a sum of two keeps the worst of both.

    Args:
        limit: how many are kept at most.
        images: to choose from; of equal shares the first paths are kept.
    """

    def __init__(self, limit: int, images: Iterable[WorstImage]) -> None:
        self.limit = limit
        self.images = sorted(images, key=lambda image: (-image.share, image.path))[:limit]

    def __add__(self, other: 'WorstImages') -> 'WorstImages':
        return WorstImages(self.limit, [*self.images, *other.images])


@METRICS.register_module()
class OutOfCandidateCounter(RunningSum, BaseMetric):
    """Counts which classes are predicted in images whose tags rule them out.

    Reports the ``oc_rate`` of :class:`OutOfCandidateRate`, over the same pixels: those that no
    mask ignores, all without masks. Memory grows with ``worst``, not with the images.

    After ``evaluate``, on the main process: ``counts``
    (:class:`~mmocr_wsss.functional.out_of_candidate_counts.OutOfCandidateCounts`; None without
    images) and ``worst_images``, a list of :class:`WorstImage`, the largest share first.

    Args:
        worst: number of images that are kept with their prediction, >= 0.
        ignore_index: label that is left out.
        **kwargs: as for MMEngine's ``BaseMetric``.

    Raises:
        ValueError: ``worst`` is negative.
    """

    def __init__(self, worst: int = 12, ignore_index: int = IGNORE_ID, **kwargs) -> None:
        super().__init__(**kwargs)
        if worst < 0:
            raise ValueError(f'worst must be >= 0, got {worst}.')
        self.worst, self.ignore_index = worst, ignore_index
        self.counts: OutOfCandidateCounts | None = None
        self.worst_images: list[WorstImage] = []

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of each image.

        Args:
            data_batch: not used.
            data_samples: dicts with ``img_path``, ``pred_sem_seg`` (1, H, W) class ids,
                ``candidates`` (C,) bool and, if there is one, ``gt_sem_seg``.

        Raises:
            ValueError: a sample carries no candidates, or fewer than the predicted classes.
        """
        for sample in data_samples:
            predicted, candidates, valid = read_sample(sample, self.ignore_index)
            counted = predicted.flatten() if valid is None else predicted[valid]
            pixels = torch.bincount(counted, minlength=len(candidates)).cpu().numpy()
            names = candidates.cpu().numpy()
            counts = count_image(pixels, names, masked=valid is not None)
            found = []
            if counts.num_touched and self.worst:
                outside = ~candidates[predicted]
                outside = outside if valid is None else outside & valid
                label_map = predicted.to(torch.int16).cpu().numpy()
                found = [
                    WorstImage(sample['img_path'], names, pixels, label_map, outside.cpu().numpy())
                ]
            self.results.append((*counts, WorstImages(self.worst, found)))
            self.add_up()

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Keep the sums of all images and ranks, and give the rate."""
        self.counts, self.worst_images = None, []
        if not results:
            return dict(oc_rate=0.0)
        *sums, worst = results[0]
        self.counts, self.worst_images = OutOfCandidateCounts(*sums), worst.images
        return dict(oc_rate=self.counts.num_outside / max(self.counts.num_valid, 1))
