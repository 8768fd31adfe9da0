# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The model of benchmarks/scale.py by hand-computed numbers, and its page."""

import sys
from dataclasses import replace

import pytest
from doc_pages import DOCS, ROOT

sys.path.append(str(ROOT / 'benchmarks'))  # as for a script that lies there

from scale import number, stage_numbers, stage_table, sum_table
from scale_check import QUICK, calibrated, plan, predicted, written
from scale_model import (
    Assumed,
    Photos,
    Pool,
    Stage,
    Training,
    all_reduce,
    crf_seconds,
    loaders,
    serial_share,
)
from scale_stages import PIPELINES, Plan, crop_size, optimizer_slots

#: Round numbers, and nothing to wait for.
PLAIN = Assumed(
    tflops=1, gpus_per_node=4, cores=8, workers=2, link=1, network=0.1, disk=1e9, start=0,
    list_file=0, load=0, crf_photo=1, crf_label=0.1, pack=1, score=0,
)  # fmt: skip
#: 10 images of 100 GFLOP, no parameters: 3 s a step on one GPU of 1 TFLOP/s.
TRAINING = Training(iterations=100, batch=10, gflop=100, trained=0, crop=0.2)


def test_ring_of_gpus_sends_nearly_twice_the_bytes():
    assert all_reduce(1e9, 1, PLAIN) == 0
    assert all_reduce(1e9, 2, PLAIN) == pytest.approx(1.0)  # 2 * 1/2 * 1 GB at 1 GB/s
    assert all_reduce(1e9, 4, PLAIN) == pytest.approx(1.5)
    assert all_reduce(1e9, 8, PLAIN) == pytest.approx(17.5)  # over the network of 0.1 GB/s


def test_loaders_share_the_cores_of_a_node():
    assert loaders(1, PLAIN) == 2
    assert loaders(4, replace(PLAIN, cores=6)) == 1.5
    assert loaders(64, replace(PLAIN, cores=6)) == 1.5


def test_dense_crf_has_a_part_per_photo_and_one_per_label_and_step():
    assert crf_seconds(0.5, 21, 10, PLAIN) == pytest.approx(0.5 * (1 + 0.1 * 210))


def test_share_that_is_not_shortened():
    # Amdahl: 0.2 stay, 0.8 are shared out over 8.
    assert serial_share(1.0, 0.2 + 0.8 / 8, 8) == pytest.approx(0.2)
    assert serial_share(1.0, 1.0, 8) == 1 and serial_share(1.0, 0.125, 8) == 0


def test_training_takes_three_forward_passes():
    assert TRAINING.work(1, PLAIN) == (pytest.approx(300), 1, '')
    assert TRAINING.work(1, replace(PLAIN, start=7, list_file=0.01)).seconds == 307
    listed = replace(TRAINING, listed=200)
    assert listed.work(1, replace(PLAIN, list_file=0.01)).seconds == pytest.approx(302)


@pytest.mark.parametrize(('gpus', 'used'), [(2, 2), (4, 2), (8, 5), (64, 10)])
def test_training_cannot_use_more_gpus_than_images_per_update(gpus, used):
    found = TRAINING.work(gpus, PLAIN)
    assert found.seconds == pytest.approx(300 / used) and found.used == used
    assert found.limit == ('' if used == gpus else '10 images per update')


def test_training_takes_fewer_gpus_where_gradients_cost_more_than_they_save():
    # 0.1 GB: 0.1 s on 2 GPUs (1.6 s a step in all), 2 * 4/5 s on 5 through the network (2.2 s).
    heavy = replace(TRAINING, trained=25_000_000)
    found = heavy.work(64, replace(PLAIN, network=0.1))
    assert found == (pytest.approx(100 * 1.6), 2, 'all-reduce')
    assert heavy.work(64, replace(PLAIN, network=10)).used == 10


