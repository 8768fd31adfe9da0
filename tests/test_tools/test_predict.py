# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""tools/predict.py: label maps as of a test, pictures, tags, and going on after a stop."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, SEAM, SMALL
from PIL import Image

from mmocr_wsss.apis.inferencer import Inferencer
from mmocr_wsss.labels import CLASS_SETS, palette

MODEL = [item for item in SMALL if item.startswith('model.')]
MAGENTA = (255, 0, 200)


@pytest.fixture
def photos(voc_root, tmp_path):
    """The four validation photos, two of them in a folder below."""
    for number in range(9, 13):
        folder = tmp_path / 'photos' / ('deep' if number > 10 else '')
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(voc_root / 'JPEGImages' / f'2007_{number:06d}.jpg', folder)
    return tmp_path / 'photos'


@pytest.fixture
def predict(run_tool, photos, checkpoint, tmp_path):
    """Run the tool; gives the exit code."""

    def run(*more, inputs=(photos,), config=SEAM, weights=checkpoint, out='out', options=()):
        return run_tool(
            'predict', config, weights, *inputs, '--out', tmp_path / out, *more,
            '--cfg-options', *MODEL, *options,
        )  # fmt: skip

    return run


@pytest.fixture
def tags(voc_root):
    return voc_root / 'image_tags.json'


def masks(folder):
    """{name: (H, W) class ids}"""
    below = Path(folder, 'masks')
    return {
        path.relative_to(below).with_suffix('').as_posix(): np.array(Image.open(path))
        for path in sorted(below.rglob('*.png'))
    }


def summary(folder):
    return json.loads((folder / 'summary.json').read_text(encoding='utf-8'))


def assert_same(one, other):
    assert one.keys() == other.keys() and one
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def test_label_maps_are_those_of_a_test(predict, run_tool, voc_root, checkpoint, tmp_path, capsys):
    assert predict('--batch-size', 2) == 0
    assert '4 photos predicted, 0 were there' in capsys.readouterr().out
    assert run_tool(
        'test', SEAM, checkpoint, '--data-root', voc_root, '--work-dir', tmp_path / 'work',
        '--out', tmp_path / 'test', '--cfg-options', *SMALL,
    ) == 0  # fmt: skip
    found = masks(tmp_path / 'out')
    assert list(found) == [
        '2007_000009', '2007_000010', 'deep/2007_000011', 'deep/2007_000012'
    ]  # fmt: skip
    dumped = {path.stem: np.array(Image.open(path)) for path in (tmp_path / 'test').glob('*.png')}
    assert_same({Path(name).name: ids for name, ids in found.items()}, dumped)
    assert len(np.unique(np.stack(list(found.values())))) > 3
    mask = Image.open(tmp_path / 'out/masks/2007_000009.png')
    assert mask.mode == 'P' and mask.getpalette()[: 3 * 21] == sum(palette(21), [])
    for name, ids in found.items():
        assert Image.open(tmp_path / 'out/overlays' / f'{name}.png').width > 2 * 320
        shares = summary(tmp_path / 'out')['images'][name]['classes']
        classes = ('background', *CLASS_SETS['voc'])
        assert shares == {classes[k]: (ids == k).mean() for k in np.unique(ids)}
    assert 'out_of_candidate' not in summary(tmp_path / 'out')


def test_batches_change_nothing(predict, tags, photos, tmp_path):
    Image.new('RGB', (48, 64), 'red').save(photos / '2007_000001.png')  # of another size
    assert predict('--tags', tags) == 0
    assert predict('--tags', tags, '--batch-size', 2, out='batches') == 0
    assert_same(masks(tmp_path / 'out'), masks(tmp_path / 'batches'))
    assert summary(tmp_path / 'out') == summary(tmp_path / 'batches')


