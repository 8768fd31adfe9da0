# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Two gloo processes give the gradient that one process gives for the whole batch."""

import socket

import pytest
import torch
from torch import distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

from mmocr_wsss.engine.cpu_processes import closes_process_group
from mmocr_wsss.models.losses import OutOfCandidateLoss

AVERAGES = ('valid', 'oc')


def make_batch():
    """Four images whose halves differ much in valid and out-of-candidate pixels."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 3, 9, 9, generator=generator)
    candidates = torch.tensor([[1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0], [1] * 6, [1, 1, 1, 1, 0, 1]])
    valid = (
        torch.rand(4, 9, 9, generator=generator) < torch.tensor([1, 0.9, 0.5, 0.1])[:, None, None]
    )
    prior = 0.05 + torch.rand(6, 6, generator=generator)
    return images, candidates.bool(), valid, prior


def run(model, average, part=slice(None)):
    images, candidates, valid, prior = make_batch()
    loss = OutOfCandidateLoss(average=average, loss_weight=2.0)
    value, rate = loss.loss_and_rate(model(images[part]), candidates[part], valid[part], prior)
    value.backward()
    return rate.item()


def make_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 6, 1))


@closes_process_group
def rank_main(rank, port, out):
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo', init_method=f'tcp://127.0.0.1:{port}', rank=rank, world_size=2
    )
    results = {}
    for average in AVERAGES:
        model = DistributedDataParallel(make_model())
        rate = run(model, average, slice(2 * rank, 2 * rank + 2))
        results[average] = ([p.grad for p in model.parameters()], rate)
    torch.save(results, f'{out}/{rank}.pth')


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def test_gradients_of_two_processes_equal_those_of_one(tmp_path):
    multiprocessing.spawn(rank_main, args=(free_port(), str(tmp_path)), nprocs=2)
    results = [torch.load(tmp_path / f'{rank}.pth', weights_only=True) for rank in range(2)]
    for average in AVERAGES:
        model = make_model()
        rate = run(model, average)
        expected = [p.grad for p in model.parameters()]
        assert max(g.abs().max() for g in expected) > 1e-2
        for grads, rank_rate in (result[average] for result in results):
            assert rank_rate == pytest.approx(rate, abs=1e-7)
            for got, want in zip(grads, expected, strict=True):
                assert (got - want).abs().max() <= 1e-5
        # the halves alone would not do: their counts differ
        half = make_model()
        run(half, average, slice(0, 2))
        assert (half[2].weight.grad - expected[2]).abs().max() > 1e-3
