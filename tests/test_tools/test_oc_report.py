# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A page on what a checkpoint predicts against the tags, and the curves of its training."""

import base64
import json
import re
import shutil
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from coco_files import write_coco_root
from conftest import ROOT, SEAM, SMALL
from PIL import Image

from mmocr_wsss.converters.coco14 import convert_coco14
from mmocr_wsss.evaluation.out_of_candidate_counter import WorstImage
from mmocr_wsss.functional.out_of_candidate_counts import count_image
from mmocr_wsss.stages.oc_report_page import OutOfCandidateReport, report_page
from mmocr_wsss.stages.training_curves import read_curve, read_curves

BASELINE = SEAM.replace('/ocr/', '/segmentation/')
MAGENTA = (255, 0, 200)


@pytest.fixture
def report(run_tool, voc_root, checkpoint, tmp_path):
    """Run the tool; gives the exit code."""

    def run(*more, config=SEAM, weights=checkpoint, root=voc_root, options=(), out='page.html'):
        return run_tool(
            'analysis/oc_report', config, weights, '--data-root', root, '--work-dir',
            tmp_path / 'work', *(['--out', tmp_path / out] if out else []), *more,
            '--cfg-options', *SMALL, *options,
        )  # fmt: skip

    return run


@pytest.fixture
def copied_root(voc_root, tmp_path):
    return Path(shutil.copytree(voc_root, tmp_path / 'data'))


def text_of(page):
    """Words of the page, white space as one blank."""
    found = []
    parser = HTMLParser()
    parser.handle_data = found.append
    parser.feed(page.split('</head>')[1])
    return ' '.join(' '.join(found).split())


def pictures(page):
    found = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]*)">', page)
    return {alt: Image.open(BytesIO(base64.b64decode(data))) for alt, data in found}


def rate_of(text):
    rate, outside, total = re.search(
        r'([\d.]+) % OC rate: ([\d,]+) of ([\d,]+) pixels', text
    ).groups()
    outside, total = (int(number.replace(',', '')) for number in (outside, total))
    assert float(rate) == round(100 * outside / total, 2)
    return outside, total


def write_log(folder, name, *lines):
    path = folder / name / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(json.dumps(line) for line in lines))
    return path


def train_line(step, rate):
    return dict(loss=1.0, step=step, iter=step, oc_rate=rate)


def test_the_page(report, run_tool, voc_root, checkpoint, tmp_path, capsys):
    assert report() == 0
    assert 'page.html: OC rate ' in capsys.readouterr().out.splitlines()[-1]
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    text = text_of(page)
    outside, total = rate_of(text)
    options = ['--data-root', voc_root, '--work-dir', tmp_path / 'test', '--cfg-options', *SMALL]
    assert run_tool('test', SEAM, checkpoint, *options) == 0
    (metrics,) = (tmp_path / 'test').glob('*/*.json')
    # As the stock tool measures it, which rounds in its log.
    assert json.loads(metrics.read_text())['oc_rate'] == pytest.approx(outside / total, abs=1e-6)
    assert 0.1 < outside / total < 1
    for fact in (SEAM, str(checkpoint), str(voc_root), 'val, 4 images', 'used, and only to leave'):
        assert fact in text
    # Nothing from elsewhere, and nothing that runs.
    assert not re.search(r'<script|<link|https?:|url\(|@import', page)
    shown = pictures(page)
    assert len(shown) == 1 + 4 and 'No logs were read' in text
    for number in range(4):
        (alt,) = (alt for alt in shown if f'2007_{9 + number:06d}.jpg' in alt)
        picture = np.array(shown[alt].convert('RGB'))
        assert (picture == MAGENTA).all(-1).sum() > 1000
    tags = json.loads((voc_root / 'image_tags.json').read_text())['2007_000009']
    caption = text[text.index('2007_000009.jpg') :][:200]
    assert all(re.search(rf'tags: .*{name} .*predicted, although', caption) for name in tags)
    assert 'model.loss_oc.loss_weight=2' in text and f'train.py {SEAM} --data-root' in text


def test_tags_are_enough(report, copied_root, tmp_path):
    """Neither split reads masks that are not there; twice gives the same bytes."""
    for folder in ('SegmentationClassAug', 'pseudo_masks'):
        shutil.rmtree(copied_root / folder)
    assert report('--split', 'train', root=copied_root) == 0
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    text = text_of(page)
    assert rate_of(text)[1] == 8 * 48 * 64
    assert 'train, 8 images' in text and 'not used: every pixel counts' in text
    assert 'the model has seen them' in text
    assert report('--split', 'train', root=copied_root, out='again.html') == 0
    assert (tmp_path / 'again.html').read_text(encoding='utf-8') == page
    assert report('--number', '1', root=copied_root) == 0
    without = text_of((tmp_path / 'page.html').read_text(encoding='utf-8'))
    assert rate_of(without)[1] == 4 * 48 * 64
    assert len(pictures((tmp_path / 'page.html').read_text(encoding='utf-8'))) == 2


