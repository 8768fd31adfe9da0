# Copyright (c) mmocr_wsss contributors. All rights reserved.
import math

import pytest
import torch
from mmengine.logging import MessageHub

from mmocr_wsss.models.losses import OutOfCandidateLoss

PRIOR = torch.full((5, 5), 0.5)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 4, 6, generator=generator, dtype=torch.float64)
    candidates = torch.tensor([[1, 0, 1, 0, 0], [1, 1, 0, 0, 0]], dtype=torch.bool)
    valid = torch.rand(2, 4, 6, generator=generator) < 0.7
    return logits, candidates, valid


def oc_pixels(logits, candidates, valid):
    inside = candidates.gather(1, logits.argmax(1).flatten(1)).view_as(valid)
    return ~inside & valid


def test_gradient_is_zero_exactly_where_not_oc(batch):
    logits, candidates, valid = batch
    logits.requires_grad_()
    OutOfCandidateLoss()(logits, candidates, valid, PRIOR).backward()
    oc = oc_pixels(logits.detach(), candidates, valid)
    touched = (logits.grad != 0).any(dim=1)
    assert oc.any() and not oc.all()
    assert torch.equal(touched, oc)


def test_averages_and_weight(batch):
    logits, candidates, valid = batch
    num_oc = oc_pixels(logits, candidates, valid).sum().item()
    total = OutOfCandidateLoss()(logits, candidates, valid, PRIOR).item() * valid.sum().item()
    by_oc = OutOfCandidateLoss(average='oc')(logits, candidates, valid, PRIOR).item()
    assert by_oc == pytest.approx(total / num_oc, rel=1e-9)
    tripled = OutOfCandidateLoss(average='oc', loss_weight=3.0)(logits, candidates, valid, PRIOR)
    assert tripled.item() == pytest.approx(3 * by_oc, rel=1e-9)
    without_mask = OutOfCandidateLoss()(logits, candidates, None, PRIOR).item()
    everywhere = OutOfCandidateLoss()(logits, candidates, torch.ones_like(valid), PRIOR).item()
    assert without_mask == everywhere > 0


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_absolute_value_by_hand(dtype):
    # four valid pixels of five; classes 0 and 1 are candidates; two pixels are out of candidate
    scores = [[0, 0, 5], [0, 3, 1], [1, 0, 2], [4, 0, 0], [0, 0, 9]]
    logits = torch.tensor(scores, dtype=dtype).T.reshape(1, 3, 1, 5)
    valid = torch.tensor([1, 1, 1, 1, 0], dtype=torch.bool).reshape(1, 1, 5)
    candidates = torch.tensor([[1, 1, 0]], dtype=torch.bool)
    # log(1 + e^5 + e^5) and log(1 + e^(2-1) + e^(2-0)), margin 0
    total = math.log(1 + 2 * math.exp(5)) + math.log(1 + math.exp(1) + math.exp(2))

    def value(**kwargs):
        return OutOfCandidateLoss(split='all', **kwargs)(logits, candidates, valid).item()

    assert value() == pytest.approx(total / 4, rel=1e-6)
    assert value(average='oc') == pytest.approx(total / 2, rel=1e-6)
    assert value(loss_weight=3.0) == pytest.approx(3 * total / 4, rel=1e-6)


def test_oc_rate(batch):
    logits, candidates, valid = batch
    rate = OutOfCandidateLoss().loss_and_rate(logits, candidates, valid, PRIOR)[1]
    assert rate.item() == pytest.approx(
        oc_pixels(logits, candidates, valid).sum().item() / valid.sum().item()
    )


@pytest.mark.parametrize('case', ['no oc pixel', 'all classes tagged', 'no valid pixel'])
def test_nothing_to_rectify_is_exactly_zero_and_in_the_graph(batch, case):
    logits, candidates, valid = batch
    if case == 'no oc pixel':
        logits = logits - 100 * (~candidates)[:, :, None, None].double()
    elif case == 'all classes tagged':
        candidates = torch.ones_like(candidates)
    else:
        valid = torch.zeros_like(valid)
    logits = logits.clone().requires_grad_()
    for average in ('valid', 'oc'):
        loss = OutOfCandidateLoss(average=average)(logits, candidates, valid, PRIOR)
        assert loss.item() == 0
        (grad,) = torch.autograd.grad(loss, logits)
        assert torch.equal(grad, torch.zeros_like(logits))


