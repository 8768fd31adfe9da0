# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A folder in which the commands of the pages run as they stand: tiny data, configs, weights."""

import json
import shutil
from pathlib import Path

import affinity_recipes
import cam_recipes
import numpy as np
import pipeline_recipes
import torch
from coco_files import write_coco_root
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from PIL import Image
from scipy.io import savemat
from test_configs import shrink as shrink_segmenter

from mmocr_wsss.converters.coco14 import convert_coco14
from mmocr_wsss.datasets.synthetic_scenes import write_synthetic_dataset
from mmocr_wsss.labels import CLASS_SETS, class_ids_from_tags, tags_from_names

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
#: What the README's config inherits, and what it leaves to the reader: validation photos.
VALIDATION = """
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PascalVOCDataset', data_root={root!r}, ann_file='ImageSets/Segmentation/val.txt',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
                  dict(type='PackSegInputs')]))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='IoUMetric')
val_cfg, test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
test_pipeline = val_dataloader['dataset']['pipeline']
visualizer = dict(type='SegLocalVisualizer')
default_hooks.update(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2000))
"""
TAGGED_VALIDATION = """
val_dataloader = dict(
    dataset=dict(
        _delete_=True, type='mmocr_wsss.ImageTagDataset', tags='image_tags.json',
        dataset={{_base_.val_dataloader.dataset}}))
test_dataloader = val_dataloader
"""
ANNOTATION = '<annotation>{}</annotation>'
OBJECT = '<object><name>{}</name></object>'


def write_sandbox(folder: Path, voc_root: Path, own_photos, baseline: str, mine: str) -> None:
    """All that the pages suppose to be there, below ``folder``.

    Args:
        folder: empty.
        voc_root: of the fixture with that name.
        own_photos: writes ``photos``, ``masks``, ``tags.csv`` and ``classes.txt``.
        baseline: config of a stock model on ``{root}``.
        mine: the README's config beside it.
    """
    _write_voc(folder / 'DATA_ROOT', voc_root)
    official = folder / 'data' / 'VOCdevkit' / 'VOC2012'
    _write_voc(official, voc_root)
    _write_sbd(folder / 'benchmark_RELEASE' / 'dataset', official)
    shutil.rmtree(official / 'SegmentationClassAug')  # as it is before the converter runs
    (official / 'ImageSets' / 'Segmentation' / 'train_aug.txt').unlink()
    (official / 'image_tags.json').unlink()
    write_coco_root(folder / 'data' / 'coco14', images=3)
    convert_coco14(folder / 'data' / 'coco14', folder / 'drawn')
    shutil.copytree(folder / 'drawn' / 'masks' / 'val2014', folder / 'their_masks')
    own_photos(folder)
    shutil.copytree(folder / 'photos' / 'tree', folder / 'new_photos')
    for number, photo in enumerate(sorted((folder / 'new_photos').iterdir())):
        names = (folder / 'classes.txt').read_text().split()
        target = folder / 'sorted' / names[number % len(names)] / photo.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, target)
    write_synthetic_dataset(
        folder / 'demo_output' / 'dataset', seed=0, num_train=6, num_val=3, height=96, width=128
    )
    root = str(folder / 'DATA_ROOT')
    (folder / 'my_baseline.py').write_text(
        baseline.format(root=root) + VALIDATION.format(root=root)
    )
    (folder / 'mine.py').write_text(mine + TAGGED_VALIDATION)
    shutil.copy(voc_root / 'JPEGImages' / '2007_000001.jpg', folder / 'photo.jpg')
    _write_files(folder, voc_root)


def _write_voc(root: Path, voc_root: Path) -> None:
    """The layout of VOC with annotations, and its own masks beside those of the fixture."""
    shutil.copytree(voc_root, root)
    shutil.copytree(root / 'SegmentationClassAug', root / 'SegmentationClass')
    for name, count in (('train_aug', 4), ('train', 2), ('val', 2)):
        path = root / 'ImageSets' / 'Segmentation' / f'{name}.txt'
        path.write_text(''.join(path.read_text().splitlines(keepends=True)[:count]))
    (root / 'Annotations').mkdir()
    for image_id, names in json.loads((root / 'image_tags.json').read_text()).items():
        text = ANNOTATION.format(''.join(map(OBJECT.format, names)))
        (root / 'Annotations' / f'{image_id}.xml').write_text(text)


def _write_sbd(folder: Path, voc: Path) -> None:
    """SBD's form of some of the photos."""
    (folder / 'cls').mkdir(parents=True)
    for name, listed in (('train', 'train_aug'), ('val', 'val')):
        ids = (voc / 'ImageSets' / 'Segmentation' / f'{listed}.txt').read_text().split()
        (folder / f'{name}.txt').write_text('\n'.join(ids) + '\n')
        for image_id in ids:
            mask = np.array(Image.open(voc / 'SegmentationClass' / f'{image_id}.png'))
            savemat(folder / 'cls' / f'{image_id}.mat', {'GTcls': {'Segmentation': mask}})


def _write_files(folder: Path, voc_root: Path) -> None:
    """Maps and tags as other code pickles them, and files that the snippets open."""
    tags, maps = {}, folder / 'their_cams'
    maps.mkdir()
    for image_id, names in json.loads((voc_root / 'image_tags.json').read_text()).items():
        vector = tags_from_names(names, CLASS_SETS['voc'])
        tags[image_id] = vector.astype(np.float32)
        ids = [int(k) - 1 for k in class_ids_from_tags(vector)]
        cam = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64)
        np.save(maps / f'{image_id}.npy', dict.fromkeys(ids, cam))
    np.save(folder / 'cls_labels.npy', tags)
    shutil.copytree(voc_root / 'pseudo_masks', folder / 'pseudo_masks')
    affinity_recipes.write_stage_files(folder, 'voc', sorted(tags))  # cams/ and labels/
    shutil.copytree(folder / 'cams', folder / 'CAM_DIR')


def tiny_config(name: str, folder: Path) -> Path:
    """``folder/configs/...`` with a small form of the config; those of a pipeline with it."""
    target, source = folder / name, ROOT / name
    if target.is_file():
        return target
    assert source.is_file(), f'there is no {name}'
    kind = source.relative_to(CONFIGS).parts[0]
    if kind == 'pipelines':
        affinity = Config.fromfile(source).affinity
        pipeline_recipes.write_tiny_pipeline(source, folder / 'configs', folder)
        (folder / 'configs' / affinity).unlink()  # without the folders that its users suppose
        tiny_config(f'configs/{affinity}', folder)
        return target
    cfg = Config.fromfile(source)
    if kind == 'affinity':
        cfg = affinity_recipes.tiny_config(source, Path('unset'), Path('unset'))
        fresh = Config.fromfile(source)
        for loader in ('train_dataloader', 'test_dataloader'):
            cfg[loader].dataset.stage_dir = fresh[loader].dataset.stage_dir
    elif kind == 'cam':
        cam_recipes.shrink(cfg, Path('unset'), Path('unset'))
    elif kind in ('segmentation', 'ocr'):
        shrink_segmenter(cfg, Path('unset'), Path('unset'))
    for key in ('work_dir', 'experiment_name'):
        cfg.pop(key, None)
    target.parent.mkdir(parents=True, exist_ok=True)
    cfg.dump(target)
    return target


def random_weights(path: Path, config: Path) -> None:
    """A checkpoint of untrained weights of a config, where the pages suppose a trained one."""
    cfg = Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(cfg.model)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
