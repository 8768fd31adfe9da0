# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAMs of a run that is killed again and again are the bytes of an undisturbed one.

    pytest -m slow tests/kill/test_kill_cams.py

SIGKILL goes to all processes of a run, data workers included, at moments drawn from
a seed: while the program starts, between two files, and while a file is written (its
temporary file is there). Takes a few minutes.
"""

import json
import random
import time

import pytest
import torch
from exact_resume import write_config
from killing import ToolRun
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.registry import MODELS
from PIL import Image

pytestmark = pytest.mark.slow

NUM_IMAGES = 240
#: (W, H) of the photos: compressing a file takes some milliseconds, time to be killed in.
SIZE = (256, 192)
CONFIG = """
_base_ = 'recipe.py'
test_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        pipeline=[
            dict(type='mmocr_wsss.LoadPhoto'),
            dict(type='mmocr_wsss.PackScaledViews', scales=(1.0, 0.5)),
        ],
        type='mmocr_wsss.TaggedImageDataset',
        classes='voc',
        tags='image_tags.json',
        data_root='set by --data-root',
        data_prefix=dict(img_path='JPEGImages'),
        ann_file='ids.txt',
    ),
)
test_evaluator = dict(type='mmocr_wsss.CAMDumper')
test_cfg = dict(type='mmocr_wsss.CAMLoop', normalisation='max', background_threshold=0.2)
"""


def write_photos(voc_root, root):
    """Write many enlarged copies of the training photos, in folders, with their tags."""
    known = json.loads((voc_root / 'image_tags.json').read_text())
    sources = sorted((voc_root / 'JPEGImages').iterdir())
    tags = {}
    for number in range(NUM_IMAGES):
        source = sources[number % len(sources)]
        image_id = f'part{number % 3}/{number:06d}'
        tags[image_id] = known[source.stem]
        path = root / 'JPEGImages' / f'{image_id}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        # Shifted, so that no two photos agree.
        photo = Image.open(source).resize(SIZE).rotate(0, translate=(number, 0))
        photo.save(path)
    (root / 'ids.txt').write_text(''.join(f'{image_id}\n' for image_id in tags))
    (root / 'image_tags.json').write_text(json.dumps(tags))


def write_weights(config, path):
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model)
    torch.nn.init.normal_(model.head.classifier.weight)
    torch.save(dict(state_dict=model.state_dict()), path)


@pytest.fixture
def start(repo_root, voc_root, tmp_path):
    """Start making CAMs in ``tmp_path/NAME``; whatever runs at the end of the test is killed."""
    write_config(tmp_path)
    config, weights = tmp_path / 'cams.py', tmp_path / 'weights.pth'
    config.write_text(CONFIG)
    write_photos(voc_root, tmp_path / 'data')
    write_weights(config, weights)
    started = []

    def run(name, workers=0, processes=1):
        where = ['--data-root', tmp_path / 'data', '--work-dir', tmp_path / 'work']
        where += ['--out', tmp_path / name, '--device', 'cpu']
        options = ['--cfg-options', f'test_dataloader.num_workers={workers}']
        arguments = [config, weights, *where, *options]
        started.append(ToolRun(repo_root, 'test', tmp_path / f'{name}.log', arguments, processes))
        return started[-1]

    yield run
    for making in started:
        making.kill()


def files_of(folder):
    """(finished, temporary) files below a folder that a run may be writing to."""
    finished, temporary = set(), set()
    for path in folder.rglob('*.*'):
        (temporary if path.name.startswith('.') else finished).add(path)
    return finished, temporary


def await_moment(kind, rng, making, folder, seconds_to_start):
    """Return at the moment to kill, or when the run has ended by itself."""
    there = len(files_of(folder)[0])

    def new_files(count):
        return lambda: len(files_of(folder)[0]) >= there + count

    if kind == 'start':
        making.wait_for(new_files(8), seconds=rng.uniform(0, seconds_to_start))
        return
    making.wait_for(new_files(rng.randint(1, 12)))
    if kind == 'between':
        time.sleep(rng.uniform(0, 0.03))
    else:
        making.wait_for(lambda: files_of(folder)[1])
        time.sleep(rng.choice([0, 0, 0.001, 0.003]))


def make_whole(start, folder):
    """Make the CAMs without disturbance; returns the seconds until the first file was there."""
    begin = time.monotonic()
    making = start(folder.name)
    making.wait_for(lambda: len(files_of(folder)[0]) > 1)
    seconds = time.monotonic() - begin
    assert making.wait() == [0]
    print(f'\nundisturbed: first file after {seconds:.1f} s, all {time.monotonic() - begin:.1f} s')
    return seconds


def contents(folder):
    finished, temporary = files_of(folder)
    assert temporary == set()
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in finished}


@pytest.mark.parametrize(
    ('workers', 'processes', 'kills', 'seed'),
    [
        pytest.param(0, 1, 12, 0, id='no-workers'),
        pytest.param(2, 1, 12, 1, id='two-workers'),
        pytest.param(1, 2, 5, 2, id='two-processes'),
    ],
)
def test_killed_cams_are_byte_identical(start, tmp_path, workers, processes, kills, seed):
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    seconds = make_whole(start, whole)
    rng = random.Random(seed)
    kinds = ['start', 'writing', 'between', 'writing', 'between']
    half_written = 0
    for number in range(kills):
        making = start('killed', workers, processes)
        kind = kinds[number % len(kinds)]
        known = files_of(killed)[1]
        await_moment(kind, rng, making, killed, seconds)
        assert making.is_running(), f'run {number} ended before it could be killed'
        making.kill()
        finished, temporary = files_of(killed)
        half_written += bool(temporary - known)
        print(f'kill {number} ({kind}): {len(finished)} files, {len(temporary)} temporary')
    assert start('killed', workers, processes).wait() == [0] * processes
    assert half_written > 0, 'no run was killed while it wrote'
    print(f'{kills} kills, {half_written} of them left a half-written file')
    expected = contents(whole)
    assert len(expected) == NUM_IMAGES + 1
    assert contents(killed) == expected