def test_a_baseline_and_the_curves_beside_its_checkpoint(report, checkpoint, tmp_path):
    weights = tmp_path / 'run' / 'iter_2.pth'
    write_log(tmp_path / 'run', '20260101_000000', train_line(1, 0.5), dict(oc_rate=0.25, step=2))
    shutil.copy(checkpoint, weights)
    assert report('--tags-only', config=BASELINE, weights=weights, out=None) == 0
    page = (tmp_path / 'work' / 'oc_report.html').read_text(encoding='utf-8')
    assert 'curves of the OC rate over iterations' in pictures(page)
    text = text_of(page)
    assert 'trains without the out-of-candidate loss' in text
    assert 'not used: every pixel counts' in text  # though there are masks


def test_a_resumed_training_is_one_curve(tmp_path):
    write_log(
        tmp_path, '20260101_000000',
        train_line(2, 0.9), train_line(4, 0.8), dict(oc_rate=0.7, mIoU=1.0, step=4),
        train_line(6, 0.6), train_line(8, 0.5), dict(oc_rate=0.4, step=8),
    )  # fmt: skip
    # Killed at 8, went on after 4; its own last line is cut off.
    later = write_log(
        tmp_path, '20260102_000000',
        train_line(6, 0.3), dict(loss=1.0, step=7), train_line(8, float('nan')),
        train_line(10, 0.2), dict(oc_rate=0.1, step=10),
    )  # fmt: skip
    later.write_text(later.read_text() + '\n{"loss": 1.0, "oc_r')
    write_log(tmp_path, '20260103_000000')  # a test run
    train, val = read_curve(tmp_path)
    assert train == [(2, 0.9), (4, 0.8), (6, 0.3), (10, 0.2)]
    assert val == [(4, 0.7), (10, 0.1)]


def test_validations_of_epochs_stand_at_their_iteration(tmp_path):
    write_log(
        tmp_path, '20260101_000000', train_line(50, 0.9), dict(oc_rate=0.5, step=1),
        train_line(100, 0.8), dict(oc_rate=0.4, step=2),
    )  # fmt: skip
    assert read_curve(tmp_path)[1] == [(50, 0.5), (100, 0.4)]


def test_curves_are_named_by_their_folders(tmp_path):
    for folder in ('a/oc', 'b/oc', 'baseline'):
        write_log(tmp_path / folder, '20260101_000000', dict(oc_rate=0.5, step=1))
    found = read_curves([tmp_path / 'a/oc', tmp_path / 'baseline', tmp_path / 'a/oc'])
    assert [curve.label for curve in found] == ['oc', 'baseline']
    found = read_curves([tmp_path / 'a/oc', tmp_path / 'b/oc'])
    assert [curve.label for curve in found] == [str(tmp_path / 'a/oc'), str(tmp_path / 'b/oc')]


def test_logs_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="--logs: there is no folder '.*gone'"):
        read_curves([tmp_path / 'gone'])
    write_log(tmp_path / 'cam', '20260101_000000', dict(loss=1.0, step=1))
    for folder in ('cam', '.'):
        with pytest.raises(ValueError, match='--logs .*: no oc_rate in .*OutOfCandidateRate'):
            read_curves([tmp_path / folder])
    path = write_log(tmp_path / 'bad', '20260101_000000', dict(oc_rate=0.5, step=1))
    path.write_text('{"oc_rate":\n' + path.read_text())
    with pytest.raises(ValueError, match='scalars.json, line 1: not JSON'):
        read_curves([tmp_path / 'bad'])


@pytest.fixture
def no_test(monkeypatch):
    def test(self):
        raise AssertionError('the test began')

    monkeypatch.setattr('mmengine.runner.Runner.test', test)


def test_errors_come_before_the_test(report, no_test, checkpoint, tmp_path, capsys):
    def error(*args, **kwargs):
        assert report(*args, **kwargs) == 1
        assert not (tmp_path / 'page.html').exists()
        return capsys.readouterr().err

    assert "there is no config 'none.py'" in error(config='none.py')
    assert "checkpoint: there is no checkpoint 'none.pth'" in error(weights='none.pth')
    assert "--logs: there is no folder 'gone'" in error('--logs', 'gone')
    (tmp_path / 'empty').mkdir()
    assert 'empty: no oc_rate in' in error('--logs', tmp_path / 'empty')
    assert '--out' in (said := error(out='empty')) and 'empty/oc_report.html' in said
    assert 'page.png: give the HTML file' in error(out='page.png')
    bare = ['val_dataloader.dataset.tags=none.json']
    assert 'none.json' in error(options=bare)
    cam = ROOT / 'configs' / 'cam' / 'effnet-lite0_voc-animals.py'
    assert "must be mmseg, got 'mmpretrain'" in error(config=cam)
    stock = tmp_path / 'stock.py'
    stock.write_text(
        f'_base_ = {BASELINE!r}\n'
        'inner = {{_base_.val_dataloader.dataset.dataset}}\n'
        "sampler = dict(type='DefaultSampler', shuffle=False)\n"
        'val_dataloader = dict(_delete_=True, batch_size=1, sampler=sampler, dataset=inner)\n'
    )
    assert 'PascalVOCDataset' in (said := error(config=stock)) and 'no tags' in said
    fewer = ['model.decode_head.num_classes=5']
    assert 'has 21 classes' in (said := error(options=fewer)) and 'has 5. All must' in said
    weights = torch.load(checkpoint, weights_only=True)
    head = weights['state_dict']
    head['decode_head.conv_seg.weight'] = head['decode_head.conv_seg.weight'][:7]
    torch.save(weights, tmp_path / 'seven.pth')
    said = error(weights=tmp_path / 'seven.pth')
    assert 'does not fit' in said and 'tensor of another shape' in said and 'conv_seg' in said