def test_training_waits_for_loading_or_disk():
    slow = TRAINING.work(1, replace(PLAIN, load=10))  # 10 crops of 0.2 * 10 s by two processes
    assert slow == (pytest.approx(1000), 1, 'loading')
    read = replace(TRAINING, sample_bytes=5e8)
    assert read.work(1, replace(PLAIN, disk=1)) == (pytest.approx(500), 1, 'disk')


def test_validations_run_on_the_gpus_of_the_training():
    # 50 photos of 1 s, four times: 200 s on one GPU, 40 s on five.
    scored = replace(TRAINING, validation=Photos(50, 1000, 0.2, repeats=4, starts=0))
    assert scored.work(1, PLAIN) == (pytest.approx(500), 1, '')
    assert scored.work(8, PLAIN) == (pytest.approx(100), 5, '10 images per update')
    often = replace(scored, validation=replace(scored.validation, repeats=8))
    assert often.work(1, PLAIN).limit == 'validation'


def test_photos_are_shared_out_and_the_cpu_keeps_its_gpu_waiting():
    photos = Photos(10, 1000, 0.2, host=2.0)
    assert photos.work(1, PLAIN) == (pytest.approx(30), 1, 'CPU of the process')
    assert photos.work(4, PLAIN).seconds == pytest.approx(9)  # three photos on the fullest GPU
    assert photos.work(64, PLAIN).used == 10
    both = replace(photos, repeats=2, starts=2)
    assert both.work(1, replace(PLAIN, start=5)).seconds == pytest.approx(70)
    assert photos.work(1, replace(PLAIN, load=100)).limit == 'loading'  # 0.2 * 100 / 2 s


def test_pool_does_not_care_about_gpus():
    for gpus in (1, 64):
        assert Pool(100, 2.0).work(gpus, PLAIN) == (pytest.approx(25), 0, 'cores of one node')
    assert Pool(100, 2.0, processes=1).work(1, PLAIN).seconds == 200


def test_stage_adds_its_parts_and_writes_to_the_disk():
    stage = Stage('both', (TRAINING, Pool(100, 2.0)), 3, 5e12, memory=(1e9, 1e8))
    assert stage.work(2, PLAIN) == (pytest.approx(175), 2, '')
    assert stage.work(2, replace(PLAIN, disk=1)).seconds == pytest.approx(5000)
    assert stage.gpu_memory(1, PLAIN) == 2e9 and stage.gpu_memory(2, PLAIN) == 1.5e9


def test_tables_have_a_row_per_stage_and_a_column_per_pipeline():
    stages = [
        Stage('train', (TRAINING,), 3, 2e9, (2**30, 0)),
        Stage('p', (Pool(8, 9),), 1, 0),
    ]
    slow = replace(PLAIN, tflops=1 / 36)  # 3 h on one GPU
    rows = [stage_numbers(stage, (1, 8), slow) for stage in stages]
    assert rows[0]['hours'] == pytest.approx([3, 0.6]) and rows[0]['memory_gib'] == [1, 1]
    assert stage_table(rows, (1, 8))[2:] == [
        '| train | 3.0 | 0.60 (on 5) | 9% | 10 images per update | 2.0 | 3 | 1.0 / 1.0 |',
        '| p | < 0.01 | < 0.01 | 100% | cores of one node | < 0.01 | 1 |  |',
    ]
    assert sum_table({'mine': rows, 'yours': rows}, (1, 8))[2:] == [
        '| train, 1 GPU | 3.0 | 3.0 |', '| p, 1 GPU | < 0.01 | < 0.01 |',
        '| **all, 1 GPU** | 3.0 | 3.0 |', '| **all, 8 GPUs** | 0.60 | 0.60 |',
        '| GB | 2.0 | 2.0 |', '| files | 4 | 4 |',
    ]  # fmt: skip
    assert [number(value) for value in (0.0049, 0.5, 9.94, 9.96, 1234.5)] == [
        '< 0.01', '0.50', '9.9', '10', '1,234',
    ]  # fmt: skip


