# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The out-of-candidate loss as a config names it."""

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn

from mmocr_wsss.functional.out_of_candidate import (
    RANKINGS,
    SPLITS,
    out_of_candidate_mask,
    rectification_sum,
    without_background,
)
from mmocr_wsss.models.losses.warm_up import check_schedule, has_started
from mmocr_wsss.registry import MODELS

AVERAGES = ('valid', 'oc')


@MODELS.register_module()
class OutOfCandidateLoss(nn.Module):
    """Pushes pixels predicted as a class that the tags rule out to the candidates.

    The mathematics is in :mod:`mmocr_wsss.functional.out_of_candidate`; this
    module owns the defaults, the prior, the averaging over ranks and the warm-up.
    The state dict is empty.

    All defaults are ours: the paper names none. Each is a row of a table in
    ``docs/en/evidence.md``, but that of ``background``, which the data decides: split:
    'Split of the candidates', threshold: 'Threshold of the group', margin: 'Margin, logits',
    ranking: 'Ranking', average: 'Divided by the number of', start_iter: 'Start of the loss,
    share of the schedule', loss_weight: 'Loss weight', group_background: 'Background in the
    in-candidate group'.

    Args:
        split: how the in-candidate group of a pixel is chosen: 'all', 'prior',
            'posterior' or 'adaptive' (prior times posterior).
        threshold: share of the weight that a candidate needs to be in the group,
            in [0, 1]; the best one always is.
        margin: in logits; how far the groups should lie apart.
        ranking: 'all' (every out-of-candidate score below every score of the
            group) or 'best' (below its best score).
        average: divide the sum over the out-of-candidate pixels by the number of
            'valid' pixels (a pixel weighs like one of a mean cross entropy times
            ``loss_weight``) or of 'oc' pixels. Counts are summed over ranks.
        start_iter: the term is 0 before this iteration: an int counts iterations,
            a float in [0, 1) is a share of the schedule.
        loss_weight: factor, >= 0.
        group_background: whether the background may be in the in-candidate group. False: pixels
            are pushed to the tags alone (to the background where an image has none). Being
            predicted as background is in candidate either way.
        background: True: the background is a candidate of every image, anything else is an
            error. False: of none, for data whose pixels all belong to a class.

    Raises:
        ValueError: an argument is outside its range.

    Reference: Cheng et al., CVPR 2023, arXiv:2211.12268.
    """

    def __init__(
        self,
        split: str = 'adaptive',
        threshold: float = 0.2,
        margin: float = 0.0,
        ranking: str = 'all',
        average: str = 'valid',
        start_iter: int | float = 0,
        loss_weight: float = 1.0,
        group_background: bool = True,
        background: bool = True,
    ):
        super().__init__()
        _check_choice('split', split, SPLITS)
        _check_choice('ranking', ranking, RANKINGS)
        _check_choice('average', average, AVERAGES)
        if not 0 <= threshold <= 1:
            raise ValueError(f'threshold must lie in [0, 1], got {threshold}.')
        check_schedule(start_iter, loss_weight)
        self.split = split
        self.threshold = threshold
        self.margin = margin
        self.ranking = ranking
        self.average = average
        self.start_iter = start_iter
        self.loss_weight = loss_weight
        self.group_background = group_background
        self.background = background
        self.register_buffer('prior', None, persistent=False)

    @property
    def needs_prior(self) -> bool:
        """Whether the split weighs candidates by the annotation correlation."""
        return self.split in ('prior', 'adaptive')

    def set_prior(self, prior: Tensor) -> None:
        """Set the annotation correlation used when ``forward`` is given none.

        Args:
            prior: (C, C) float > 0, rows by predicted class id, from
                :func:`~mmocr_wsss.functional.out_of_candidate.annotation_correlation`.

        Raises:
            ValueError: it is not square, or a share is not > 0.
        """
        prior = torch.as_tensor(prior, dtype=torch.float32)
        if prior.ndim != 2 or prior.shape[0] != prior.shape[1] or not (prior > 0).all():
            raise ValueError(
                'prior must be a square matrix of positive shares indexed by class id, got '
                f'shape {tuple(prior.shape)}, minimum {prior.min().item():g}. Make it with '
                'annotation_correlation(tags, smoothing=1.0).'
            )
        self.prior = prior

    def forward(
        self,
        logits: Tensor,
        candidates: Tensor,
        valid: Tensor | None = None,
        prior: Tensor | None = None,
    ) -> Tensor:
        """The weighted term of one batch; see :meth:`loss_and_rate`.

        Returns:
            scalar >= 0.
        """
        return self.loss_and_rate(logits, candidates, valid, prior)[0]

    def loss_and_rate(
        self,
        logits: Tensor,
        candidates: Tensor,
        valid: Tensor | None = None,
        prior: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The weighted term and the out-of-candidate rate of one batch.

        In a distributed run every rank must call this, since the counts are summed
        over ranks: the mean of the ranks' gradients is the gradient of the whole
        batch on one process.

        Args:
            logits: (N, C, h, w) float, at any stride.
            candidates: (N, C) bool, indexed by class id, background included.
            valid: (N, h, w) bool; pixels outside never count. None means all.
            prior: (C, C) float > 0; None means the one of :meth:`set_prior`.

        Returns:
            the scalar term, and the share of valid pixels (of all ranks) that are
            out of candidate, a scalar in [0, 1] without gradient.

        Raises:
            TypeError: ``candidates`` or ``valid`` is not bool.
            ValueError: shapes disagree, an image lacks the background (without
                ``background``: has it, or has no candidate), or the split needs a prior
                and there is none.
        """
        prior = self.prior if prior is None else prior
        self._check_inputs(logits, candidates, valid, prior)
        oc_mask = out_of_candidate_mask(logits.detach(), candidates, valid)
        num_valid = (torch.ones_like(oc_mask) if valid is None else valid).sum()
        counts = torch.stack([oc_mask.sum(), num_valid])
        all_reduce(counts)
        num_oc, num_valid = counts
        if not has_started(self.start_iter):
            oc_mask = torch.zeros_like(oc_mask)
        total = rectification_sum(
            logits,
            candidates,
            oc_mask,
            split=self.split,
            threshold=self.threshold,
            margin=self.margin,
            ranking=self.ranking,
            prior=prior,
            eligible=None if self.group_background else without_background(candidates),
        )
        divisor = (num_valid if self.average == 'valid' else num_oc).clamp_min(1)
        # DDP averages gradients over ranks; the counts are sums, so undo the average.
        loss = total * (self.loss_weight * get_world_size()) / divisor
        return loss, num_oc.float() / num_valid.clamp_min(1)

    def _check_inputs(self, logits, candidates, valid, prior):
        if logits.ndim != 4 or candidates.shape != logits.shape[:2]:
            raise ValueError(
                'logits must be (N, C, h, w) and candidates (N, C) with background first, got '
                f'{tuple(logits.shape)} and {tuple(candidates.shape)}.'
            )
        if candidates.dtype != torch.bool or (valid is not None and valid.dtype != torch.bool):
            kind = candidates.dtype if valid is None else (candidates.dtype, valid.dtype)
            raise TypeError(f'candidates and valid must be bool tensors, got {kind}; use .bool().')
        if valid is not None and valid.shape != (logits.shape[0], *logits.shape[2:]):
            raise ValueError(
                f'valid must be (N, h, w) of the logits {tuple(logits.shape)}, '
                f'got {tuple(valid.shape)}.'
            )
        if not self.background:
            _check_without_background(candidates)
        elif not candidates[:, 0].all():
            images = (~candidates[:, 0]).nonzero().flatten().tolist()
            raise ValueError(
                'background (class id 0) is a candidate of every image, but not of images '
                f'{images} of the batch: candidates[:, 0] must be true.'
            )
        if not self.needs_prior:
            return
        if prior is None:
            raise ValueError(
                f'split={self.split!r} weighs candidates by the annotation correlation, and no '
                "prior was given. In a config add custom_hooks=[dict(type='mmocr_wsss."
                "AnnotationCorrelationHook')]; in code pass prior=annotation_correlation(tags, "
                "smoothing=1.0), or choose split='posterior'."
            )
        if prior.shape != (logits.shape[1],) * 2:
            raise ValueError(
                f'prior must be (C, C) for the {logits.shape[1]} channels of the logits, '
                f'got {tuple(prior.shape)}.'
            )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f'{name} must be one of {list(choices)}, got {value!r}.')


def _check_without_background(candidates: Tensor) -> None:
    wrong = candidates[:, 0] | ~candidates.any(dim=1)
    if wrong.any():
        raise ValueError(
            'background=False: an image has at least one candidate, and class id 0 is none; '
            f'not so for images {wrong.nonzero().flatten().tolist()} of the batch. Set '
            'background=False in the ImageTagDataset too, and give every image a tag.'
        )
