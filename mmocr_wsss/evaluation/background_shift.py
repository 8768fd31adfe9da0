# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Segmenters compared at equal OC rates."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from mmocr_wsss.evaluation.out_of_candidate_rate import read_sample
from mmocr_wsss.evaluation.running_sum import RunningSum
from mmocr_wsss.functional.confusion import confusion_matrix
from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID
from mmocr_wsss.registry import METRICS


@METRICS.register_module()
class BackgroundShift(RunningSum, BaseMetric):
    """Confusion and OC pixels when a constant is added to the background's score.

    The background is never out of candidate, so whatever favours it lowers the OC rate. Two
    segmenters are compared fairly where their OC rates are equal; the constant moves each along
    its own curve of mIoU against OC rate.

    Reports the ``oc_rate`` of :class:`OutOfCandidateRate` for a shift of 0, or for the first
    shift where 0 is none. After ``evaluate``, on the main process: ``confusions`` (S, C, C)
    int64 as in :mod:`mmocr_wsss.functional.confusion` and ``oc_rates`` (S,) in percent.

    Args:
        shifts: S constants, in logits.
        **kwargs: as for MMEngine's ``BaseMetric``.

    Raises:
        ValueError: there is no shift.
    """

    def __init__(self, shifts: Sequence[float], **kwargs) -> None:
        super().__init__(**kwargs)
        if not len(shifts):
            raise ValueError('shifts must hold at least one number, got none.')
        self.shifts = [float(shift) for shift in shifts]
        self.confusions = self.oc_rates = None

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of each image under every shift.

        Args:
            data_batch: not used.
            data_samples: dicts with ``img_path``, ``seg_logits`` (C, H, W), ``pred_sem_seg``,
                ``gt_sem_seg`` (1, H, W) class ids and ``candidates`` (C,) bool.

        Raises:
            ValueError: a sample has no candidates or no mask.
        """
        for sample in data_samples:
            _, candidates, valid = read_sample(sample, IGNORE_ID)
            if valid is None:
                raise ValueError(
                    f'{sample.get("img_path")}: no true mask, and mIoU needs one. Test a split '
                    'with masks.'
                )
            logits = sample['seg_logits']['data'].float()
            truth = sample['gt_sem_seg']['data'].squeeze(0).cpu().numpy()
            best = logits[BACKGROUND_ID + 1 :].max(dim=0)
            outside = ~candidates
            counts, num_outside = [], []
            for shift in self.shifts:
                is_background = logits[BACKGROUND_ID] + shift >= best.values
                label_map = torch.where(is_background, BACKGROUND_ID, best.indices + 1)
                num_outside.append(int((outside[label_map] & valid).sum()))
                counts.append(confusion_matrix(label_map.cpu().numpy(), truth, len(logits)))
            self.results.append((np.stack(counts), np.array(num_outside), int(valid.sum())))
        self.add_up()

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Sum the counts of all images and ranks."""
        if not results:
            return dict(oc_rate=float('nan'))
        self.confusions, num_outside, num_valid = (sum(part) for part in zip(*results, strict=True))
        rates = num_outside / max(num_valid, 1)
        self.oc_rates = 100 * rates
        return dict(oc_rate=float(rates[self.shifts.index(0) if 0 in self.shifts else 0]))
