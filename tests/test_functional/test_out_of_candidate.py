# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The pure functions against hand-made values and a direct double sum."""

import math

import pytest
import torch

from mmocr_wsss.functional.out_of_candidate import (
    RANKINGS,
    SPLITS,
    annotation_correlation,
    candidate_weights,
    group_ranking,
    in_candidate_group,
    out_of_candidate_mask,
    rectification_sum,
    without_background,
)


def bools(*rows):
    return torch.tensor(rows, dtype=torch.bool)


def direct_sum(logits, candidates, valid, prior, split, threshold, margin, ranking):
    """The definition, pixel by pixel and pair by pair, in Python floats."""
    total = 0.0
    for n, c in enumerate(candidates.tolist()):
        tagged = [k for k, admitted in enumerate(c) if admitted]
        for y in range(logits.shape[2]):
            for x in range(logits.shape[3]):
                z = logits[n, :, y, x].double().tolist()
                top = max(range(len(z)), key=z.__getitem__)
                if c[top] or not valid[n, y, x]:
                    continue
                weight = dict.fromkeys(tagged, 1.0)
                if split in ('prior', 'adaptive'):
                    weight = {k: prior[top, k].item() for k in tagged}
                    others = [weight[k] for k in tagged if k]
                    weight[0] = sum(others) / len(others) if others else 1.0
                if split in ('posterior', 'adaptive'):
                    high = max(z[k] for k in tagged)
                    weight = {k: weight[k] * math.exp(z[k] - high) for k in tagged}
                norm = sum(weight.values())
                group = [k for k in tagged if weight[k] / norm >= threshold]
                group = group or [max(tagged, key=weight.__getitem__)]
                if ranking == 'best':
                    group = [max(group, key=z.__getitem__)]
                outside = [o for o in range(len(z)) if not c[o]]
                # log(1 + sum exp(...)) shifted so that math.exp cannot overflow
                terms = [0.0] + [z[o] - z[k] + margin for o in outside for k in group]
                top_term = max(terms)
                total += top_term + math.log(sum(math.exp(t - top_term) for t in terms))
    return total


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(3, 7, 5, 6, generator=generator, dtype=torch.float64)
    candidates = bools(
        [1, 1, 0, 1, 0, 0, 1],
        [1, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 1, 1],
    )
    valid = torch.rand(3, 5, 6, generator=generator) < 0.8
    prior = 0.05 + torch.rand(7, 7, generator=generator, dtype=torch.float64)
    return logits, candidates, valid, prior


@pytest.mark.parametrize('split', SPLITS)
@pytest.mark.parametrize('ranking', RANKINGS)
@pytest.mark.parametrize(('threshold', 'margin'), [(0.0, 0.0), (0.3, 1.5), (1.0, -0.5)])
def test_equals_direct_double_sum(batch, split, ranking, threshold, margin):
    logits, candidates, valid, prior = batch
    oc_mask = out_of_candidate_mask(logits, candidates, valid)
    got = rectification_sum(
        logits, candidates, oc_mask,
        split=split, threshold=threshold, margin=margin, ranking=ranking, prior=prior,
    )  # fmt: skip
    want = direct_sum(logits, candidates, valid, prior, split, threshold, margin, ranking)
    assert want > 10  # the batch has out-of-candidate pixels
    assert got.dtype == torch.float64
    assert abs(got.item() - want) <= 1e-9 * want


