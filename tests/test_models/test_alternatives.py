# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What out-of-candidate rectification is compared with: cross entropy, softmax over candidates."""

import math

import pytest
import torch
from mmengine.logging import MessageHub
from test_candidate_segmentor import build, config, host_scope, make_samples  # noqa: F401

from mmocr_wsss.models import NonCandidateBCELoss
from mmocr_wsss.registry import MODELS


@pytest.fixture
def batch():
    # Classes 0 and 1 are candidates; the second of three pixels is out of candidate, the third
    # is not valid.
    scores = torch.tensor([[2.0, 1.0, -1.0], [0.0, 0.0, 3.0], [0.0, 0.0, 9.0]])
    logits = scores.double().T.reshape(1, 3, 1, 3)
    candidates = torch.tensor([[1, 1, 0]], dtype=torch.bool)
    return logits.requires_grad_(), candidates, torch.tensor([[[True, True, False]]])


def test_bce_by_hand(batch):
    logits, candidates, valid = batch
    loss, rate = NonCandidateBCELoss(loss_weight=3.0).loss_and_rate(logits, candidates, valid)
    total = math.log1p(math.exp(-1)) + math.log1p(math.exp(3))
    assert loss.item() == pytest.approx(3 * total / 2, rel=1e-6)
    assert rate.item() == 0.5 and not rate.requires_grad
    (gradient,) = torch.autograd.grad(loss, logits)
    # Non-candidate scores of valid pixels alone, whether they are highest or not.
    assert (gradient != 0).reshape(3, 3).tolist() == [[False] * 3] * 2 + [[True, True, False]]


@pytest.mark.parametrize(('done', 'active'), [(4, False), (5, True)])
def test_bce_warm_up(batch, done, active):
    logits, candidates, valid = batch
    hub = MessageHub.get_instance(f'bce_warm_up_{done}')
    hub.update_info_dict(dict(iter=done, max_iters=10))
    loss, rate = NonCandidateBCELoss(start_iter=0.5).loss_and_rate(logits, candidates, valid)
    assert (loss.item() > 0) == active and rate > 0 and loss.requires_grad


def test_bce_without_valid_pixels_is_zero(batch):
    logits, candidates, valid = batch
    loss, rate = NonCandidateBCELoss().loss_and_rate(logits, candidates, valid & False)
    assert loss.item() == rate.item() == 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [(dict(loss_weight=-1), 'loss_weight must be >= 0'), (dict(start_iter=1.5), 'start_iter')],
)
def test_bce_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        NonCandidateBCELoss(**options)


def softmax_model():
    cfg = config('fcn')
    cfg['type'] = 'mmocr_wsss.CandidateSoftmaxEncoderDecoder'
    cfg['loss_oc']['loss_weight'] = 0.0
    torch.manual_seed(0)
    return MODELS.build(cfg)


def test_softmax_over_candidates_equals_that_of_a_smaller_head():
    model, plain = softmax_model(), build('fcn')
    plain.load_state_dict(model.state_dict())
    inputs, samples = make_samples()
    for sample in samples:  # labels that the tags allow, as pseudo masks have
        labels, tags = sample.gt_sem_seg.data, sample.candidates.nonzero().flatten()
        sample.gt_sem_seg.data = tags[labels % len(tags)]
    heard = []
    head = model.decode_head
    forward = head.forward
    head.forward = lambda *a: heard.append(forward(*a)) or heard[-1]
    torch.manual_seed(1)
    losses = model.loss(inputs, samples)
    torch.manual_seed(1)
    unmasked = plain.loss(inputs, samples)
    logits = torch.nn.functional.interpolate(heard[0], (32, 32), mode='bilinear')
    expected = torch.cat(
        [
            torch.nn.functional.cross_entropy(
                logits[n : n + 1, sample.candidates],
                torch.searchsorted(sample.candidates.nonzero().flatten(), sample.gt_sem_seg.data),
                reduction='none',
            )
            for n, sample in enumerate(samples)
        ]
    ).mean()
    name = next(key for key in losses if key.endswith('loss_ce'))
    assert losses[name].item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses[name] < unmasked[name]
    # The rate is that of the scores as they are, and the head is left as it was.
    assert losses['oc_rate'].item() == unmasked['oc_rate'].item() > 0
    assert losses['loss_oc'].item() == 0
    assert 'loss_by_feat' not in vars(head)
    gradient = torch.autograd.grad(losses[name], heard[0])[0]
    ruled_out = torch.stack([~sample.candidates for sample in samples])
    assert (
        gradient.movedim(1, -1)[ruled_out[:, None, None].expand(-1, *gradient.shape[2:], -1)] == 0
    ).all()


def test_loss_oc_at_the_size_of_the_labels():
    cfg = config('fcn')
    cfg['loss_oc_size'] = 'labels'
    model, at_head = MODELS.build(cfg), build('fcn')
    torch.nn.init.normal_(at_head.decode_head.conv_seg.weight)
    model.load_state_dict(at_head.state_dict())
    inputs, samples = make_samples()
    heard = []
    forward = model.decode_head.forward
    model.decode_head.forward = lambda *a: heard.append(forward(*a)) or heard[-1]
    model.eval()  # no dropout
    at_head.eval()
    losses = model.loss(inputs, samples)
    assert heard[0].shape[-2:] != (32, 32)
    logits = torch.nn.functional.interpolate(heard[0], (32, 32), mode='bilinear')
    candidates = torch.stack([sample.candidates for sample in samples])
    expected = model.loss_oc(logits, candidates).item()
    assert losses['loss_oc'].item() == pytest.approx(expected, rel=1e-6)
    assert expected != pytest.approx(at_head.loss(inputs, samples)['loss_oc'].item(), rel=1e-2)


def test_unknown_size_of_the_term():
    cfg = config('fcn')
    cfg['loss_oc_size'] = 'image'
    with pytest.raises(ValueError, match=r"loss_oc_size must be one of .* got 'image'"):
        MODELS.build(cfg)
