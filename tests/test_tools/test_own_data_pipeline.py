# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From a folder of photos and a CSV to a trained segmenter, as the README says."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pipeline_recipes
import pytest
from coco_files import write_coco_root
from mmengine.config import Config
from PIL import Image

from mmocr_wsss.artifacts import write_png
from mmocr_wsss.converters.coco14 import convert_coco14
from mmocr_wsss.converters.own_data import convert_own_data
from mmocr_wsss.stage_files import read_stage

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ('apple', 'leaf', 'plum')
COLOURS = ((220, 30, 40), (40, 170, 60), (110, 40, 160))
#: Of the stages, so that each trains two steps of two photos.
FEW = [
    *(
        f'{stage}.{setting}'
        for stage in ('cam', 'affinity', 'baseline', 'oc')
        for setting in (
            'train_cfg.max_iters=2', 'train_dataloader.batch_size=2',
            'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
        )
    ),
    *(f'{stage}.train_cfg.val_interval=2' for stage in ('cam', 'baseline', 'oc')),
    *(
        f'{stage}.{loader}_dataloader.{setting}'
        for stage, loader in (
            ('cam', 'val'), ('cams', 'test'), ('affinity', 'test'), ('baseline', 'val'),
            ('oc', 'val'), ('baseline', 'test'), ('oc', 'test'),
        )
        for setting in ('num_workers=0', 'persistent_workers=False')
    ),
]  # fmt: skip


