# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""``tools/demo.py`` from nothing to the figure, with tiny settings."""

import json
import os

import pytest
from PIL import Image

SETTINGS = ('--iters', 4, '--num-train', 8, '--num-val', 4, '--rows', 2)


@pytest.fixture
def demo(run_tool, capfd):
    def run(out, *options):
        code = run_tool('demo', '--out', out, *options)
        return code, *capfd.readouterr()

    return run


def stamps(out):
    files = [*out.rglob('*.pth'), *(out / 'dataset').rglob('*.png')]
    return {path: path.stat().st_mtime_ns for path in files}


def test_demo_from_nothing_to_the_figure_and_again(demo, tmp_path, monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '1')  # also so that the tool leaves it as it was
    out = tmp_path / 'out'
    code, text, errors = demo(out, *SETTINGS)
    assert code == 0, errors
    # Progress: four headings, lines with the time left, the table, both paths.
    assert all(f'[{k}/4]' in text for k in range(1, 5))
    assert text.count('eta:') >= 2
    assert 'scenes [12/12]  eta: 0:00:00' in text and 'baseline, val [4/4]' in text
    assert f'{out / "results.json"}' in text and f'{out / "figure.png"}' in text
    results = json.loads((out / 'results.json').read_text())
    for run in ('baseline', 'oc'):
        assert set(results[run]) == {'val_miou', 'val_oc_rate', 'train_oc_rate'}
        assert f'{results[run]["val_miou"]:.2f} %' in text
    width, height = Image.open(out / 'figure.png').size
    assert width > 1000 and height > 300
    # The two runs saw the same data in the same order: the first losses are equal.
    losses = [(out / run / 'console.log').read_text() for run in ('baseline', 'oc')]
    first = [log.split('decode.loss_ce: ')[1].split()[0] for log in losses]
    assert first[0] == first[1]

    before = stamps(out)
    (out / 'figure.png').unlink()
    code, text, _ = demo(out, *SETTINGS)
    assert code == 0 and text.count('reused: ') == 3 and 'Iter(train)' not in text
    assert stamps(out) == before and (out / 'figure.png').exists()
    assert json.loads((out / 'results.json').read_text()) == results


def test_another_setting_needs_overwrite(demo, tmp_path, monkeypatch):
    from mmocr_wsss.demo import stages

    for stage in ('_train', '_evaluate', 'draw'):
        monkeypatch.setattr(stages, stage, lambda *args: dict.fromkeys(KEYS, 0.5))
    out = tmp_path / 'out'
    assert demo(out, *SETTINGS)[0] == 0
    (out / 'mine.txt').write_text('kept')
    code, _, errors = demo(out, *SETTINGS, '--seed', 1)
    assert code == 1 and "'seed': (0, 1)" in errors and '--overwrite' in errors
    first = (out / 'dataset' / 'JPEGImages' / 'val_0000.jpg').read_bytes()
    assert demo(out, *SETTINGS, '--seed', 1, '--overwrite')[0] == 0
    assert (out / 'dataset' / 'JPEGImages' / 'val_0000.jpg').read_bytes() != first
    assert (out / 'mine.txt').read_text() == 'kept'


KEYS = ('val_miou', 'val_oc_rate', 'train_oc_rate')


def test_a_folder_of_something_else_is_left_alone(demo, tmp_path):
    (tmp_path / 'photo.jpg').write_bytes(b'x')
    code, _, errors = demo(tmp_path, '--overwrite')
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
    from mmocr_wsss.demo.report import table

    rows = {run: dict(val_miou=61.237, val_oc_rate=0.0213, train_oc_rate=0.5) for run in RUNS}
    (line,) = [row for row in table(rows).splitlines() if row.startswith('baseline  ')]
    assert line.split() == ['baseline', '61.24', '%', '2.13', '%', '50.00', '%']


RUNS = ('baseline', 'oc')
