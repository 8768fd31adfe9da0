# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""docs/en/reproduce.md: its commands parse, its numbers are those of the configs."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from doc_commands import ROOT, blocks, commands, parsed
from mmengine.config import Config
from PIL import Image

from mmocr_wsss import OutOfCandidateLoss, config_path
from mmocr_wsss.engine.expected_results import Measured, Published, read_expected_results
from mmocr_wsss.labels import palette
from mmocr_wsss.pipeline.plan import stage_config

DOC = (ROOT / 'docs' / 'en' / 'reproduce.md').read_text(encoding='utf-8')
ROWS = [
    f'{name}_{data}' for name in ('affinitynet', 'seam', 'mctformer') for data in ('voc', 'coco')
]
COMMANDS = commands(DOC)
PIPELINES = [words for words in COMMANDS if words[:2] == ['python', 'tools/pipeline.py']]


def config_of(folder, row):
    return ROOT / 'configs' / folder / f'{row.replace("_", "_r38_")}.py'


def entries(folder, row):
    cfg = Config.fromfile(config_of(folder, row))
    return read_expected_results(cfg) if 'expected_results' in cfg else []


@pytest.mark.parametrize('words', COMMANDS, ids=lambda words: ' '.join(words)[:70])
def test_command_parses(words):
    args = parsed(words)
    if args is None:
        assert words[0] == 'tar'
    elif 'config' in args and args.config != 'voc_test.py':  # a file of the text itself
        assert (ROOT / args.config).is_file()


def test_a_wrong_command_is_noticed():
    for line in (
        'python tools/pipelines.py x',
        'python tools/test.py configs/ocr/seam_r38_voc.py',
        'python tools/test.py CONFIG CHECKPOINT --ta',
        'tools/dist_train.sh CONFIG --data-root DATA_ROOT',
    ):
        with pytest.raises(AssertionError):
            parsed(line.split())


def test_every_row_has_its_commands():
    lines = [' '.join(words) for words in COMMANDS]
    for row in ROWS:
        assert sum(f'configs/pipelines/{row}.py' in line for line in lines) == 1
        for folder, stage in (('segmentation', 'baseline'), ('ocr', 'oc')):
            config = config_of(folder, row).relative_to(ROOT)
            (line,) = [text for text in lines if str(config) in text]
            cfg = Config.fromfile(config_of(folder, row))
            checkpoint = f'{row}/{stage}/iter_{cfg.train_cfg.max_iters}.pth'
            assert f'work_dirs/pipelines/{checkpoint} ' in line and '--tta' in line
            assert ('--check' in line) == bool(entries(folder, row))


@pytest.mark.parametrize('words', PIPELINES, ids=lambda words: Path(words[2]).stem)
def test_pipeline_command_trains_as_the_schedules_say(words, run_tool, tmp_path, capsys):
    args = parsed(words)
    options = {}
    for item in args.cfg_options:
        stage, _, option = item.partition('.')
        options.setdefault(stage, []).append(option)
    pipeline = Config.fromfile(ROOT / args.config)
    assert set(options) <= {'cam', 'affinity', 'baseline', 'oc'}
    for stage in ('cam', 'affinity', 'baseline', 'oc'):
        cfg = stage_config(config_path(pipeline[stage]), options.get(stage, ()))
        images = args.gpus * cfg.train_dataloader.batch_size
        assert images == cfg.auto_scale_lr.base_batch_size, stage
    rest = [str(tmp_path) if word == 'DATA_ROOT' else word for word in words[2:]]
    assert run_tool('pipeline', *rest, '--out', tmp_path / 'out', '--dry-run') == 0
    said = capsys.readouterr().out
    assert '[11/11] report' in said and not (tmp_path / 'out').exists()
    assert all(f'{folder}/{stem}' in said for folder, stem in (
        ('configs/segmentation', config_of('ocr', Path(args.config).stem).name),
        ('configs/ocr', config_of('ocr', Path(args.config).stem).name)))  # fmt: skip


def table_rows():
    """{row: cells} of the table of published numbers."""
    lines = re.findall(r'^\| `(\w+)_r38_(\w+)\.py` \|(.*)\|$', DOC, flags=re.MULTILINE)
    rows = {}
    for method, data, cells in lines:
        rows[f'{method}_{data}'] = [cell.strip() for cell in cells.split('|')]
    return rows


def cells_of(row):
    """What the configs have for a row of the table, in its order."""
    val, test = ('val', 'test') if row.endswith('voc') else ('val2014', None)
    cells = []
    for folder in ('segmentation', 'ocr'):
        found = {e.split: e.value for e in entries(folder, row) if e[0] == 'mIoU' and not e.gain}
        cells += [str(found.pop(split, '–')) if split else '' for split in (val, test)]
        assert not found
    (gain,) = [entry.value for entry in entries('ocr', row) if entry.gain]
    return [*cells, f'{gain:+}']


