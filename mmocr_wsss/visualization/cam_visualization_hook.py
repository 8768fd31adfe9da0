# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAMs to look at while the classifier trains."""

import contextlib
import math
import random
from collections.abc import Iterator
from typing import Any

import mmcv
import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.dist import get_world_size, master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from mmocr_wsss.functional.cam import NORMALISATIONS, merge_views
from mmocr_wsss.labels import BACKGROUND_NAME, class_ids_from_tags
from mmocr_wsss.registry import HOOKS
from mmocr_wsss.visualization.cam_grid import draw_cam_grid


@HOOKS.register_module()
class CAMVisualizationHook(Hook):
    """Shows during training how the CAMs of a few fixed training images become.

    Every ``interval`` iterations or epochs, and when training ends, the main
    process sends one picture per image to the runner's visualiser: photo, heat map
    of each tagged class, seed. Neither the weights nor the random states change.

    Args:
        pipeline: transforms of one image without augmentation that end in
            ``mmocr_wsss.PackScaledViews``, as in the test dataset; the scales are merged.
        normalisation: as for ``mmocr_wsss.CAMLoop``.
        background_threshold: of the seed.
        num_images: taken evenly from the training list, those without tags left out.
        interval: iterations or epochs between two rounds, > 0.
        by_epoch: count epochs; in an iteration-based loop one is the dataset's length
            over the images that all processes take per iteration, rounded up.

    Raises:
        ValueError: a setting is unknown or not positive; or, when training starts,
            the model has no ``cams`` or the dataset no tags.
    """

    def __init__(
        self,
        pipeline: list[dict],
        normalisation: str,
        background_threshold: float,
        num_images: int = 4,
        interval: int = 1,
        by_epoch: bool = True,
    ) -> None:
        if normalisation not in NORMALISATIONS:
            raise ValueError(
                f'normalisation must be one of {tuple(NORMALISATIONS)}, got {normalisation!r}.'
            )
        for name, value in (('num_images', num_images), ('interval', interval)):
            if value < 1:
                raise ValueError(f'CAMVisualizationHook: {name} must be >= 1, got {value}.')
        if background_threshold is None:
            raise ValueError(
                'CAMVisualizationHook: background_threshold must be a number, got None; the config '
                'publishes none, so choose one for the pictures.'
            )
        self.pipeline, self.normalise = pipeline, NORMALISATIONS[normalisation]
        self.background_threshold, self.num_images = background_threshold, num_images
        self.interval, self.by_epoch = interval, by_epoch
        self._last_step: int | None = None

    def before_train(self, runner: Runner) -> None:
        """Choose the images; fails here rather than after the first epoch."""
        if not hasattr(_inner_model(runner), 'cams'):
            raise ValueError(
                f'CAMVisualizationHook needs a model with cams, got '
                f"{type(_inner_model(runner)).__name__}. Use model.type='mmocr_wsss.CAMClassifier' "
                'or remove the hook.'
            )
        dataset = runner.train_dataloader.dataset
        self._items = _tagged_items(dataset, self.num_images)
        self._names = (BACKGROUND_NAME, *dataset.metainfo['classes'])
        self._transform = Compose(self.pipeline)
        self._every = self.interval * (_iterations_of_an_epoch(runner) if self.by_epoch else 1)

    def after_train_iter(self, runner: Runner, batch_idx: int, **kwargs: Any) -> None:
        """Draw if the interval is over."""
        if (runner.iter + 1) % self._every == 0:
            self._draw(runner, runner.iter + 1)

    def after_train(self, runner: Runner) -> None:
        """Draw the final state, unless that has just been done."""
        if self._last_step != runner.iter:
            self._draw(runner, runner.iter)

    @master_only
    def _draw(self, runner: Runner, step: int) -> None:
        self._last_step = step
        model = _inner_model(runner)
        with _evaluation_mode(model), _kept_random_states(), torch.no_grad():
            for item in self._items:
                name = f'cam_{item["img_id"]}'.replace('/', '_')
                picture = self._picture(model, item, f'{item["img_id"]}, iteration {step}')
                runner.visualizer.add_image(name, picture, step)

    def _picture(self, model: Any, item: dict, title: str) -> np.ndarray:
        tags = item['gt_score'] > 0
        photo = mmcv.imread(item['img_path'], channel_order='rgb')
        views = self._transform(dict(item))['inputs']
        views = views if isinstance(views, list) else [views]
        inputs = (model.data_preprocessor(dict(inputs=[view]))['inputs'] for view in views)
        index = torch.from_numpy(tags.nonzero()[0]).to(next(model.parameters()).device)
        maps = merge_views(model.cams, inputs, index, size=photo.shape[:2], flip=False)
        return draw_cam_grid(
            photo,
            self.normalise(maps).cpu().numpy(),
            class_ids_from_tags(tags),
            self._names,
            background_threshold=self.background_threshold,
            title=title,
        )


def _inner_model(runner: Runner) -> nn.Module:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def _tagged_items(dataset: Any, count: int) -> list[dict]:
    """``count`` items with tags, evenly spaced, each image once."""
    items = {}
    for index in range(len(dataset)):
        item = dataset.get_data_info(index)
        if 'gt_score' not in item:
            raise ValueError(
                f'CAMVisualizationHook: items of {type(dataset).__name__} need gt_score; use the '
                "training dataset type='mmocr_wsss.TaggedImageDataset' or remove the hook."
            )
        if item['gt_score'].any():
            items.setdefault(item['img_id'], item)
    chosen = list(items.values())
    if not chosen:
        raise ValueError('CAMVisualizationHook: no training image has tags; remove the hook.')
    step = max(len(chosen) / count, 1)
    return [chosen[int(k * step)] for k in range(min(count, len(chosen)))]


def _iterations_of_an_epoch(runner: Runner) -> int:
    loader = runner.train_dataloader
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        return len(loader)
    return math.ceil(len(loader.dataset) / (loader.batch_sampler.batch_size * get_world_size()))


@contextlib.contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module has the mode that it had."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextlib.contextmanager
def _kept_random_states() -> Iterator[None]:
    """Put the states of ``random``, NumPy and PyTorch back afterwards."""
    states = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