def write_photos(folder, count=12, background=True):
    """Coloured discs on grey, of one or two classes each; gives {file: (names, mask)}."""
    rng = np.random.default_rng(0)
    rows = {}
    for number in range(count):
        shown = sorted({number % 3, number * 5 % 3, (number // 4) % 3})[: 1 + number % 2]
        photo = rng.integers(90, 130, (48, 64, 3)).astype(np.uint8)
        mask = np.zeros((48, 64), np.uint8) if background else np.full((48, 64), shown[0] + 1)
        for place, k in enumerate(shown):
            y, x = np.mgrid[:48, :64]
            disc = (y - 24) ** 2 + (x - 16 - 32 * place) ** 2 < 130 + 9 * number
            photo[disc], mask[disc] = COLOURS[k], k + 1
        name = f'{"tree" if number % 3 else "stall/inner"}/photo {number}.png'
        (folder / 'photos' / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(folder / 'photos' / name)
        write_png(folder / 'masks' / name, mask.astype(np.uint8))
        rows[name] = [CLASSES[k] for k in shown]
    lines = ['image,tags', *(f'{name},{"|".join(names)}' for name, names in rows.items())]
    (folder / 'tags.csv').write_text('\n'.join(lines) + '\n')
    (folder / 'classes.txt').write_text('\n'.join(CLASSES) + '\n')
    return rows


def readme_commands():
    """The two commands of the section on own photos."""
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    section = readme[readme.index('## Your own photos and classes') :]
    block = re.search(r'```bash\n(.*?)```', section, flags=re.DOTALL).group(1)
    lines = block.replace('\\\n', ' ').splitlines()
    return [shlex.split(line) for line in lines if line.startswith('python ')]


def test_the_walk_through_of_the_readme(
    run_tool, commands_of_pipeline, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path)
    convert, pipeline = readme_commands()
    assert convert[1] == 'tools/dataset_converters/from_tags.py'
    assert run_tool('dataset_converters/from_tags', *convert[2:]) == 0, capfd.readouterr().err
    assert 'warning: fewer than 5 training images' in (text := capfd.readouterr().out)
    assert shlex.join(pipeline) in text  # what to type next
    data = Path(convert[convert.index('--out') + 1])
    report = json.loads((data / 'report.json').read_text())
    assert report['num_images'] == 12 and report['num_val'] >= 1
    config = ROOT / pipeline[2]
    code = run_tool(
        'pipeline', config, *pipeline[3:], '--out', 'out', '--jobs', 1, '--device', 'cpu',
        '--cfg-options', *FEW,
    )  # fmt: skip
    assert code == 0, capfd.readouterr().err
    stages = [name for name, _ in commands_of_pipeline]
    assert stages[:2] == ['weights', 'weights'] and stages[2:9] == [
        'cam', 'cams', 'affinity_labels', 'affinity', 'pseudo_masks', 'baseline', 'oc',
    ]  # fmt: skip
    masks = sorted(Path('out/pseudo_masks/files').glob('*.png'))
    assert len(masks) == report['num_train']
    tags = json.loads((data / 'image_tags.json').read_text())
    for path in masks:
        allowed = {0, 255, *(CLASSES.index(name) + 1 for name in tags[path.stem])}
        assert {*np.unique(Image.open(path)).tolist()} <= allowed
    (trained,) = (Path('out/oc')).glob('iter_2.pth')
    assert trained.stat().st_size > 1e6
    cfg = Config.fromfile(next(Path('out/oc').glob('*.py')))
    assert cfg.model.decode_head.num_classes == 4
    # No true masks: what the tags tell, and a figure.
    numbers = json.loads(Path('out/report.json').read_text())
    assert set(numbers) == {'baseline_val', 'oc_val', 'baseline_train', 'oc_train'}
    for row in numbers.values():
        assert row['miou'] is None and 0 <= row['oc_rate'] <= 100
    assert numbers['oc_val']['num_images'] == report['num_val']
    assert 'IoU per class' not in Path('out/report.md').read_text()
    assert Path('out/report.png').stat().st_size > 10000


@pytest.fixture
def pipeline(run_tool, commands_of_pipeline, capfd, tmp_path):
    """Run the tiny form of a pipeline of configs/pipelines; gives its report."""

    def run(name, data):
        source = ROOT / 'configs' / 'pipelines' / f'{name}.py'
        config = pipeline_recipes.write_tiny_pipeline(source, tmp_path / 'configs', data)
        code = run_tool(
            'pipeline', config, '--data-root', data, '--out', tmp_path / 'out', '--jobs', 1,
            '--device', 'cpu',
        )  # fmt: skip
        assert code == 0, capfd.readouterr().err
        return json.loads((tmp_path / 'out' / 'report.json').read_text())

    return run


def test_without_a_background_and_with_masks_of_some_photos(pipeline, tmp_path):
    write_photos(tmp_path, count=8, background=False)
    options = dict(
        tags=tmp_path / 'tags.csv', classes=tmp_path / 'classes.txt', val_share=0.3,
        background=False,
    )  # fmt: skip
    report = convert_own_data(tmp_path / 'photos', tmp_path / 'plain', **options)
    for image_id in (tmp_path / 'plain' / 'lists' / 'train.txt').read_text().split()[:2]:
        (tmp_path / 'masks' / report['sources'][image_id]).unlink()
    report = convert_own_data(
        tmp_path / 'photos', tmp_path / 'data', masks=tmp_path / 'masks', **options
    )
    assert report['num_masks'] == 6
    numbers = pipeline('affinitynet_coco', tmp_path / 'data')
    assert numbers['cams']['num_images'] == report['num_train'] - 2
    assert numbers['oc_val']['num_images'] == report['num_val']
    assert all(0 <= row['miou'] <= 100 for row in numbers.values())
    assert numbers['pseudo_masks']['oc_rate'] == 0
    assert read_stage(tmp_path / 'out' / 'cams' / 'files')['background'] is False
    for path in (tmp_path / 'out' / 'pseudo_masks' / 'files').glob('*.png'):
        assert np.asarray(Image.open(path)).min() > 0
    cfg = Config.fromfile(next((tmp_path / 'out' / 'oc').glob('*.py')))
    assert cfg.model.loss_oc.background is False


@pytest.mark.slow  # a minute: all stages with 81 classes
def test_coco_with_the_pipeline_of_other_data(pipeline, tmp_path):
    root = write_coco_root(tmp_path / 'coco', images=3)
    convert_coco14(root, root)
    numbers = pipeline('seam_voc', root)
    assert numbers['cams']['num_images'] == 3 and numbers['oc_val']['num_images'] == 3
    cfg = Config.fromfile(next((tmp_path / 'out' / 'oc').glob('*.py')))
    assert cfg.model.decode_head.num_classes == 81
