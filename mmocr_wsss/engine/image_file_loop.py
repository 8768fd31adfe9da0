# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Test loop that makes one file per image: resumable, distributed, restartable."""

import copy
import hashlib
import json
import os.path as osp
import re
import sys
from abc import abstractmethod
from typing import Any

import torch
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.model import is_model_wrapper
from mmengine.registry import DATASETS
from mmengine.runner import BaseLoop, Runner
from mmengine.structures import BaseDataElement
from mmengine.utils import ProgressBar

import mmocr_wsss
from mmocr_wsss.artifacts import Offenders, sha256_of_file
from mmocr_wsss.engine.checkpoint_fit import require_fit
from mmocr_wsss.engine.readable_items import FailedImage, ReadableItems


class ImageFileLoop(BaseLoop):
    """What loops share that write one file per image of the test dataset.

    The evaluator's ``mmocr_wsss.ImageFileDumper`` writes what :meth:`complete` makes of
    an item. Images whose file is there already are skipped, so a stopped run goes on
    where it was; the folder's ``stage.json`` makes sure that both runs agree on
    weights, data and settings. Images are handled one by one and shared out over the
    ranks without repeats, so the files do not depend on the number of processes.

    Args:
        runner: the runner.
        dataloader: config; sampler and collation are set here. Items have
            ``data_samples`` with the metainfo ``img_id``, ``img_path`` and ``ori_shape``.
        evaluator: config with an ``ImageFileDumper``.
        on_error: ``'stop'`` at the first image that cannot be read or is too much for
            the network, or ``'collect'``: go on and list all of them at the end, as an
            error too.

    Raises:
        ValueError: a setting is unknown; the checkpoint does not fit the model; the
            output folder holds other files; or there are images without a result.
    """

    def __init__(
        self, runner: Runner, dataloader: dict, evaluator: Any, on_error: str = 'stop'
    ) -> None:
        require_one_of('on_error', on_error, ('stop', 'collect'))
        self._runner = runner
        self.evaluator = runner.build_evaluator(evaluator)
        self.on_error = on_error
        self.dataset = DATASETS.build(dataloader['dataset'])
        self.dataset.full_init()
        self.evaluator.dataset_meta = self.dataset.metainfo
        self._loader_cfg = dataloader
        self.dataloader: Any = []

    @abstractmethod
    def complete(self, item: dict) -> BaseDataElement:
        """The data sample of an item with what the dumper writes.

        Raises:
            ValueError, RuntimeError: the image is too small or too large for the network.
        """

    @abstractmethod
    def stage(self) -> dict[str, Any]:
        """What the files depend on beside the weights and the network, as JSON values."""

    def check_model(self, model: Any) -> None:
        """Raise a ValueError for a network (not wrapped) that does not fit the dataset."""

    @property
    def model(self) -> Any:
        """The network, not wrapped."""
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    @torch.no_grad()
    def run(self) -> dict[str, float]:
        """Make what is missing; gives the metrics of the evaluator."""
        runner = self.runner
        if runner._load_from is not None:
            require_fit(self.model, runner._load_from)
        self.check_model(self.model)
        self.dataloader = self._build_dataloader(self._unfinished())
        for hook in ('before_test', 'before_test_epoch'):
            runner.call_hook(hook)
        runner.model.eval()
        bar = self._progress_bar()
        failed: list[FailedImage] = []
        for index, batch in enumerate(self.dataloader):
            runner.call_hook('before_test_iter', batch_idx=index, data_batch=batch)
            samples = self._samples_of(batch, failed)
            self.evaluator.process(data_samples=samples, data_batch=batch)
            runner.call_hook('after_test_iter', batch_idx=index, data_batch=batch, outputs=samples)
            if bar is not None:
                bar.update()
        metrics = self.evaluator.evaluate(len(self.dataset))
        runner.call_hook('after_test_epoch', metrics=metrics)
        runner.call_hook('after_test')
        self._report(failed)
        return metrics

    def _unfinished(self) -> list[int]:
        """Items without a file, as the main process sees them."""
        dumper = self._dumper()
        dumper.open(self.runner.work_dir, self._facts())
        todo = [
            index
            for index in range(len(self.dataset))
            if not dumper.is_finished(self.dataset.get_data_info(index)['img_id'])
        ]
        shared = [todo]
        broadcast_object_list(shared)
        done = len(self.dataset) - len(shared[0])
        self.runner.logger.info(
            f'files of {len(self.dataset)} images to {dumper.out_dir}: {done} are there, '
            f'{len(shared[0])} to make.'
        )
        return shared[0]

    def _dumper(self) -> Any:
        for metric in self.evaluator.metrics:
            if hasattr(metric, 'is_finished'):
                return metric
        raise ValueError(
            'test_evaluator must be the dumper that writes the files, such as '
            "dict(type='mmocr_wsss.CAMDumper')."
        )

    def _facts(self) -> dict[str, Any]:
        """Compared before a folder is added to."""
        return dict(
            **self.stage(),
            version=mmocr_wsss.__version__,
            checkpoint_sha256=_sha256(self.runner._load_from),
            model_sha256=_digest(_without_init(self.runner.cfg.get('model'))),
            num_images=len(self.dataset),
            images=real_path(self.dataset.data_prefix['img_path']),
            img_suffix=self.dataset.img_suffix,
            classes=list(self.dataset.metainfo['classes']),
            pipeline=[_name(step) for step in self.dataset.pipeline.transforms],
        )

    def _build_dataloader(self, indices: list[int]) -> Any:
        if not indices:
            return []
        loader = copy.deepcopy(dict(self._loader_cfg))
        loader.update(
            dataset=ReadableItems(self.dataset, indices),
            batch_size=1,
            sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
            collate_fn=_only_item,
        )
        return self.runner.build_dataloader(loader, seed=0)

    def _samples_of(self, batch: Any, failed: list[FailedImage]) -> list:
        if not isinstance(batch, FailedImage):
            try:
                return [self.complete(batch)]
            # Too small for a patch, or too large for the memory.
            except (ValueError, RuntimeError) as error:
                path = batch['data_samples'].img_path
                batch = FailedImage.of(path, 'image that the network refuses', error)
        failed.append(batch)
        if self.on_error == 'stop':
            self._report(failed)
        return []

    def _progress_bar(self) -> ProgressBar | None:
        """A bar with the remaining time where somebody watches; the log has both anyway."""
        if is_main_process() and sys.stdout.isatty() and len(self.dataloader):
            return ProgressBar(len(self.dataloader))
        return None

    def _report(self, failed: list[FailedImage]) -> None:
        """Raise for the failed images of all ranks (of this one while stopping)."""
        stopping = self.on_error == 'stop'
        found = [failed] if stopping else all_gather_object(failed)
        bad = Offenders(str(self.dataset.ann_file or 'test dataset'))
        for image in sum(found, []):
            bad.add(image.rule, f'{image.path} ({image.reason})')
        bad.raise_if_any(
            'Mend these files or take them out of the list, then run the same command again; '
            'finished images are kept.'
            + (' To see all of them at once: --cfg-options test_cfg.on_error=collect'
               if stopping else ''),
            show_all=True,
        )  # fmt: skip


def require_one_of(name: str, value: Any, known: tuple) -> None:
    """Raise a ValueError for a setting of ``test_cfg`` that is not among the known ones."""
    if value not in known:
        raise ValueError(f'test_cfg.{name} must be one of {known}, got {value!r}.')


def real_path(path: str) -> str:
    """One name for a folder, however it was given."""
    return path if '://' in path else osp.realpath(path)


def _name(step: Any) -> str:
    """A transform with its settings; one without a ``__repr__`` has an address in its name."""
    return re.sub(r' at 0x[0-9a-f]+', '', repr(step))


def _only_item(batch: list) -> Any:
    """Collation of a batch of one: views differ in size and are not stacked."""
    return batch[0]


def _without_init(node: Any) -> Any:
    """A model config without where its first weights came from."""
    if isinstance(node, dict):
        return {key: _without_init(child) for key, child in node.items() if key != 'init_cfg'}
    return [_without_init(child) for child in node] if isinstance(node, (list, tuple)) else node


def _digest(node: Any) -> str:
    text = json.dumps(node, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _sha256(path: str | None) -> str | None:
    return path if path is None or '://' in path else sha256_of_file(path)
