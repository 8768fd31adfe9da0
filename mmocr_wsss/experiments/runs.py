# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""One training of an experiment: its config, where it leaves its baseline, its commands."""

import hashlib
import json
import math
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmocr_wsss.artifacts import atomic_path
from mmocr_wsss.experiments.grid import Grid, Settings
from mmocr_wsss.experiments.measures import count_fates, measure
from mmocr_wsss.experiments.sources import Sources, code_version
from mmocr_wsss.pipeline.commands import tool_command

#: Settings of the side with the loss that change nothing before ``start_iter``.
_LOSS = 'model.loss_oc'


class Run:
    """A training and its test.

    Args:
        grid: the experiment.
        sources: data, masks and initial weights.
        out: folder of the experiment.
        settings: what is trained.
        seed: of initial weights, order of the photos and augmentation.
    """

    def __init__(
        self, grid: Grid, sources: Sources, out: Path, settings: Settings, seed: int
    ) -> None:
        self.grid, self.sources, self.out = grid, sources, out
        self.settings, self.seed = settings, seed

    @property
    def title(self) -> str:
        """For messages."""
        return f'{self.settings.name}, seed {self.seed}'

    @cached_property
    def key(self) -> str:
        """Short name of all that decides the result; places of files do not matter."""
        text = self.config.pretty_text
        for name, place in self.sources.places().items():
            text = text.replace(place, name)
        facts = [text, self.sources.masks_digest(self.settings.masks), self.sources.weights]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        """Everything that the run makes."""
        return self.out / 'runs' / f'{self.settings.name}_{self.key}' / f'seed_{self.seed}'

    @property
    def config_file(self) -> Path:
        """The config, outside the folder that MMEngine writes its own copy to."""
        return self.folder.with_suffix('.py')

    @property
    def label_maps(self) -> Path:
        """Predictions of the measured photos."""
        return self.folder / 'label_maps'

    @property
    def restricted(self) -> Path | None:
        """Predictions of a baseline restricted to predicted tags; None if not of this run."""
        return self.folder / 'restricted' if self.settings.oc is None else None

    @property
    def max_iters(self) -> int:
        """Iterations of the schedule."""
        return self.config.train_cfg.max_iters

    @property
    def checkpoint(self) -> Path:
        """Of the last iteration."""
        return self.folder / f'iter_{self.max_iters}.pth'

    @cached_property
    def branch(self) -> int:
        """Iterations taken over from the baseline, those before the loss starts; 0 if none.

        Until then both trainings are the same to the last bit, so they are run once.
        """
        if self.settings.oc is None or any(
            not key.startswith(_LOSS) for key, _ in self.settings.oc
        ):
            return 0
        start = self.config.model.loss_oc.get('start_iter', 0)
        return math.ceil(start * self.max_iters) if isinstance(start, float) else start

    @cached_property
    def config(self) -> Config:
        """The config of the run, complete."""
        cfg = Config.fromfile(self.grid.config)
        self._merge(cfg, self.grid.common)
        self._merge(cfg, dict(self.settings.both))
        if self.settings.oc is None:
            # As a warm-up that never ends, so that what is logged is the same on both sides.
            cfg.model.loss_oc.start_iter = cfg.train_cfg.max_iters
        else:
            self._merge(cfg, dict(self.settings.oc))
        photos = cfg.train_dataloader.dataset.dataset
        photos.data_prefix.seg_map_path = str(self.sources.masks(self.settings.masks))
        photos.ann_file = str(self.sources.train_list(self.settings.share))
        if self.settings.masks == 'true':
            photos.allow_true_masks = True
        cfg.test_dataloader.dataset.dataset.ann_file = str(self.sources.measured_list)
        cfg.test_evaluator = None
        cfg.randomness = dict(seed=self.seed)
        cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
        cfg.train_cfg.pop('val_interval', None)
        cfg.default_hooks.checkpoint.update(interval=self._interval(cfg), max_keep_ckpts=-1)
        for node in (cfg.train_dataloader.dataset, cfg.test_dataloader.dataset):
            node.dataset.data_root = str(self.sources.root)
        cfg.pop('data_root', None)
        return cfg

    def _merge(self, cfg: Config, options: dict[str, Any]) -> None:
        cfg.merge_from_dict(self.sources.fill(options))

    def _interval(self, cfg: Config) -> int:
        """Checkpoints stand wherever a run of the grid may leave this one."""
        return math.gcd(cfg.train_cfg.max_iters, cfg.default_hooks.checkpoint.interval)

    def prepare(self, baseline: 'Run') -> None:
        """Write the config; take over what the baseline did before the loss starts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        cfg = Config.fromstring(self.config.pretty_text, '.py')
        cfg.test_evaluator = [
            dict(
                type='mmocr_wsss.RunningIoUMetric',
                format_only=True,
                output_dir=str(self.label_maps),
            )
        ]
        if self.restricted is not None:
            cfg.test_evaluator.append(
                dict(
                    type='mmocr_wsss.RestrictedLabelMaps',
                    out_dir=str(self.restricted),
                    tags=str(self.sources.predicted_tags),
                )
            )
        with atomic_path(self.config_file) as path:
            cfg.dump(path)
        if self.branch and not (self.folder / 'last_checkpoint').exists():
            taken = self.folder / f'iter_{self.branch}.pth'
            with atomic_path(taken) as path:
                shutil.copyfile(baseline.folder / taken.name, path)
            with atomic_path(self.folder / 'last_checkpoint') as path:
                Path(path).write_text(str(taken), encoding='utf-8')

    def commands(self) -> list[list[str]]:
        """Training and test; both go on where they were."""
        config = self.config_file
        train = [
            *tool_command('train'), config, '--work-dir', self.folder, '--resume', '--device',
            'cpu',
        ]  # fmt: skip
        test = [
            *tool_command('test'), config, self.checkpoint, '--work-dir', self.folder / 'test',
            '--device', 'cpu',
        ]  # fmt: skip
        return [[str(part) for part in command] for command in (train, test)]

    def result(self, baseline: 'Run') -> dict[str, Any]:
        """The line of the finished run."""
        numbers = measure(
            self.label_maps, self.restricted, self.folder, self.sources, self.grid.min_pixels
        )
        fates = None
        if self.settings.oc is not None:
            fates = count_fates(baseline.label_maps, self.label_maps, self.sources)
        settings = self.settings
        return dict(
            name=settings.name,
            key=self.key,
            seed=self.seed,
            masks=settings.masks,
            share=settings.share,
            both=dict(settings.both),
            oc=None if settings.oc is None else dict(settings.oc),
            max_iters=self.max_iters,
            branch=self.branch,
            code=code_version(),
            torch=torch.__version__,
            **numbers,
            fates=fates,
        )

    def tidy(self) -> None:
        """Leave the last checkpoint alone; a baseline keeps those that other runs start from."""
        if self.settings.oc is not None:
            for path in self.folder.glob('iter_*.pth'):
                if path != self.checkpoint:
                    path.unlink()