@pytest.mark.parametrize('split', SPLITS)
@pytest.mark.parametrize('ranking', RANKINGS)
def test_gradcheck(batch, split, ranking):
    logits, candidates, valid, prior = batch
    logits = logits[:, :, :2, :2].clone().requires_grad_()
    oc_mask = out_of_candidate_mask(logits.detach(), candidates, valid[:, :2, :2])
    assert oc_mask.any()

    # The posterior is detached by definition: check the gradient with its groups held fixed.
    def term(z):
        image, row, column = oc_mask.nonzero(as_tuple=True)
        fixed = logits.detach()[image, :, row, column]
        weights = candidate_weights(fixed, candidates[image], split=split, prior=prior)
        group = in_candidate_group(weights, candidates[image], threshold=0.2)
        return group_ranking(
            z[image, :, row, column], group, ~candidates[image], margin=0.5, ranking=ranking
        ).sum()

    assert torch.autograd.gradcheck(term, logits)
    full = rectification_sum(
        logits, candidates, oc_mask,
        split=split, threshold=0.2, margin=0.5, ranking=ranking, prior=prior,
    )  # fmt: skip
    (held,) = torch.autograd.grad(term(logits), logits)
    (got,) = torch.autograd.grad(full, logits)
    assert torch.equal(got, held)


def test_oc_mask_by_hand():
    # one row of four pixels, argmax 2, 0, 1, 2; candidates are 0 and 1
    logits = torch.tensor([[[1.0, 5, 0, 1]], [[0.0, 0, 7, 0]], [[2.0, 0, 0, 9]]])[None]
    candidates = bools([1, 1, 0])
    assert out_of_candidate_mask(logits, candidates).tolist() == [[[True, False, False, True]]]
    valid = bools([1, 1, 1, 0])[None]
    assert out_of_candidate_mask(logits, candidates, valid).tolist() == [
        [[True, False] + [False] * 2]
    ]


def test_oc_mask_equals_argmax(batch):
    logits, candidates, valid, _ = batch
    inside = candidates.gather(1, logits.argmax(1).flatten(1)).view_as(valid)
    assert torch.equal(out_of_candidate_mask(logits, candidates, valid), ~inside & valid)


def test_group_ranking_by_hand():
    # outside: 2; inside: 1 and 0; margin 0.5 -> log(1 + e^(2-1+.5) + e^(2-0+.5))
    scores = torch.tensor([[0.0, 1.0, 2.0]], dtype=torch.float64)
    inside, outside = bools([1, 1, 0]), bools([0, 0, 1])
    got = group_ranking(scores, inside, outside, margin=0.5, ranking='all')
    assert got.item() == pytest.approx(math.log(1 + math.exp(1.5) + math.exp(2.5)), abs=1e-12)
    got = group_ranking(scores, inside, outside, margin=0.5, ranking='best')
    assert got.item() == pytest.approx(math.log(1 + math.exp(1.5)), abs=1e-12)


def test_weights_by_hand():
    # predicted class 3; candidates 0, 1, 2; prior row of class 3: 0.1 with 1, 0.3 with 2
    prior = torch.full((4, 4), 0.9, dtype=torch.float64)
    prior[3, 1], prior[3, 2] = 0.1, 0.3
    scores = torch.tensor([[0.0, math.log(3.0), 0.0, 5.0]], dtype=torch.float64)
    candidates = bools([1, 1, 1, 0])

    def weights(split):
        return candidate_weights(scores, candidates, split=split, prior=prior)[0].tolist()

    assert weights('all') == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    # background takes the mean of the others, 0.2
    assert weights('prior') == pytest.approx([0.2 / 0.6, 0.1 / 0.6, 0.3 / 0.6, 0])
    assert weights('posterior') == pytest.approx([0.2, 0.6, 0.2, 0])
    # products 0.04, 0.06, 0.06
    assert weights('adaptive') == pytest.approx([0.25, 0.375, 0.375, 0])


def test_group_by_hand():
    weights = torch.tensor([[0.5, 0.3, 0.2, 0.0], [0.3, 0.4, 0.3, 0.0]])
    candidates = bools([1, 1, 1, 0], [1, 1, 1, 0])

    def group(threshold):
        return in_candidate_group(weights, candidates, threshold=threshold).int().tolist()

    assert group(0.3) == [[1, 1, 0, 0], [1, 1, 1, 0]]
    assert group(0.9) == [[1, 0, 0, 0], [0, 1, 0, 0]]  # always the best one
    assert group(0.0) == [[1, 1, 1, 0], [1, 1, 1, 0]]  # never a non-candidate