def test_one_class_image_is_pulled_to_background(batch):
    logits, _, valid = batch
    candidates = torch.tensor([[1, 0, 0, 0, 0]] * 2, dtype=torch.bool)
    logits = logits.clone().requires_grad_()
    OutOfCandidateLoss()(logits, candidates, valid, PRIOR).backward()
    oc = oc_pixels(logits.detach(), candidates, valid)
    assert (logits.grad[:, 0][oc] < 0).all()
    assert (logits.grad[:, 1:].movedim(1, -1)[oc] > 0).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('split', ['all', 'prior', 'posterior', 'adaptive'])
@pytest.mark.parametrize('ranking', ['all', 'best'])
def test_halves_with_huge_logits_stay_finite_under_autocast(dtype, split, ranking):
    generator = torch.Generator().manual_seed(0)
    logits = (2e4 * torch.rand(2, 5, 6, 6, generator=generator) - 1e4).to(dtype)
    logits[0, 4, 0, 0], logits[0, 0, 0, 0] = 1e4, -1e4
    logits.requires_grad_()
    candidates = torch.tensor([[1, 0, 1, 0, 0], [1, 1, 0, 0, 0]], dtype=torch.bool)
    with torch.autocast('cpu', dtype=dtype):
        loss = OutOfCandidateLoss(split=split, ranking=ranking)(logits, candidates, None, PRIOR)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss) and loss > 100
    assert torch.isfinite(logits.grad).all() and logits.grad.abs().sum() > 0


def test_state_dict_is_empty_and_prior_travels_with_the_module(batch):
    logits, candidates, valid = batch
    candidates[:, 3] = True  # two tags per image, so that their weights can differ
    loss = OutOfCandidateLoss(split='prior', threshold=0.3)
    given = loss(logits, candidates, valid, PRIOR)
    skewed = PRIOR.clone()
    skewed[:, 2] = 0.01
    loss.set_prior(skewed)
    assert not loss.state_dict()
    assert loss(logits, candidates, valid).item() != given.item()
    assert loss(logits, candidates, valid, PRIOR).item() == given.item()


@pytest.mark.parametrize(
    ('start_iter', 'done', 'active'),
    [(3, 2, False), (3, 3, True), (0.5, 4, False), (0.5, 5, True), (0, 0, True), (0.0, 0, True)],
)
def test_warm_up_follows_the_runner(batch, start_iter, done, active):
    logits, candidates, valid = batch
    hub = MessageHub.get_instance(f'warm_up_{start_iter}_{done}')
    hub.update_info_dict(dict(iter=done, max_iters=10))
    loss, rate = OutOfCandidateLoss(start_iter=start_iter).loss_and_rate(
        logits.clone().requires_grad_(), candidates, valid, PRIOR
    )
    assert (loss.item() > 0) == active
    assert loss.requires_grad
    assert rate > 0  # the rate is logged during the warm-up too


def test_warm_up_without_a_runner_is_an_error(batch):
    logits, candidates, valid = batch
    MessageHub.get_instance('no_runner')
    with pytest.raises(ValueError, match='start_iter=0.5 needs the progress of an MMEngine runner'):
        OutOfCandidateLoss(start_iter=0.5)(logits, candidates, valid, PRIOR)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(split='some'), r"split must be one of \['all', 'prior', 'posterior', 'adaptive'\]"),
        (dict(ranking='worst'), "ranking must be one of .* got 'worst'"),
        (dict(average='mean'), "average must be one of .* got 'mean'"),
        (dict(threshold=1.5), r'threshold must lie in \[0, 1\], got 1.5'),
        (dict(loss_weight=-1), 'loss_weight must be >= 0, got -1'),
        (dict(start_iter=1.0), r'start_iter must be .* got 1.0'),
        (dict(start_iter=-1), r'start_iter must be .* got -1'),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        OutOfCandidateLoss(**kwargs)


