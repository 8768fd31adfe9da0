# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The projects in examples/, copied elsewhere and run by their own commands on tiny photos."""

import json
import re
import shutil
import sys
from pathlib import Path

import mmpretrain
import mmseg
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from small_recipe import SMALL

MMSEG_TOOLS = Path(mmseg.__file__).parent / '.mim' / 'tools'
MMPRETRAIN_TOOLS = Path(mmpretrain.__file__).parent / '.mim' / 'tools'
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def project(tmp_path, voc_root):
    """Copy a project into the folder that commands run in, with the tiny VOC as its data."""

    def copy(name):
        shutil.copytree(ROOT / 'examples' / name, tmp_path, dirs_exist_ok=True)
        (tmp_path / 'data' / 'VOCdevkit').mkdir(parents=True)
        (tmp_path / 'data' / 'VOCdevkit' / 'VOC2012').symlink_to(voc_root)
        return tmp_path

    return copy


def steps(folder):
    """What the log of the run below a folder says of each iteration of its training."""
    (log,) = folder.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if 'loss' in line]


@pytest.mark.parametrize('tool', ['tools/train.py', MMSEG_TOOLS / 'train.py'], ids=['own', 'mmseg'])
def test_mmseg_project(tool, project, run_process):
    folder = project('mmseg_project')
    if 'mmseg' in str(tool):
        # Not needed, and of no effect.
        with open(folder / 'configs' / 'seam_oc.py', 'a') as file:
            file.write("custom_imports = dict(imports=['mmocr_wsss.models'])\n")
    options = ['--work-dir', 'out', '--cfg-options', *SMALL, 'train_cfg.val_interval=3']
    done = run_process(sys.executable, tool, 'configs/seam_oc.py', *options)
    assert done.returncode == 0, done.stderr
    # start_iter=0.25 of two iterations: the loss acts from the second on.
    assert [step['loss_oc'] > 0 for step in steps(folder / 'out')] == [False, True]
    assert (folder / 'out' / 'iter_2.pth').is_file()


def test_mmpretrain_project(project, run_process):
    folder = project('mmpretrain_project')
    config = 'configs/resnet50_cam.py'
    small = [
        'model.backbone.depth=18',
        'model.backbone.init_cfg=None',
        'model.head.in_channels=512',
        'train_dataloader.dataset.pipeline.5.crop_size=(64,64)',
        'train_dataloader.dataset.pipeline.2.edge_range=(48,80)',
        'train_dataloader.batch_size=2',
        'train_cfg.max_iters=2',
        'train_cfg.val_interval=3',
        'default_hooks.logger.interval=1',
        'test_cfg.stride=8',
        'test_dataloader.dataset.pipeline.1.scales=(1.0,)',
        *(f'{loader}_dataloader.num_workers=0' for loader in ('train', 'val', 'test')),
    ]
    options = ['--work-dir', 'out', '--no-persistent-workers', '--cfg-options', *small]
    done = run_process(sys.executable, MMPRETRAIN_TOOLS / 'train.py', config, *options)
    assert done.returncode == 0, done.stderr
    assert [step['loss'] > 0 for step in steps(folder / 'out')] == [True, True]
    options.remove('--no-persistent-workers')
    command = [MMPRETRAIN_TOOLS / 'test.py', config, 'out/iter_2.pth', *options]
    done = run_process(sys.executable, *command, 'test_dataloader.persistent_workers=False')
    assert done.returncode == 0, done.stderr
    tags = json.loads((folder / 'data' / 'VOCdevkit' / 'VOC2012' / 'image_tags.json').read_text())
    files = sorted((folder / 'out' / 'cams').glob('*.npz'))
    assert len(files) == 8
    for file in files:
        assert len(np.load(file)['cam']) == len(tags[file.stem])


def test_own_project(project, run_process, voc_root):
    folder = project('own_project')
    data = folder / 'data' / 'orchard'
    for name in ('photos', 'noisy_masks'):
        (data / name).mkdir(parents=True)
    names, tags = ('apple', 'leaf', 'plum'), {}
    for photo in sorted((voc_root / 'JPEGImages').iterdir())[:4]:
        Image.open(photo).save(data / 'photos' / f'{photo.stem}.png')
        mask = np.array(Image.open(voc_root / 'pseudo_masks' / f'{photo.stem}.png'))
        mask = np.where((mask > 0) & (mask < 255), mask % 3 + 1, mask).astype(np.uint8)
        Image.fromarray(mask).save(data / 'noisy_masks' / f'{photo.stem}.png')
        tags[photo.stem] = [names[len(tags) % 3]]
    (data / 'image_tags.json').write_text(json.dumps(tags))
    small = [
        'model.backbone.init_cfg=None',
        'model.data_preprocessor.size=(64,64)',
        'train_dataloader.dataset.dataset.pipeline.6.crop_size=(64,64)',
        'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False',
        'train_cfg.max_iters=2',
        'default_hooks.logger.interval=1',
    ]
    command = ['-m', 'mmocr_wsss', 'train', 'configs/orchard_oc.py', '--cfg-options', *small]
    done = run_process(sys.executable, *command)
    assert done.returncode == 0, done.stderr
    first, second = steps(folder / 'work_dirs' / 'configs' / 'orchard_oc')
    assert first['loss_oc'] == 0 < second['loss_oc'] and 0 < second['oc_rate'] <= 1
    prior = json.loads(next(folder.rglob('annotation_correlation.json')).read_text())
    assert 'apple' in str(prior)


def test_commands_of_the_readmes_name_what_is_there():
    for readme in sorted((ROOT / 'examples').glob('*/README.md')):
        (block,) = re.findall(r'```bash\n(.*?)```', readme.read_text(encoding='utf-8'), re.S)
        configs = re.findall(r'(?:PROJECT/)?(configs/\w+\.py)', block)
        assert configs and all((readme.parent / name).is_file() for name in configs)
        listed = readme.parent.name
        assert f'({listed})' in (ROOT / 'examples' / 'README.md').read_text(encoding='utf-8')


def test_convention_bases_are_reached_by_path(tmp_path):
    """Once MMEngine takes the name of any package, examples/README.md may say so."""
    (tmp_path / 'mine.py').write_text("_base_ = 'mmocr_wsss::ocr/seam_r38_voc.py'\n")
    with pytest.raises(AssertionError, match='does not support to load mmocr_wsss config'):
        Config.fromfile(tmp_path / 'mine.py')