def test_a_checkpoint_cannot_run_code(report, no_test, tmp_path, capsys):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / 'touched',)

    torch.save(dict(state_dict={}, evil=Evil()), tmp_path / 'evil.pth')
    assert report(weights=tmp_path / 'evil.pth') == 1
    assert 'is refused' in capsys.readouterr().err and not (tmp_path / 'touched').exists()


def test_a_dataset_file_is_followed(report, no_test, tmp_path, capsys):
    """Its 80 classes reach model and tags, so that the checkpoint of 20 does not fit."""
    root = write_coco_root(tmp_path / 'coco', images=3)
    convert_coco14(root, root)
    assert report(root=root) == 1
    said = capsys.readouterr().err
    assert 'tensor of another shape' in said and '[81, ' in said


def test_option_values(report, capsys):
    for option, value, text in (
        ('--number', '-1', 'must be at least 0, got -1'),
        ('--split', 'dev', "invalid choice: 'dev'"),
    ):
        with pytest.raises(SystemExit):
            report(option, value)
        assert f'argument {option}: {text}' in capsys.readouterr().err


def facts(counts, worst=(), **changes):
    names = ['background', '<b>cat</b>', 'dog & co']
    values = dict(
        config='a<b>.py', checkpoint='c&d.pth', data_root='my data', split='val',
        class_names=names, counts=counts, worst=worst, curves=None, loss=None,
    )  # fmt: skip
    return OutOfCandidateReport(**(values | changes))


def test_a_page_without_oc_pixels():
    counts = count_image(np.array([5, 5, 0]), np.array([True, True, False]), True)
    page = report_page(facts(counts))
    text = text_of(page)
    assert rate_of(text) == (0, 10) and '0 of 1 images have such pixels' in text
    assert 'No pixel is out of candidate' in text and 'No image has an OC pixel' in text
    assert '1 classes that are neither tag nor predicted are left out' in text
    assert not pictures(page)
    tiny = count_image(np.array([10**6, 0, 1]), np.array([True, True, False]), False)
    assert '<0.01 % OC rate: 1 of 1,000,001' in text_of(report_page(facts(tiny)))


def test_names_are_escaped_and_numbers_stand_in_their_columns():
    pixels, candidates = np.array([5, 2, 3]), np.array([True, True, False])
    counts = count_image(pixels, candidates, False)
    ids = np.zeros((2, 5), np.int16)
    image = WorstImage('x/<i>.jpg', candidates, pixels, ids, ids > 0)
    png = BytesIO()
    Image.new('RGB', (2, 2)).save(png, 'PNG')
    page = report_page(facts(counts, [(image, png.getvalue())]))
    for raw in ('<b>cat', 'dog & co', 'a<b>', 'c&d', '<i>.jpg'):
        assert raw not in page
    text = text_of(page)
    # with the tag, of these predicted in, without, share of OC pixels, of its own, tags instead
    assert 'dog & co 0 0 1 of 1 100.0 % 100.0 % <b>cat</b> (1)' in text
    assert '<b>cat</b> 1 1 0 of 0 0.0 % 0.0 % –' in text
    assert 'x/<i>.jpg : 30.0 % OC tags: <b>cat</b> 20.0 %' in text
    assert 'predicted, although no tag: dog & co 30.0 %' in text
    assert 'Shown: 1 of 1 classes that have OC pixels' in text


@pytest.mark.parametrize(
    ('loss', 'said'),
    [
        (dict(loss_weight=3.0, start_iter=0.5), ('loss_weight=6', 'start_iter=0.25')),
        (dict(loss_weight=0.0, start_iter=5000), ('loss_weight=1', 'start_iter=2500')),
        (dict(loss_weight=1, start_iter=0), ('loss_weight=2', None)),
    ],
)
def test_commands_to_try_next(loss, said):
    counts = count_image(np.array([5, 2, 3]), np.array([True, True, False]), False)
    text = text_of(report_page(facts(counts, loss=loss)))
    assert "train.py 'a<b>.py' --data-root 'my data' --work-dir work_dirs/heavier" in text
    found = re.findall(r'--cfg-options model\.loss_oc\.(\S+)', text)
    assert found == [option for option in said if option]
