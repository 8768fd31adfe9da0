# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The order of the host, with a seed per draw that a restart does not change."""

from itertools import islice

import pytest
from mmengine.dataset import InfiniteSampler
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import DataLoader, Dataset

from mmocr_wsss.engine import SeededInfiniteSampler, seeded_sampler
from mmocr_wsss.seeding import SeededIndex


class Indices(Dataset):
    """Gives back (index, seed) as it arrives in the process that loads."""

    def __len__(self):
        return 7

    def __getitem__(self, index):
        return int(index), index.seed if isinstance(index, SeededIndex) else None


def sampler(seed=3):
    return DATA_SAMPLERS.build(
        dict(type='mmocr_wsss.SeededInfiniteSampler', dataset=Indices(), seed=seed)
    )


def first(sampler, number):
    return [(int(index), index.seed) for index in islice(sampler, number)]


def test_order_is_that_of_the_host_and_every_draw_has_its_own_seed():
    drawn = first(sampler(), 70)
    assert [index for index, _ in drawn] == [*islice(InfiniteSampler(Indices(), seed=3), 70)]
    assert len({seed for _, seed in drawn}) == 70
    assert drawn == first(sampler(), 70)
    assert not {seed for _, seed in drawn} & {seed for _, seed in first(sampler(4), 70)}


@pytest.mark.parametrize('number', [0, 1, 6, 7, 40])
def test_a_skipped_stream_goes_on_with_the_same_seeds(number):
    skipped = sampler()
    skipped.skip(number)
    assert first(skipped, 20) == first(sampler(), number + 20)[number:]


def test_the_stock_host_draws_and_discards_instead():
    iterator = iter(sampler())
    for _ in range(9):
        next(iterator)
    assert first(iterator, 5) == first(sampler(), 14)[9:]


def test_each_rank_has_its_own_share_and_seeds(monkeypatch):
    shares = []
    for rank in (0, 1):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        shares.append(first(sampler(), 10))
    indices = [[index for index, _ in share] for share in shares]
    monkeypatch.undo()
    assert [index for index, _ in first(sampler(), 20)][::2] == indices[0]
    assert [index for index, _ in first(sampler(), 20)][1::2] == indices[1]
    assert len({seed for share in shares for _, seed in share}) == 20


@pytest.mark.parametrize('workers', [0, 2])
def test_seeds_reach_the_data_workers(workers):
    loader = DataLoader(
        Indices(), batch_size=2, sampler=sampler(), num_workers=workers, collate_fn=list
    )
    batches = [*islice(loader, 5)]
    assert [item for batch in batches for item in batch] == first(sampler(), 10)


def test_samples_and_iterations_never_share_a_key():
    from mmocr_wsss.engine import iteration_seed_hook

    assert seeded_sampler.SAMPLES != iteration_seed_hook.ITERATIONS
    assert isinstance(sampler(), SeededInfiniteSampler)