def test_bad_inputs(batch):
    logits, candidates, valid = batch
    loss = OutOfCandidateLoss(split='posterior')
    with pytest.raises(ValueError, match=r'got \(2, 5, 4, 6\) and \(2, 4\)'):
        loss(logits, candidates[:, :4])
    with pytest.raises(ValueError, match=r'got \(1, 5, 4, 6\) and \(2, 5\)'):
        loss(logits[:1], candidates)
    with pytest.raises(TypeError, match='must be bool tensors, got torch.float32'):
        loss(logits, candidates.float())
    with pytest.raises(ValueError, match=r'valid must be \(N, h, w\)'):
        loss(logits, candidates, valid[:, :1])
    candidates[1, 0] = False
    with pytest.raises(ValueError, match=r'background .* but not of images \[1\] of the batch'):
        loss(logits, candidates)


def test_bad_priors(batch):
    logits, candidates, _ = batch
    with pytest.raises(ValueError, match="split='adaptive' weighs .*AnnotationCorrelationHook"):
        OutOfCandidateLoss()(logits, candidates)
    with pytest.raises(ValueError, match=r'prior must be \(C, C\) for the 5 channels'):
        OutOfCandidateLoss()(logits, candidates, prior=PRIOR[:4, :4])
    with pytest.raises(ValueError, match='square matrix of positive shares'):
        OutOfCandidateLoss().set_prior(torch.zeros(3, 3))


def test_every_option_matters(batch):
    logits, candidates, valid = batch
    candidates[0, 3] = True
    generator = torch.Generator().manual_seed(5)
    prior = 0.01 + torch.rand(5, 5, generator=generator)
    base = dict(split='adaptive', threshold=0.2, margin=0.0, ranking='all', average='valid')
    reference = OutOfCandidateLoss(**base)(logits, candidates, valid, prior).item()
    for change in (
        dict(split='all'),
        dict(split='prior'),
        dict(split='posterior'),
        dict(threshold=0.6),
        dict(margin=1.0),
        dict(ranking='best'),
        dict(average='oc'),
        dict(loss_weight=2.0),
        dict(group_background=False),
    ):
        other = OutOfCandidateLoss(**{**base, **change})(logits, candidates, valid, prior).item()
        assert other != pytest.approx(reference, rel=1e-6), change


def test_group_without_background_pulls_to_the_tags_alone():
    # Two pixels of class 2; the first image is tagged 1, the second has no tag.
    scores = torch.tensor([3.0, 0.0, 5.0], dtype=torch.float64)
    logits = scores.reshape(1, 3, 1, 1).repeat(2, 1, 1, 1).requires_grad_()
    candidates = torch.tensor([[1, 1, 0], [1, 0, 0]], dtype=torch.bool)
    loss, rate = OutOfCandidateLoss(split='posterior', group_background=False).loss_and_rate(
        logits, candidates, torch.ones(2, 1, 1, dtype=torch.bool)
    )
    total = math.log(1 + math.exp(5)) + math.log(1 + math.exp(2) + math.exp(-3))
    assert rate == 1 and loss.item() == pytest.approx(total / 2, abs=1e-12)
    (gradient,) = torch.autograd.grad(loss, logits)
    pushed_up = (gradient.flatten(1) < 0).tolist()
    assert pushed_up == [[False, True, False], [True, False, False]]
    # Predicted as background is in candidate all the same.
    background = torch.tensor([9.0, 0.0, 5.0]).reshape(1, 3, 1, 1)
    loss = OutOfCandidateLoss(split='posterior', group_background=False)
    assert loss(background, candidates[:1]).item() == 0


def test_without_a_background_class_id_0_is_out_of_candidate():
    logits = torch.zeros(1, 4, 1, 2)
    logits[0, 0, 0, 0] = 5.0  # background
    logits[0, 2, 0, 1] = 5.0
    candidates = torch.tensor([[False, False, True, False]])
    loss = OutOfCandidateLoss(split='posterior', background=False)
    value, rate = loss.loss_and_rate(logits, candidates)
    assert rate == 0.5 and value > 0
    for wrong in ([[True, False, True, False]], [[False] * 4]):
        with pytest.raises(ValueError, match=r'background=False: .* images \[0\] of the batch'):
            loss(logits, torch.tensor(wrong))
    with pytest.raises(ValueError, match='background'):
        OutOfCandidateLoss(split='posterior')(logits, candidates)
