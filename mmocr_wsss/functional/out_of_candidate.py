# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Out-of-candidate rectification as pure functions.

Letters: N images, C classes with background (id 0), h w the logit grid, P
out-of-candidate pixels. ``candidates`` (N, C) bool are the classes that the tags
of an image admit.

Reference: Cheng et al., "Out-of-Candidate Rectification for Weakly Supervised
Semantic Segmentation", CVPR 2023, arXiv:2211.12268. From the paper: which pixels
are rectified, that they are pushed into the in-candidate group by a
differentiable group ranking, and that the group is split per pixel by prior
annotation correlation and posterior prediction correlation. The paper states
this in words; the formulas of the weights, the threshold and the smooth ranking
below are ours.
"""

import torch
from torch import Tensor

SPLITS = ('all', 'prior', 'posterior', 'adaptive')
RANKINGS = ('all', 'best')


def annotation_correlation(tags: Tensor, *, smoothing: float) -> Tensor:
    """How often the images with class c also carry class k.

    ``A[c, k] = (n_ck + smoothing) / (n_c + 2 * smoothing)`` with n_ck the images
    tagged with both and n_c those tagged with c. The smoothing (ours) keeps every
    entry between 0 and 1 exclusive; a class without images gets 0.5 everywhere.

    Convention: indexed by class id. Background (row and column 0) counts as a
    tag of every image.

    Args:
        tags: (M, K) bool, one row per training image.
        smoothing: pseudo-count, > 0.

    Returns:
        (K + 1, K + 1) float64 in (0, 1).

    Raises:
        ValueError: ``tags`` is not a matrix or ``smoothing`` is not positive.
    """
    if tags.ndim != 2:
        raise ValueError(f'tags must be (images, classes), got shape {tuple(tags.shape)}.')
    if not smoothing > 0:
        raise ValueError(f'smoothing must be > 0 so that no share is 0, got {smoothing}.')
    carried = torch.cat([torch.ones_like(tags[:, :1]), tags], dim=1).double()
    together = carried.T @ carried
    return (together + smoothing) / (together.diagonal()[:, None] + 2 * smoothing)


def out_of_candidate_mask(
    logits: Tensor, candidates: Tensor, valid: Tensor | None = None
) -> Tensor:
    """Valid pixels whose argmax class is not a candidate of their image.

    A candidate that ties with the maximum counts as the argmax.

    Args:
        logits: (N, C, h, w) float.
        candidates: (N, C) bool, at least one per image.
        valid: (N, h, w) bool; None means every pixel.

    Returns:
        (N, h, w) bool.
    """
    # Two maxima instead of an argmax, which is 10 to 50 times slower on a CPU.
    inside = torch.stack(
        [scores[admitted].amax(dim=0) for scores, admitted in zip(logits, candidates, strict=True)]
    )
    outside = inside < logits.amax(dim=1)
    return outside if valid is None else outside & valid


def restricted_label_map(logits: Tensor, candidates: Tensor) -> Tensor:
    """The best-scored candidate of each pixel.

    Args:
        logits: (C, h, w) float, of one image.
        candidates: (C,) bool, at least one.

    Returns:
        (h, w) int64 class ids.
    """
    outside = ~candidates.to(logits.device)
    return logits.masked_fill(outside[:, None, None], -torch.inf).argmax(dim=0)


def without_background(candidates: Tensor) -> Tensor:
    """The candidates but the background, which stays where it is the only one.

    Args:
        candidates: (N, C) bool, at least one per image.

    Returns:
        (N, C) bool, at least one per image.
    """
    kept = candidates.clone()
    kept[:, 0] &= ~candidates[:, 1:].any(dim=1)
    return kept


def candidate_weights(
    scores: Tensor, candidates: Tensor, *, split: str, prior: Tensor | None
) -> Tensor:
    """How related each candidate is to the class wrongly predicted at a pixel.

    'all': equal; 'prior': ``prior[predicted, k]``, where the background takes the
    mean of the image's other candidates (1 if it is the only one); 'posterior':
    softmax of the scores over the candidates; 'adaptive': prior times posterior.

    Args:
        scores: (P, C) float logits; no gradient passes.
        candidates: (P, C) bool, at least one per row.
        split: one of :data:`SPLITS`.
        prior: (C, C) float > 0, rows by predicted class; unused by 'all' and
            'posterior'.

    Returns:
        (P, C) float, 0 outside the candidates, rows sum to 1.
    """
    scores = scores.detach()
    weights = candidates.to(scores.dtype)
    if split in ('prior', 'adaptive'):
        assert prior is not None
        related = prior.to(scores)[scores.argmax(dim=1)] * weights
        others = weights[:, 1:].sum(dim=1)
        mean = related[:, 1:].sum(dim=1) / others.clamp_min(1)
        background = torch.where(others > 0, mean, torch.ones_like(mean)) * weights[:, 0]
        weights = torch.cat([background[:, None], related[:, 1:]], dim=1)
    if split in ('posterior', 'adaptive'):
        weights = weights * scores.masked_fill(~candidates, -torch.inf).softmax(dim=1)
    tiny = torch.finfo(weights.dtype).tiny  # a row can only be 0 if the prior holds zeros
    return weights / weights.sum(dim=1, keepdim=True).clamp_min(tiny)


def in_candidate_group(weights: Tensor, candidates: Tensor, *, threshold: float) -> Tensor:
    """Candidates whose weight reaches the threshold, and always the best one.

    Args:
        weights: (P, C) float from :func:`candidate_weights`.
        candidates: (P, C) bool, at least one per row.
        threshold: in [0, 1].

    Returns:
        (P, C) bool, a non-empty subset of ``candidates`` in every row.
    """
    best = weights.masked_fill(~candidates, -1).argmax(dim=1, keepdim=True)
    return (candidates & (weights >= threshold)).scatter(1, best, True)


def group_ranking(
    scores: Tensor, in_group: Tensor, out_group: Tensor, *, margin: float, ranking: str
) -> Tensor:
    """Penalty until every score of one group lies below those of the other.

    'all': ``log(1 + sum_o sum_k exp(z_o - z_k + margin))`` over o in the out group
    and k in the in group, evaluated as ``softplus(LSE_o(z) + LSE_k(-z) + margin)``:
    O(C) per pixel. 'best': the same with k only the best of the in group.

    Args:
        scores: (P, C) float logits.
        in_group: (P, C) bool, not empty in any row.
        out_group: (P, C) bool, not empty in any row.
        margin: in logits.
        ranking: one of :data:`RANKINGS`.

    Returns:
        (P,) float >= 0.
    """
    outside = scores.masked_fill(~out_group, -torch.inf).logsumexp(dim=1)
    if ranking == 'best':
        inside = -scores.masked_fill(~in_group, -torch.inf).amax(dim=1)
    else:
        inside = (-scores).masked_fill(~in_group, -torch.inf).logsumexp(dim=1)
    # softplus without PyTorch's switch to the identity above 20.
    return -torch.nn.functional.logsigmoid(-(outside + inside + margin))


def rectification_sum(
    logits: Tensor,
    candidates: Tensor,
    oc_mask: Tensor,
    *,
    split: str,
    threshold: float,
    margin: float,
    ranking: str,
    prior: Tensor | None,
    eligible: Tensor | None = None,
) -> Tensor:
    """Sum of the rectification term over the out-of-candidate pixels.

    Pixels outside ``oc_mask`` get exactly zero gradient; with no such pixel the
    sum is exactly 0 and still part of the graph.

    Args:
        logits: (N, C, h, w); halves are computed in float32.
        candidates: (N, C) bool, at least one per image.
        oc_mask: (N, h, w) bool from :func:`out_of_candidate_mask`.
        split, threshold, margin, ranking, prior: as in the functions above.
        eligible: (N, C) bool subset of the candidates, at least one per image, that the
            in-candidate group is chosen from; None: all candidates.

    Returns:
        scalar, float32 or the dtype of ``logits`` if that is wider.
    """
    image, row, column = oc_mask.nonzero(as_tuple=True)
    scores = logits[image, :, row, column]
    with torch.autocast(logits.device.type, enabled=False):
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        if len(image) == 0:
            return scores.sum()
        admitted = candidates[image]
        choices = admitted if eligible is None else eligible[image]
        weights = candidate_weights(scores, choices, split=split, prior=prior)
        group = in_candidate_group(weights, choices, threshold=threshold)
        return group_ranking(scores, group, ~admitted, margin=margin, ranking=ranking).sum()
