# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""``tools/demo.py`` from nothing to the figure, with tiny settings."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

SCENES = ('--num-train', 8, '--num-val', 4)
SHORT = (
    '--cfg-options',
    *(f'{stage}.train_cfg.max_iters=4' for stage in ('cam', 'affinity', 'baseline', 'oc')),
    *(f'{stage}.train_cfg.val_interval=4' for stage in ('cam', 'baseline', 'oc')),
    *(f'{stage}.default_hooks.logger.interval=1' for stage in ('baseline', 'oc')),
)


@pytest.fixture
def demo(run_tool, commands_of_pipeline, monkeypatch, capfd):
    """Run the demo, its commands in this process; gives code, output, errors, commands."""
    commands = commands_of_pipeline
    monkeypatch.setenv('OMP_NUM_THREADS', '1')  # also so that the tool leaves it as it was

    def run(out, *options):
        commands.clear()
        code = run_tool('demo', '--out', out, *options)
        return code, *capfd.readouterr(), list(commands)

    return run


def test_demo_from_nothing_to_the_figure_and_again(demo, tmp_path):
    out = tmp_path / 'out'
    code, text, errors, commands = demo(out, *SCENES, *SHORT)
    assert code == 0, errors
    assert 'scenes [12/12]  eta: 0:00:00' in text
    assert [f'[{number}/11]' in text for number in range(3, 12)] == [True] * 9
    assert f'{out / "report.md"}' in text and f'{out / "report.png"}' in text
    results = json.loads((out / 'report.json').read_text())
    for name in ('cams', 'pseudo_masks', 'baseline_val', 'oc_val'):
        assert f'{results[name]["miou"]:.2f} %' in text
    width, height = Image.open(out / 'report.png').size
    assert width > 1000 and height > 300
    # The two runs saw the same data in the same order: the first losses are equal.
    first = []
    for run in ('baseline', 'oc'):
        (log,) = (out / run).glob('*/vis_data/scalars.json')
        first.append(json.loads(log.read_text().splitlines()[0])['decode.loss_ce'])
    assert first[0] == first[1]

    code, text, _, commands = demo(out, *SCENES, *SHORT)
    assert code == 0 and commands == [] and text.count('not changed, skipped') == 9
    assert json.loads((out / 'report.json').read_text()) == results


def test_another_setting_needs_overwrite(demo, tmp_path, monkeypatch):
    from mmocr_wsss.demo import stages

    monkeypatch.setattr(stages, 'run_pipeline', lambda *args, **options: None)
    monkeypatch.setattr(stages, 'read_json', reading(stages.read_json))
    out = tmp_path / 'out'
    assert demo(out, *SCENES)[0] == 0
    (out / 'mine.txt').write_text('kept')
    code, _, errors, _ = demo(out, *SCENES, '--seed', 1)
    assert code == 1 and "'seed': 0" in errors and '--overwrite' in errors
    first = (out / 'dataset' / 'JPEGImages' / 'val_0000.jpg').read_bytes()
    assert demo(out, *SCENES, '--seed', 1, '--overwrite')[0] == 0
    assert (out / 'dataset' / 'JPEGImages' / 'val_0000.jpg').read_bytes() != first
    assert (out / 'mine.txt').read_text() == 'kept'


def reading(read_json):
    return lambda path: {} if path.name == 'report.json' else read_json(path)


def test_real_data_take_the_lite0_pipeline(demo, tmp_path, voc_root, monkeypatch):
    from mmocr_wsss.demo import stages

    asked = []
    monkeypatch.setattr(stages, 'run_pipeline', lambda args, resume: asked.append(args))
    monkeypatch.setattr(stages, 'read_json', reading(stages.read_json))
    assert demo(tmp_path / 'out', '--data-root', voc_root, '--seed', 3)[0] == 0
    (args,) = asked
    assert Path(args.config).stem == 'effnet-lite0_voc-animals'
    assert args.data_root == str(voc_root)
    assert 'baseline.randomness.seed=3' in args.cfg_options
    assert not (tmp_path / 'out' / 'dataset').exists()


def test_a_folder_of_something_else_is_left_alone(demo, tmp_path):
    (tmp_path / 'photo.jpg').write_bytes(b'x')
    code, _, errors, _ = demo(tmp_path, '--overwrite')
    assert code == 1 and 'not empty and not from a demo' in errors
    assert os.listdir(tmp_path) == ['photo.jpg']


def test_progress_prints_the_time_left(capsys, monkeypatch):
    from mmocr_wsss.demo import progress

    now = iter([0.0, 20.0, 40.0, 60.0, 80.0, 100.0])
    monkeypatch.setattr(progress.time, 'time', lambda: next(now))
    counter = progress.Progress('scenes', 10)
    for _ in range(10):
        counter.step()
    lines = capsys.readouterr().out.splitlines()
    # Every second step takes 20 s, so 2 of 10 done leave 4 x 20 s.
    assert lines[0] == 'scenes [2/10]  eta: 0:01:20'
    assert len(lines) == 5 and lines[-1] == 'scenes [10/10]  eta: 0:00:00'


def test_table_shows_percent():
    from mmocr_wsss.demo.stages import table

    row = dict(miou=61.237, miou_supported=None, oc_rate=2.13)
    (line,) = [r for r in table({'baseline_val': row}).splitlines() if r.startswith('baseline')]
    assert line.split() == ['baseline,', 'val', '61.24', '%', '-', '2.13', '%']
