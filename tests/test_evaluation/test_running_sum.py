# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Sums instead of lists: the host's numbers, on any number of processes, in constant memory."""

import numpy as np
import pytest
import torch
import torch.multiprocessing as multiprocessing
from mmengine.dist import get_rank, get_world_size
from mmseg.evaluation import IoUMetric

from mmocr_wsss.artifacts import read_json, write_json
from mmocr_wsss.evaluation import OutOfCandidateRate, RunningIoUMetric

CLASSES = ('background', 'cat', 'dog')
KINDS = (RunningIoUMetric, OutOfCandidateRate)


def sample(number):
    """A prediction, a true mask with ignored pixels, and candidates."""
    rng = np.random.default_rng(number)
    predicted, true = torch.from_numpy(rng.choice([0, 1, 2], (2, 1, 8, 9)))
    true[0, 0, :3] = 255
    return dict(
        pred_sem_seg=dict(data=predicted),
        gt_sem_seg=dict(data=true),
        candidates=torch.tensor([True, number % 2 == 0, number % 3 == 0]),
        img_path=f'{number}.jpg',
    )


def plain(metrics):
    """Plain numbers, which JSON keeps exactly; nan is written as text."""
    return {
        kind: {name: str(float(value)) for name, value in values.items()}
        for kind, values in metrics.items()
    }


def run(metric, indices, size, batch=1):
    metric.dataset_meta = dict(classes=CLASSES)
    for start in range(0, len(indices), batch):
        metric.process({}, [sample(number) for number in indices[start : start + batch]])
        assert not getattr(metric, '_total', None) or not metric.results
    return metric.evaluate(size)


@pytest.mark.parametrize('batch', [1, 3])
def test_the_numbers_are_those_of_the_host(batch):
    stock = run(IoUMetric(iou_metrics=['mIoU', 'mDice']), range(7), 7)
    ours = RunningIoUMetric(iou_metrics=['mIoU', 'mDice'])
    assert run(ours, range(7), 7, batch) == stock
    assert run(ours, range(7), 7, batch) == stock  # nothing is left over
    named = RunningIoUMetric(prefix='val')
    assert {name.split('/')[0] for name in run(named, range(3), 3)} == {'val'}


@pytest.mark.parametrize('dtype', [torch.int64, torch.int32])
@pytest.mark.parametrize('ignore', [255, 1, -1])
def test_the_counts_of_an_image_are_those_of_the_host(ignore, dtype):
    """Ids that no class has included."""
    rng = np.random.default_rng(0)
    predicted, true = torch.from_numpy(rng.choice([-1, 0, 1, 2, 3, 4, 255], (2, 40, 50))).to(dtype)
    ours = RunningIoUMetric.intersect_and_union(predicted, true, 4, ignore)
    stock = IoUMetric.intersect_and_union(predicted, true, 4, ignore)
    for mine, theirs in zip(ours, stock, strict=True):
        assert mine.tolist() == theirs.tolist() and mine.dtype == torch.int64
    assert ours[0].sum() > 0


def test_counts_beyond_float32_stay_exact():
    metric = RunningIoUMetric()
    for count in (2.0**25, 1.0, 1.0):
        metric.results.append((torch.tensor([count]),) * 4)
        metric.add_up()
    assert metric._total[0] + metric._last[0] == 2**25 + 2


def test_nothing_is_kept_per_image():
    metric = OutOfCandidateRate()
    for number in range(50):
        metric.process({}, [sample(number)])
        assert metric.results == []
    rows = [sample(number) for number in range(50)]
    outside = valid = 0
    for row in rows:
        known = row['gt_sem_seg']['data'][0] != 255
        outside += int((~row['candidates'][row['pred_sem_seg']['data'][0]] & known).sum())
        valid += int(known.sum())
    assert metric.evaluate(50) == {'oc_rate': outside / valid}


def test_a_writer_measures_nothing(tmp_path):
    metric = RunningIoUMetric(format_only=True, output_dir=str(tmp_path / 'out'))
    assert run(metric, range(2), 2) == {}
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['0.png', '1.png']


def _rank(rank, world, file, size, round_up):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{file}', rank=rank, world_size=world
    )
    assert (get_rank(), get_world_size()) == (rank, world)
    count = -(-size // world) if round_up else len(range(rank, size, world))
    indices = [(rank + world * step) % size for step in range(count)]
    found = {kind.__name__: run(kind(), indices, size) for kind in KINDS}
    write_json(f'{file}.{rank}', plain(found))
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(('size', 'round_up'), [(5, True), (5, False), (1, True), (1, False)])
def test_two_processes_give_what_one_gives(tmp_path, size, round_up):
    file = tmp_path / 'store'
    multiprocessing.spawn(_rank, (2, str(file), size, round_up), nprocs=2)
    for rank in range(2):
        expected = {kind.__name__: run(kind(), range(size), size) for kind in KINDS}
        assert read_json(f'{file}.{rank}') == plain(expected)
