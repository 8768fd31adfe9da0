# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Run the recipes of configs/cam on tiny photos: small networks, two steps, then CAMs.

As a program (``torch.distributed.run``): train and make CAMs of every config given,
in the processes of one group.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_dist_info
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from PIL import Image

from mmocr_wsss.engine.cpu_processes import closes_process_group, start_cpu_processes
from mmocr_wsss.labels import foreground_classes

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LEAVES = sorted((CONFIGS / 'cam').glob('*.py'))
STEPS = 2
SIDE = 64
TINY_VIT = dict(embed_dims=24, num_layers=4, num_heads=2, feedforward_channels=48)


def write_data(cfg, voc_root: Path, root: Path) -> None:
    """Photos and tags of ``voc_root`` in the layout that the config names."""
    tags = json.loads((voc_root / 'image_tags.json').read_text())
    names = foreground_classes(cfg.train_dataloader.dataset.classes)
    voc = foreground_classes('voc')
    renamed = {i: [names[voc.index(name)] for name in tags[i]] for i in sorted(tags)}
    ids = sorted(tags)
    for loader, part in (('train_dataloader', ids[:7]), ('val_dataloader', ids[7:])):
        dataset = cfg[loader].dataset
        folder, ann_file = root / dataset.data_prefix.img_path, root / dataset.ann_file
        folder.mkdir(parents=True, exist_ok=True)
        ann_file.parent.mkdir(parents=True, exist_ok=True)
        ann_file.write_text(''.join(f'{image_id}\n' for image_id in part))
        for image_id in part:
            photo = Image.open(voc_root / 'JPEGImages' / f'{image_id}.jpg')
            photo.save(folder / f'{image_id}.jpg', quality=95)
    (root / 'image_tags.json').write_text(json.dumps(renamed))


def shrink(cfg, root: Path, work_dir: Path) -> None:
    """Small widths, crops and schedule; everything else stays as the config has it."""
    cfg.work_dir = str(work_dir)
    cfg.train_cfg.update(max_iters=STEPS, val_interval=STEPS)
    cfg.train_dataloader.batch_size = 2
    cfg.default_hooks.logger.interval = 1
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[loader].update(num_workers=0, persistent_workers=False)
        cfg[loader].dataset.data_root = str(root)
        for transform in cfg[loader].dataset.pipeline:
            _shrink_transform(transform)
    _shrink_model(cfg.model)


def _shrink_transform(transform) -> None:
    if 'crop_size' in transform:
        transform.crop_size = SIDE
    if 'edge_range' in transform:
        transform.edge_range = (SIDE - 16, SIDE + 16)
    if transform.type in ('RandomResizedCrop', 'ResizeEdge'):
        transform.scale = SIDE


def _shrink_model(model) -> None:
    backbone, head = model.backbone, model.head
    backbone.init_cfg = None
    if backbone.type == 'mmocr_wsss.WideResNet38':
        backbone.width_mult = 1 / 16
        head.in_channels = 256
        if 'correlation' in head:
            head.correlation.update(conv4_channels=32, conv5_channels=64)
    elif backbone.type == 'mmocr_wsss.MultiClassTokenViT':
        backbone.update(arch=TINY_VIT, img_size=SIDE)
        if backbone.get('token_layers', 1) > 1:
            backbone.token_layers = TINY_VIT['num_layers']
        model.last_layers = min(model.get('last_layers', 3), TINY_VIT['num_layers'])
        head.in_channels = TINY_VIT['embed_dims']


def tiny_config(path: Path, root: Path, work_dir: Path) -> Config:
    """The config of a recipe, made small."""
    cfg = Config.fromfile(path)
    shrink(cfg, root, work_dir)
    return cfg


def train(cfg) -> tuple[Runner, set[str]]:
    """Two steps and a validation; gives the runner and the names of the tensors that changed.

    Leaves ``iter_2.pth`` in the work folder.
    """
    Visualizer._instance_dict.clear()
    runner = Runner.from_cfg(cfg)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    after = runner.model.state_dict()
    return runner, {key for key, value in before.items() if not value.equal(after[key])}


def make_cams(cfg, checkpoint: Path, out: Path) -> dict:
    """CAMs of the training list; gives the metrics."""
    Visualizer._instance_dict.clear()
    cfg.load_from = str(checkpoint)
    cfg.test_evaluator.out_dir = str(out)
    return Runner.from_cfg(cfg).test()


@closes_process_group
def main(description: str, config_of: Callable, make: Callable, out: str) -> None:
    """The program: the recipes in the processes of one group, from ``one`` to ``two``.

    Args:
        description: of the program.
        config_of: makes the small config of a recipe from its path, data and work folder.
        make: the step after training, ``make(cfg, checkpoint, folder)``.
        out: what its folder is called.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('folder', type=Path, help='holds NAME/data and NAME/one per recipe NAME')
    parser.add_argument('recipes', nargs='+', type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    wrapper = None
    for path in args.recipes:
        folder = args.folder / path.stem
        cfg = config_of(path, folder / 'data', folder / 'two')
        cfg.launcher = 'pytorch'
        if wrapper is None:  # one process group for all of them
            start_cpu_processes(cfg, 'pytorch')
            wrapper = cfg.model_wrapper_cfg
        cfg.model_wrapper_cfg = wrapper
        assert get_dist_info()[1] > 1
        train(cfg)
        make(cfg, folder / 'one' / f'iter_{STEPS}.pth', folder / 'two' / out)


def run_in_two_processes(run_process, program: str, folder: Path, paths: list[Path]) -> None:
    """:func:`main` of ``program`` for recipes that one process has run in ``folder``."""
    done = run_process(
        sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2', '--standalone',
        program, folder, *paths, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    for path in paths:
        assert (folder / path.stem / 'two' / f'iter_{STEPS}.pth').is_file()


def files_of_both(place: Path, out: str) -> list[dict[str, bytes]]:
    """Content of the files that one process and two have made of a recipe."""
    return [
        {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob('*')
            if path.is_file()
        }
        for folder in (place / 'one' / out, place / 'two' / out)
    ]


if __name__ == '__main__':
    main(__doc__, tiny_config, make_cams, 'cams')
