# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The counts by hand, the rate of the other metric, and many processes as one."""

import numpy as np
import pytest
import torch
import torch.multiprocessing as multiprocessing

from mmocr_wsss.artifacts import read_json, write_json
from mmocr_wsss.evaluation import OutOfCandidateCounter, OutOfCandidateRate


def sample(predicted, candidates, truth=None, path='a.jpg'):
    item = dict(
        img_path=path,
        pred_sem_seg=dict(data=torch.tensor([predicted])),
        candidates=torch.tensor(candidates, dtype=torch.bool),
    )
    if truth is not None:
        item['gt_sem_seg'] = dict(data=torch.tensor([truth]))
    return item


def random_sample(number, masked=True):
    """Four classes; some images without any OC pixel, and equal shares."""
    rng = np.random.default_rng(number // 2)
    predicted, truth = rng.integers(0, 4, (2, 5, 6))
    truth[:2] = 255
    candidates = [True, *(rng.random(3) < 0.4)] if number % 3 else [True] * 4
    return sample(
        predicted.tolist(), candidates, truth.tolist() if masked else None, f'{number:03d}.jpg'
    )


def run(metric, samples, size, batch=1):
    for start in range(0, len(samples), batch):
        metric.process({}, samples[start : start + batch])
    return metric.evaluate(size)


def plain(metric):
    """What the metric holds, as JSON can."""
    counts = [np.asarray(field).tolist() for field in metric.counts]
    worst = [
        [image.path, image.share, image.label_map.tolist(), image.outside.tolist()]
        for image in metric.worst_images
    ]
    return dict(counts=counts, worst=worst)


def test_counts_by_hand():
    metric = OutOfCandidateCounter()
    first = sample([[0, 1], [2, 2]], [1, 1, 0], [[0, 0], [1, 255]], 'first.jpg')
    second = sample([[2, 2], [2, 0]], [1, 1, 0], path='second.jpg')
    third = sample([[1, 1]], [1, 1, 1], path='third.jpg')
    assert run(metric, [first, second, third], 3, batch=2) == {'oc_rate': 4 / 9}
    counts = metric.counts
    assert (counts.num_images, counts.num_masked, counts.num_touched) == (3, 1, 2)
    assert (counts.num_valid, counts.outside.tolist()) == (9, [0, 0, 4])
    assert counts.images_outside.tolist() == [0, 0, 2]
    assert counts.outside_by_tag[2].tolist() == [0, 4, 0]
    assert [image.path for image in metric.worst_images] == ['second.jpg', 'first.jpg']
    one = metric.worst_images[1]
    assert one.share == 1 / 3 and one.pixels.tolist() == [1, 1, 1]
    assert one.label_map.tolist() == [[0, 1], [2, 2]]
    assert one.outside.tolist() == [[False, False], [True, False]]  # the other is ignored


@pytest.mark.parametrize('masked', [True, False])
@pytest.mark.parametrize('batch', [1, 4])
def test_the_rate_is_that_of_the_other_metric(masked, batch):
    samples = [random_sample(number, masked) for number in range(11)]
    metric = OutOfCandidateCounter()
    expected = run(OutOfCandidateRate(), samples, 11)
    assert 0.1 < expected['oc_rate'] < 0.9
    assert run(metric, samples, 11, batch) == expected
    assert metric.counts.num_masked == 11 * masked


def test_only_the_worst_images_are_kept():
    samples = [random_sample(number) for number in range(40)]
    few, all_of_them = OutOfCandidateCounter(worst=5), OutOfCandidateCounter(worst=100)
    for one in samples:
        few.process({}, [one])
        assert few.results == [] and len(few._last[-1].images) <= 1
        assert few._total is None or len(few._total[-1].images) <= 5
    few.evaluate(40)
    run(all_of_them, samples, 40)
    shares = [image.share for image in all_of_them.worst_images]
    assert len(shares) == all_of_them.counts.num_touched < 40
    assert shares == sorted(shares, reverse=True) and min(shares) > 0
    assert plain(few)['worst'] == plain(all_of_them)['worst'][:5]
    none = OutOfCandidateCounter(worst=0)
    assert run(none, samples, 40) == run(OutOfCandidateRate(), samples, 40)
    assert none.worst_images == []


def test_a_second_evaluation_starts_anew():
    metric = OutOfCandidateCounter()
    run(metric, [random_sample(number) for number in range(4)], 4)
    run(metric, [random_sample(1)], 1)
    assert metric.counts.num_images == 1 and len(metric.worst_images) <= 1
    assert metric.evaluate(0) == {'oc_rate': 0} and metric.counts is None


def test_errors():
    metric = OutOfCandidateCounter()
    with pytest.raises(ValueError, match='a.jpg: no candidates .*ImageTagDataset'):
        metric.process({}, [dict(img_path='a.jpg')])
    with pytest.raises(ValueError, match='class id 3 is predicted, the tags stand for 3 classes'):
        metric.process({}, [sample([[3]], [1, 1, 0])])
    with pytest.raises(ValueError, match='worst must be >= 0, got -1'):
        OutOfCandidateCounter(worst=-1)


def _rank(rank, world, file, size):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{file}', rank=rank, world_size=world
    )
    metric = OutOfCandidateCounter(worst=3)
    indices = [(rank + world * step) % size for step in range(-(-size // world))]
    rate = run(metric, [random_sample(number) for number in indices], size)
    write_json(f'{file}.{rank}', rate | (plain(metric) if rank == 0 else {}))
    torch.distributed.destroy_process_group()


def test_two_processes_give_what_one_gives(tmp_path):
    size, file = 9, tmp_path / 'store'  # odd: one image comes twice
    multiprocessing.spawn(_rank, (2, str(file), size), nprocs=2)
    metric = OutOfCandidateCounter(worst=3)
    rate = run(metric, [random_sample(number) for number in range(size)], size)
    assert read_json(f'{file}.0') == rate | plain(metric)
    assert read_json(f'{file}.1') == rate