@pytest.mark.parametrize('row', ROWS)
def test_table_has_the_numbers_of_the_configs(row):
    *published, measured = table_rows()[row]
    assert published == cells_of(row)
    assert measured == 'nothing'
    expected = entries('segmentation', row) + entries('ocr', row)
    assert all(isinstance(entry, Published) and f'| {entry.source} |' in DOC for entry in expected)
    for folder in ('segmentation', 'ocr'):
        (gives,) = re.findall(r'# Gives: (.*)', config_of(folder, row).read_text())
        assert ('published in expected_results below' in gives) == bool(entries(folder, row))
        assert 'not measured' in gives


def test_the_table_is_whole_and_agrees_with_itself():
    assert list(table_rows()) == ROWS
    # MCTformer's rows state both numbers and the gain.
    for row in ('mctformer_voc', 'mctformer_coco'):
        baseline, _, ours, _, gain, _ = table_rows()[row]
        assert float(ours) - float(baseline) == pytest.approx(float(gain))


def test_choices_named_are_those_of_the_configs():
    loss = Config.fromfile(config_of('ocr', 'seam_voc')).model.loss_oc
    assert loss == dict(type='mmocr_wsss.OutOfCandidateLoss', start_iter=0.5)
    defaults = inspect.signature(OutOfCandidateLoss.__init__).parameters
    for text, argument, value in (
        ('| weight of the loss | 1 |', 'loss_weight', 1.0),
        ('threshold 0.2, adaptive |', 'threshold', 0.2),
        ('threshold 0.2, adaptive |', 'split', 'adaptive'),
        ('| margin between the groups | 0 |', 'margin', 0.0),
        ('| averaging | over valid pixels |', 'average', 'valid'),
    ):
        assert text in DOC and defaults[argument].default == value
    named = set(re.findall(r'pretrained/\w+\.pth', DOC))
    wanted = set()
    for row in ROWS:
        pipeline = Config.fromfile(config_path(f'pipelines/{row}.py'))
        for stage in ('cam', 'affinity', 'baseline', 'oc'):
            cfg = stage_config(config_path(pipeline[stage]), ())
            wanted.add(cfg.model.backbone.init_cfg.checkpoint)
    assert named == wanted


def test_only_measured_numbers_are_results_for_mim():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    metafiles = [yaml.safe_load((ROOT / name).read_text()) for name in index['Import']]
    models = [model for metafile in metafiles for model in metafile['Models']]
    assert len(models) > 30
    for model in models:
        cfg = Config.fromfile(ROOT / model['Config'])
        given = read_expected_results(cfg) if 'expected_results' in cfg else []
        measured = {entry.metric: entry.value for entry in given if isinstance(entry, Measured)}
        shown = {}
        for result in model.get('Results', []):
            assert result['Task'] == 'Semantic Segmentation' and result['Dataset']
            shown |= result['Metrics']
        assert shown == measured


def test_label_maps_of_photos_without_masks_and_tags(run_tool, voc_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    block, colours = [
        text for text in blocks(DOC, 'python') if 'test.txt' in text or 'putpalette' in text
    ]
    (tmp_path / 'voc_test.py').write_text(block)
    test_root = tmp_path / 'data' / 'VOCdevkit_test' / 'VOC2012'
    (test_root / 'ImageSets' / 'Segmentation').mkdir(parents=True)
    (test_root / 'JPEGImages').mkdir()
    photos = sorted((voc_root / 'JPEGImages').iterdir())[:2]
    for photo in photos:
        (test_root / 'JPEGImages' / photo.name).write_bytes(photo.read_bytes())
    ids = [photo.stem for photo in photos]
    (test_root / 'ImageSets' / 'Segmentation' / 'test.txt').write_text('\n'.join(ids) + '\n')
    (words,) = [words for words in COMMANDS if 'voc_test.py' in words]
    small = [
        'model.backbone.width_mult=0.0625',
        'model.backbone.init_cfg=None',
        'model.decode_head.in_channels=256',
        'model.decode_head.channels=32',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
        'tta_model.dense_crf=None',
    ]
    checkpoint = write_weights(tmp_path, small)
    arguments = [str(checkpoint) if word.endswith('.pth') else word for word in words[2:]]
    assert run_tool('test', *arguments, '--cfg-options', *small) == 0
    folder = tmp_path / 'results' / 'VOC2012' / 'Segmentation' / 'comp6_test_cls'
    assert sorted(path.stem for path in folder.iterdir()) == ids
    before = {path: np.array(Image.open(path)) for path in folder.iterdir()}
    exec(compile(colours, 'reproduce.md', 'exec'), {})
    for path, photo in zip(sorted(folder.iterdir()), photos, strict=True):
        mask = Image.open(path)
        assert mask.size == Image.open(photo).size and mask.mode == 'P'
        assert np.array_equal(np.array(mask), before[path]) and np.array(mask).max() <= 20
        assert mask.getpalette()[: 3 * 21] == [v for colour in palette(21) for v in colour]


def write_weights(folder, options):
    """Random weights of the config of the text, as a checkpoint."""
    from mmengine.config import DictAction
    from mmengine.registry import MODELS, init_default_scope

    cfg = Config.fromfile(folder / 'voc_test.py')
    cfg.merge_from_dict(
        {k: DictAction._parse_iterable(v) for k, v in (item.split('=', 1) for item in options)}
    )
    init_default_scope('mmseg')
    path = folder / 'random.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), path)
    return path