def test_without_background_by_hand():
    candidates = bools([1, 1, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0])
    before = candidates.clone()
    # The second image has nothing but the background; the third never had it.
    assert without_background(candidates).int().tolist() == [
        [0, 1, 0, 1],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
    ]
    assert torch.equal(candidates, before)


@pytest.mark.parametrize('split', SPLITS)
def test_the_group_is_chosen_among_the_eligible(split):
    # candidates 0, 1, 2, eligible 1 and 2, predicted class 3
    scores = torch.tensor([4.0, 1.0, 3.0, 5.0], dtype=torch.float64).reshape(1, 4, 1, 1)
    candidates, eligible = bools([1, 1, 1, 0]), bools([0, 1, 1, 0])
    prior = torch.full((4, 4), 0.5, dtype=torch.float64)

    def total(threshold):
        return rectification_sum(
            scores, candidates, bools([[1]]), split=split, threshold=threshold, margin=0.0,
            ranking='all', prior=prior, eligible=eligible,
        ).item()  # fmt: skip

    both, second = math.log(1 + math.exp(4) + math.exp(2)), math.log(1 + math.exp(2))
    assert total(0.0) == pytest.approx(both, abs=1e-12)
    by_scores = split in ('posterior', 'adaptive')
    assert total(0.9) == pytest.approx(
        second if by_scores else math.log(1 + math.exp(4)), abs=1e-12
    )


def test_background_only_image_uses_background():
    prior = torch.full((3, 3), 0.5)
    weights = candidate_weights(
        torch.tensor([[0.0, 2.0, 1.0]]), bools([1, 0, 0]), split='adaptive', prior=prior
    )
    assert weights.tolist() == [[1, 0, 0]]


def test_permuting_foreground_classes_changes_nothing(batch):
    logits, candidates, valid, prior = batch
    order = torch.tensor([0, 4, 2, 6, 1, 5, 3])
    kwargs = dict(split='adaptive', threshold=0.2, margin=0.1, ranking='all')
    oc_mask = out_of_candidate_mask(logits, candidates, valid)
    one = rectification_sum(logits, candidates, oc_mask, prior=prior, **kwargs)
    two = rectification_sum(
        logits[:, order], candidates[:, order], oc_mask, prior=prior[order][:, order], **kwargs
    )
    assert one.item() == pytest.approx(two.item(), rel=1e-12)


def test_raising_a_candidate_logit_never_raises_the_term():
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(200, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    inside = bools([1, 1, 0, 1, 0, 0]).expand(200, 6)
    outside = bools([0, 0, 1, 0, 1, 1]).expand(200, 6)
    for ranking in RANKINGS:
        term = group_ranking(scores, inside, outside, margin=0.0, ranking=ranking)
        (grad,) = torch.autograd.grad(term.sum(), scores)
        assert (grad[inside] <= 0).all()
        assert (grad[outside] >= 0).all()
        assert grad.abs().sum() > 100


def test_annotation_correlation_by_hand():
    # 4 images; class 1 in three of them, class 2 in two, both in one; class 3 never
    tags = bools([1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0])
    matrix = annotation_correlation(tags, smoothing=1.0)
    assert matrix[1, 2].item() == pytest.approx((1 + 1) / (3 + 2))
    assert matrix[2, 1].item() == pytest.approx((1 + 1) / (2 + 2))
    assert matrix[3].tolist() == [0.5] * 4
    assert matrix[1, 0].item() == pytest.approx((3 + 1) / (3 + 2))  # background is always carried
    assert matrix[0, 1].item() == pytest.approx((3 + 1) / (4 + 2))
    assert annotation_correlation(tags, smoothing=1e-9)[1, 2].item() == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match='smoothing must be > 0'):
        annotation_correlation(tags, smoothing=0)
    with pytest.raises(ValueError, match='tags must be'):
        annotation_correlation(tags[0], smoothing=1.0)
