# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Test loop that makes CAMs: resumable, distributed, one file per image."""

import copy
import hashlib
import json
import os.path as osp
import sys
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.model import is_model_wrapper
from mmengine.registry import DATASETS
from mmengine.runner import BaseLoop, Runner
from mmengine.utils import ProgressBar
from torch import Tensor

import mmocr_wsss
from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.cam_files import cam_grid
from mmocr_wsss.engine.checkpoint_fit import require_fit
from mmocr_wsss.engine.readable_items import FailedImage, ReadableItems
from mmocr_wsss.functional.cam import NORMALISATIONS, merge_views
from mmocr_wsss.labels import class_ids_from_tags
from mmocr_wsss.registry import LOOPS

PRECISIONS = ('float32', 'bfloat16')


@LOOPS.register_module()
class CAMLoop(BaseLoop):
    """Makes the CAMs of every image of the test dataset.

    The views of an image (``mmocr_wsss.PackScaledViews``) and their mirrors go
    through ``model.cams``, are merged, normalised and handed to the evaluator
    ``mmocr_wsss.CAMDumper``. Images whose file is there already are skipped, so
    a stopped run goes on where it was; the folder's ``stage.json`` makes sure
    that both runs agree on weights, data and settings. Images are handled one by
    one and shared out over the ranks without repeats, so the files do not depend
    on the number of processes.

    Args:
        runner: the runner; its model has ``cams`` (``mmocr_wsss.CAMClassifier``).
        dataloader: config with a ``TaggedImageDataset``; sampler and collation
            are set here.
        evaluator: config with a ``CAMDumper``.
        normalisation: ``'max'`` (PSA), ``'seam'`` or ``'min_max'`` (MCTformer).
        flip: add the mirror of every view.
        stride: of the written maps; 1 is full size, 8 costs about 1/50 of the disk.
        precision: of the network, ``'float32'`` or ``'bfloat16'`` (autocast);
            merging and normalising are float32 either way.
        on_error: ``'stop'`` at the first image that cannot be read or is too much for
            the network, or ``'collect'``: go on and list all of them at the end, as an
            error too.
        background_threshold: background score that later steps and pictures use
            unless told otherwise; stands in ``stage.json``.

    Raises:
        ValueError: a setting is unknown; the checkpoint or the number of classes does
            not fit the model; the output folder holds other CAMs; or there are images
            without CAMs.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: dict,
        evaluator: Any,
        normalisation: str,
        flip: bool = True,
        stride: int = 1,
        precision: str = 'float32',
        on_error: str = 'stop',
        background_threshold: float | None = None,
    ) -> None:
        for name, value, known in (
            ('normalisation', normalisation, tuple(NORMALISATIONS)),
            ('precision', precision, PRECISIONS),
            ('on_error', on_error, ('stop', 'collect')),
        ):
            if value not in known:
                raise ValueError(f'test_cfg.{name} must be one of {known}, got {value!r}.')
        cam_grid((1, 1), stride)  # refuses a bad stride
        self._runner = runner
        self.evaluator = runner.build_evaluator(evaluator)
        self.settings = dict(
            normalisation=normalisation, flip=flip, stride=stride, precision=precision
        )
        self.normalise, self.flip, self.stride = NORMALISATIONS[normalisation], flip, stride
        self.precision, self.on_error = precision, on_error
        self.background_threshold = background_threshold
        self.dataset = DATASETS.build(dataloader['dataset'])
        self.dataset.full_init()
        self.evaluator.dataset_meta = self.dataset.metainfo
        self._loader_cfg = dataloader
        self.dataloader: Any = []

    @torch.no_grad()
    def run(self) -> dict[str, float]:
        """Make what is missing; gives the metrics of the evaluator."""
        runner = self.runner
        self._check_model()
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

    def _check_model(self) -> None:
        """The weights are those of the checkpoint, and there is a map per class."""
        model = _unwrapped(self.runner.model)
        if self.runner._load_from is not None:
            require_fit(model, self.runner._load_from)
        scored = getattr(model.head, 'num_classes', None)
        known = len(self.dataset.metainfo['classes'])
        if scored not in (None, known):
            raise ValueError(
                f'the network has maps of {scored} classes, the test dataset has {known}. Set '
                f'model.head.num_classes={known} as in training, or the classes of the dataset.'
            )

    def _unfinished(self) -> list[int]:
        """Items without a file, as the main process sees them."""
        dumper = self._dumper()
        dumper.open(self.runner.work_dir, self._stage())
        todo = [
            index
            for index in range(len(self.dataset))
            if not dumper.is_finished(self.dataset.get_data_info(index)['img_id'])
        ]
        shared = [todo]
        broadcast_object_list(shared)
        done = len(self.dataset) - len(shared[0])
        self.runner.logger.info(
            f'CAMs of {len(self.dataset)} images to {dumper.out_dir}: {done} are there, '
            f'{len(shared[0])} to make.'
        )
        return shared[0]

    def _dumper(self) -> Any:
        for metric in self.evaluator.metrics:
            if hasattr(metric, 'is_finished'):
                return metric
        raise ValueError(
            "test_evaluator must be dict(type='mmocr_wsss.CAMDumper'), which writes the files."
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
            sample = batch['data_samples']
            tags = sample.gt_score.numpy() > 0
            try:
                cam = self._cam(batch['inputs'], tags, sample.ori_shape)
            # Too small for a patch, or too large for the memory.
            except (ValueError, RuntimeError) as error:
                batch = FailedImage.of(sample.img_path, 'image that the network refuses', error)
            else:
                class_ids = torch.from_numpy(class_ids_from_tags(tags))
                sample.set_data(dict(cam=cam, class_ids=class_ids))
                return [sample]
        failed.append(batch)
        if self.on_error == 'stop':
            self._report(failed)
        return []

    def _cam(self, views: list[Tensor], tags: Any, image_size: tuple[int, int]) -> Tensor:
        """(k, h, w) float32 normalised maps of the tagged classes."""
        size = cam_grid(image_size, self.stride)
        if not tags.any():
            return torch.zeros(0, *size)
        model = _unwrapped(self.runner.model)
        inputs = (model.data_preprocessor(dict(inputs=[view]))['inputs'] for view in views)
        class_index = torch.from_numpy(tags.nonzero()[0]).to(next(model.parameters()).device)
        low = self.precision == 'bfloat16'
        with torch.autocast(get_device(), torch.bfloat16, enabled=low):
            maps = merge_views(model.cams, inputs, class_index, size=size, flip=self.flip)
        return self.normalise(maps).cpu()

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

    def _stage(self) -> dict[str, Any]:
        """What the files depend on; compared before a folder is added to."""
        digest = hashlib.sha256()
        for index in range(len(self.dataset)):
            info = self.dataset.get_data_info(index)
            digest.update(info['img_id'].encode() + info['gt_score'].tobytes())
        return dict(
            stage='cam',
            version=mmocr_wsss.__version__,
            checkpoint_sha256=_sha256(self.runner._load_from),
            model_sha256=_digest(_without_init(self.runner.cfg.get('model'))),
            num_images=len(self.dataset),
            images=_real(self.dataset.data_prefix['img_path']),
            img_suffix=self.dataset.img_suffix,
            tags_sha256=digest.hexdigest(),
            classes=list(self.dataset.metainfo['classes']),
            pipeline=[repr(step) for step in self.dataset.pipeline.transforms],
            background_threshold=self.background_threshold,
            **self.settings,
        )


def _unwrapped(model: Any) -> Any:
    return model.module if is_model_wrapper(model) else model


def _only_item(batch: list) -> Any:
    """Collation of a batch of one: views differ in size and are not stacked."""
    return batch[0]


def _without_init(node: Any) -> Any:
    """A model config without where its first weights came from."""
    if isinstance(node, dict):
        return {key: _without_init(child) for key, child in node.items() if key != 'init_cfg'}
    return [_without_init(child) for child in node] if isinstance(node, (list, tuple)) else node


def _real(path: str) -> str:
    """One name for a folder, however it was given."""
    return path if '://' in path else osp.realpath(path)


def _digest(node: Any) -> str:
    text = json.dumps(node, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _sha256(path: str | None) -> str | None:
    if path is None or '://' in path:
        return path
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()