def test_tags_mark_and_restrict(predict, tags, tmp_path, capsys):
    assert predict(out='plain') == 0
    assert predict('--tags', tags) == 0
    assert 'OC rate ' in capsys.readouterr().out
    assert predict('--tags', tags, '--restrict', out='strict') == 0
    table = json.loads(tags.read_text())
    plain, strict = masks(tmp_path / 'plain'), masks(tmp_path / 'strict')
    assert_same(plain, masks(tmp_path / 'out'))
    classes = np.array(['background', *CLASS_SETS['voc']])
    total = []
    for name, ids in plain.items():
        candidates = np.isin(classes, ['background', *table[Path(name).name]])
        outside = ~candidates[ids]
        total.append(outside.mean())
        for folder in ('out', 'strict'):
            record = summary(tmp_path / folder)['images'][name]
            assert set(record['tags']) == set(table[Path(name).name])
            assert record['out_of_candidate'] == outside.mean()
            wrong = np.unique(ids[outside])
            assert record['not_tagged'] == {classes[k]: (ids == k).mean() for k in wrong}
            picture = np.array(Image.open(tmp_path / folder / 'overlays' / f'{name}.png'))
            marked = (picture == MAGENTA).all(-1)[:, picture.shape[1] // 2 :].sum()
            assert (marked > 300) == outside.any()
        assert candidates[strict[name]].all()
        np.testing.assert_array_equal(strict[name][~outside], ids[~outside])
        picture = np.array(Image.open(tmp_path / 'plain/overlays' / f'{name}.png'))
        assert not (picture == MAGENTA).all(-1).any()
    for folder in ('out', 'strict'):
        assert summary(tmp_path / folder)['out_of_candidate'] == pytest.approx(np.mean(total))
    assert 0.1 < np.mean(total) < 1


def test_it_goes_on_where_it_stopped(predict, tags, photos, tmp_path, monkeypatch, capsys):
    assert predict('--tags', tags, out='whole') == 0
    read = []

    def stopped(self, path):
        if len(read) == 2:
            raise KeyboardInterrupt
        read.append(path)
        return of_class(self, path)

    of_class = Inferencer.read
    with monkeypatch.context() as patch:
        patch.setattr(Inferencer, 'read', stopped)
        assert predict('--tags', tags) == 130
    assert len(masks(tmp_path / 'out')) == 2
    # A mask without its record was stopped in between and is made again.
    (tmp_path / 'out/records/2007_000009.json').unlink()
    (tmp_path / 'out/masks' / f'.x.{"0" * 32}.png').write_text('left by a killed process')
    capsys.readouterr()
    assert predict('--tags', tags) == 0
    assert '3 photos predicted, 1 were there' in capsys.readouterr().out
    whole, found = (content(tmp_path / name) for name in ('whole', 'out'))
    assert {path.relative_to(tmp_path / 'whole'): data for path, data in whole.items()} == {
        path.relative_to(tmp_path / 'out'): data for path, data in found.items()
    }
    # More photos may join, and the summary has all.
    Image.new('RGB', (48, 64), 'red').save(tmp_path / '2007_000001.png')
    assert predict('--tags', tags, inputs=[tmp_path / '2007_000001.png']) == 0
    assert summary(tmp_path / 'out')['photos'] == 5


def test_results_are_not_mixed(predict, tags, photos, checkpoint, tmp_path, capsys):
    assert predict() == 0
    before = content(tmp_path / 'out')
    weights = torch.load(checkpoint, weights_only=True)
    torch.save(weights | dict(more=1), tmp_path / 'other.pth')

    def refused(*args, **kwargs):
        capsys.readouterr()
        assert predict(*args, **kwargs) == 1
        assert content(tmp_path / 'out') == before
        return capsys.readouterr().err

    said = refused(weights=tmp_path / 'other.pth')
    assert 'out: holds files that were made in another way' in said and 'other.pth' in said
    assert 'another folder (--out)' in said
    shutil.copy(checkpoint, tmp_path / 'same.pth')
    assert 'same.pth' in refused(weights=tmp_path / 'same.pth')
    assert 'config_sha256' in refused(options=['model.test_cfg.mode=slide'])
    assert 'tags: there None' in refused('--tags', tags)
    Image.new('RGB', (48, 64)).save(tmp_path / '2007_000009.jpg')
    said = refused(inputs=[tmp_path / '2007_000009.jpg'])
    assert 'result of another photo of the same name: 2007_000009 (' in said


@pytest.fixture
def no_model(monkeypatch):
    def build(*args, **kwargs):
        raise AssertionError('the model was used')

    monkeypatch.setattr(Inferencer, 'predict', build)


def test_errors_come_before_the_work(predict, no_model, tags, photos, checkpoint, tmp_path, capsys):
    def error(*args, **kwargs):
        assert predict(*args, **kwargs) == 1
        assert not (tmp_path / 'out').exists()
        return capsys.readouterr().err

    assert "there is no config 'none.py'" in error(config='none.py')
    assert "checkpoint: there is no checkpoint 'none.pth'" in error(weights='none.pth')
    assert '1 of 2 inputs: no such file or folder: gone.jpg' in error(inputs=[photos, 'gone.jpg'])
    (tmp_path / 'empty').mkdir()
    assert 'folder without photos' in error(inputs=[tmp_path / 'empty'])
    assert '--restrict needs --tags' in error('--restrict')
    assert 'none.json: no such tag table' in error('--tags', 'none.json')
    table = json.loads(tags.read_text())
    path = tmp_path / 'tags.json'
    path.write_text(json.dumps(table | {'2007_000010': ['unicorn']}))
    said = error('--tags', path)
    assert "1 x entry with unknown class names: 2007_000010 ['unicorn']" in said
    del table['2007_000011'], table['2007_000012']
    path.write_text(json.dumps(table))
    said = error('--tags', path)
    assert f'--tags {path}:' in said and '2 x id without tags: 2007_000011 (' in said
    Image.new('RGB', (48, 64)).save(photos / '2007_000009.png')
    assert 'that would write the same output: 2007_000009 (' in error()
    (photos / '2007_000009.png').unlink()
    cam = ROOT / 'configs' / 'cam' / 'effnet-lite0_voc-animals.py'
    assert 'is not of a segmenter' in error(config=cam)
    weights = torch.load(checkpoint, weights_only=True)
    head = weights['state_dict']
    head['decode_head.conv_seg.weight'] = head['decode_head.conv_seg.weight'][:7]
    torch.save(weights, tmp_path / 'seven.pth')
    said = error(weights=tmp_path / 'seven.pth')
    assert 'does not fit' in said and 'tensor of another shape' in said
    (tmp_path / 'file').write_text('')
    assert 'file: is a file' in error(out='file')


def test_a_damaged_photo_does_not_stop_the_others(predict, photos, tmp_path, capsys):
    broken = photos / '2007_000010.jpg'
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-100])
    (photos / 'text.png').write_text('no image')
    assert predict('--batch-size', 3) == 1
    said = capsys.readouterr().err
    assert '2 x photo that cannot be used' in said and 'All others are done' in said
    assert '2007_000010.jpg: a photo must be an image' in said and 'text.png' in said
    assert len(masks(tmp_path / 'out')) == summary(tmp_path / 'out')['photos'] == 3
    broken.write_bytes(whole)
    (photos / 'text.png').unlink()
    assert predict() == 0
    assert '1 photos predicted, 3 were there' in capsys.readouterr().out


def test_results_among_the_photos_are_no_photos(predict, photos, capsys):
    for number in (4, 0):
        assert predict(out='photos/out') == 0
        assert f'{number} photos predicted' in capsys.readouterr().out


def test_classes_of_a_dataset_file(predict, voc_root, checkpoint, tmp_path, capsys):
    facts = dict(
        classes=['scratch'], background=True, img_suffix='.jpg', tags='image_tags.json', val=None,
        train=dict(list='a.txt', images='images', masks=None, scored_list=None),
    )  # fmt: skip
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/dataset.json').write_text(json.dumps(facts))
    weights = torch.load(checkpoint, weights_only=True)
    for part in ('weight', 'bias'):
        name = f'decode_head.conv_seg.{part}'
        weights['state_dict'][name] = weights['state_dict'][name][:2]
    torch.save(weights, tmp_path / 'two.pth')
    assert predict('--data-root', tmp_path / 'mine', weights=tmp_path / 'two.pth') == 0
    for record in summary(tmp_path / 'out')['images'].values():
        assert set(record['classes']) <= {'background', 'scratch'}