def test_crops_and_optimizers_are_read_from_configs():
    crop = dict(type='CenterCrop', crop_size=224)
    assert crop_size([dict(type='ResizeEdge', scale=256), crop, dict(type='Pack')]) == (224, 224)
    assert crop_size([dict(type='RandomResizedCrop', scale=96)]) == (96, 96)
    assert crop_size([crop, dict(type='RandomCrop', crop_size=(80, 96))]) == (80, 96)
    with pytest.raises(ValueError, match='no crop in'):
        crop_size([dict(type='Pack')])
    assert optimizer_slots(dict(type='AdamW')) == 2
    assert [optimizer_slots(dict(type='SGD', momentum=m)) for m in (0, 1e-5, 0.9)] == [0, 1, 1]


def test_work_is_that_of_the_configs():
    stages = {stage.name: stage for stage in Plan('seam_voc', Assumed()).stages()}
    training = stages['baseline'].parts[0]
    assert (training.iterations, training.batch) == (20000, 10)
    # 0.2007 megapixels; ResNet-38's 124 M weights and LargeFOV.
    assert training.crop == pytest.approx(0.448**2)
    assert training.gflop == pytest.approx(918, abs=1) and training.trained == 124_170_453
    assert training.validation.repeats == 10 and training.validation.photos == 1449
    assert stages['affinity'].parts[0].validation is None
    (cams,) = stages['cams'].parts
    # Scales 0.5, 1, 1.5, 2 with flips are 15 times the pixels, of about 758 GFLOP.
    assert cams.loaded == pytest.approx(7.5 * 0.1875)
    assert cams.gflop == pytest.approx(15 * 758, rel=0.02)
    # Float16 maps of 1.5 tags at full size, 1.5 bytes a value.
    assert stages['cams'].size == pytest.approx(10582 * 1.5 * 187_500 * 1.5)
    assert stages['cams'].files == 10583
    # Two checkpoints of weights, statistics and momentum: 4 * (124.2 + 124.2) MB each.
    assert stages['baseline'].size == pytest.approx(2 * 993.6e6, rel=0.01)
    assert set(PIPELINES) >= {'seam_voc', 'mctformer_coco'}


def test_predictions_share_the_cores():
    stages = plan(QUICK, PLAIN)
    cam, labels = stages.trained('cam'), stages.affinity_labels()
    cam = cam._replace(parts=(replace(cam.parts[0], trained=0, iterations=11),))
    # 5 s to start and 1 s a step.
    here = calibrated(cam, 6.0, 16.0, 11, PLAIN)
    assert here.start == 5 and predicted(cam, here, 1, 2, 1.0) == pytest.approx(16)
    assert predicted(cam, here, 2, 2, 1.0) == pytest.approx(5 + 5.5)
    assert predicted(cam, here, 4, 2, 1.0) == pytest.approx(10 + 5.5)  # four on two cores
    here = calibrated(labels, 6.0, 9.0, 4, PLAIN)
    assert predicted(labels, here, 4, 2, 1.0) == pytest.approx(5 + 4 / 2)


def test_files_are_counted(tmp_path):
    (tmp_path / 'deep').mkdir()
    (tmp_path / 'deep' / 'a').write_bytes(b'abc')
    (tmp_path / 'b').write_bytes(b'de')
    assert written(tmp_path) == (2, 5)


def test_page_has_the_tables_that_its_command_prints(run_process):
    page = (DOCS / 'scale.md').read_text(encoding='utf-8')
    done = run_process(sys.executable, ROOT / 'benchmarks' / 'scale.py', timeout=600)
    assert done.returncode == 0, done.stderr
    printed = [line for line in done.stdout.splitlines() if line.startswith('| ')]
    assert len(printed) == 6 * 10 + 15 + 21
    shown = [line for line in page.split('## Checked')[0].splitlines() if line.startswith('| ')]
    assert len(shown) == 2 * 10 + 15 + 21 and not [line for line in shown if line not in printed]
