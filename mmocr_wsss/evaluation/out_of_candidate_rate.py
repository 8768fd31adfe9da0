# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Share of pixels predicted against the tags."""

from collections.abc import Sequence

from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmocr_wsss.evaluation.running_sum import RunningSum
from mmocr_wsss.labels import IGNORE_ID
from mmocr_wsss.registry import METRICS


@METRICS.register_module()
class OutOfCandidateRate(RunningSum, BaseMetric):
    """Share of pixels predicted as a class that the image's tags rule out.

    Reports ``oc_rate`` in [0, 1]: out-of-candidate pixels over valid pixels, both
    summed over all images. Valid are the pixels not labelled ``ignore_index``, or
    all where the samples have no masks: tags are enough to measure it.

    Args:
        ignore_index: label that is left out.
        others: as in MMEngine's ``BaseMetric``.
    """

    def __init__(self, ignore_index: int = IGNORE_ID, **kwargs):
        super().__init__(**kwargs)
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of each image.

        Args:
            data_batch: not used.
            data_samples: dicts with ``pred_sem_seg`` (1, H, W) class ids,
                ``candidates`` (C,) bool and, if there is one, ``gt_sem_seg``.

        Raises:
            ValueError: a sample carries no candidates, or fewer than the predicted classes.
        """
        for sample in data_samples:
            predicted, candidates, valid = read_sample(sample, self.ignore_index)
            outside = ~candidates[predicted]
            num_valid = predicted.numel()
            if valid is not None:
                outside &= valid
                num_valid = int(valid.sum())
            self.results.append((int(outside.sum()), num_valid))
        self.add_up()

    def compute_metrics(self, results: list[tuple[int, int]]) -> dict[str, float]:
        """Sum the counts of all images and ranks."""
        num_oc = sum(outside for outside, _ in results)
        num_valid = sum(valid for _, valid in results)
        return dict(oc_rate=num_oc / max(num_valid, 1))


def read_sample(sample: dict, ignore_index: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """What counts of a sample of the test loop.

    Args:
        sample: as for :meth:`OutOfCandidateRate.process`.
        ignore_index: label of pixels that do not count.

    Returns:
        predicted (H, W) class ids; candidates (C,) bool; valid (H, W) bool, or None without
        a mask: every pixel counts. All on the device of the prediction.

    Raises:
        ValueError: as :meth:`OutOfCandidateRate.process`.
    """
    if 'candidates' not in sample:
        raise ValueError(
            f'{sample.get("img_path")}: no candidates for the out-of-candidate rate. Wrap '
            "the evaluated dataset: dict(type='mmocr_wsss.ImageTagDataset', dataset=..., "
            'tags=...), or take OutOfCandidateRate out of the evaluator.'
        )
    predicted = sample['pred_sem_seg']['data'].squeeze(0)
    candidates = sample['candidates'].to(predicted.device)
    if predicted.max() >= len(candidates):
        raise ValueError(
            f'{sample.get("img_path")}: class id {predicted.max()} is predicted, the tags '
            f'stand for {len(candidates)} classes with background. The model and the '
            'evaluated dataset must have the same classes.'
        )
    if 'gt_sem_seg' not in sample:
        return predicted, candidates, None
    truth = sample['gt_sem_seg']['data'].squeeze(0).to(predicted.device)
    return predicted, candidates, truth != ignore_index
