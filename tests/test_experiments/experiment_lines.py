# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A small grid, and result lines of a form that runs have."""

from mmocr_wsss.functional.pixel_fates import FATES

GRID = """
pipeline = 'pipelines/p.py'
config = 'ocr/c.py'
common = {'train_cfg.max_iters': 40}
seeds = dict(main=3, ablation=2)
train_photos = 5
min_pixels = 10
groups = dict(
    main=dict(title='Main comparison', rows=dict(oc=dict()), default='oc'),
    margin=dict(
        title='Margin', default='0', rows={'0': dict(), '1': dict(loss=dict(margin=1.0))}),
    masks=dict(title='Masks', rows=dict(cam=dict(masks='cam'), true=dict(masks='true'))),
)
"""
SUPPORTED = ['background', 'cat']


def write_grid(folder, text=GRID):
    """The grid in a folder of configs, with empty files where it names others."""
    for name in ('pipelines/p.py', 'ocr/c.py', 'experiments/grid.py'):
        path = folder / 'configs' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if name.startswith('experiments') else '')
    return path


def line(settings, seed, miou, oc_rate, branch=0):
    """A line of ``results.jsonl``: all measures are made from two numbers."""
    baseline = settings.oc is None
    scores = dict(
        miou_supported=miou, miou=miou / 2, background_iou=80.0, foreground_miou=miou - 1,
        background_as_foreground=3.0, foreground_as_background=4.0, foreground_as_other=5.0,
        oc_rate=oc_rate, supported=SUPPORTED, iou=dict(background=80.0, cat=miou, dog=None),
    )  # fmt: skip
    return dict(
        name=settings.name, key=settings.name, seed=seed, masks=settings.masks,
        share=settings.share, both=dict(settings.both),
        oc=None if baseline else dict(settings.oc), max_iters=40, branch=branch, code='abc',
        torch='2', val=scores, train=scores | dict(oc_rate=oc_rate / 2),
        restricted=scores | dict(miou_supported=miou + 5) if baseline else None,
        curve=[[step, oc_rate / 100] for step in range(branch + 10, 41, 10)], iter_seconds=0.5,
        fates=None if baseline else dict.fromkeys(FATES, 50) | dict(valid=1000, oc=100),
        threads=1, seconds=360.0,
    )  # fmt: skip


def lines_of(grid, names=None):
    """A line per run of the grid: +1 mIoU by the loss at seed 0, +2 at seed 1, +3 at seed 2."""
    found = []
    for settings, seed in grid.runs(names):
        gain = 0 if settings.oc is None else 1 + seed
        found.append(line(settings, seed, 40 + gain, 6 - gain, branch=20 if gain else 0))
    return found
