# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""mmseg's inferencer for segmenters of this project, with tags."""

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import TRANSFORMS
from mmengine.structures import PixelData
from mmseg.apis import MMSegInferencer
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer
from torch import nn

from mmocr_wsss.apis.class_names import background_is_candidate, class_names
from mmocr_wsss.apis.photo_inputs import collect_photos, read_photo
from mmocr_wsss.engine.checkpoint_fit import require_fit
from mmocr_wsss.engine.config_edits import nodes, require_segmenter
from mmocr_wsss.engine.dataset_edits import without_annotations
from mmocr_wsss.engine.safe_checkpoint import check_checkpoint_path, guard_checkpoints
from mmocr_wsss.functional.out_of_candidate import restricted_label_map
from mmocr_wsss.labels import BACKGROUND_NAME, candidates_from_tags, palette, tags_from_names

Photo = str | os.PathLike | np.ndarray
_LOADERS = ('LoadImageFromFile', 'LoadPhoto')


class Prediction(NamedTuple):
    """What a segmenter says of one photo of H x W pixels.

    label_map: uint8 (H, W) class ids, restricted to the candidates if so asked.
    unrestricted: uint8 (H, W) class ids of the best scores; without ``restrict`` the same.
    candidates: bool (C,) indexed by class id; None without tags.
    """

    label_map: np.ndarray
    unrestricted: np.ndarray
    candidates: np.ndarray | None

    @property
    def outside(self) -> np.ndarray | None:
        """Out-of-candidate pixels of ``unrestricted``, bool (H, W); None without tags."""
        return None if self.candidates is None else ~self.candidates[self.unrestricted]


class Inferencer(MMSegInferencer):
    """Label maps of photos, as a test of the config makes them.

    Usable as mmseg's ``MMSegInferencer``, whose pictures and files it can make too::

        inferencer = Inferencer('configs/ocr/seam_r38_voc.py', 'iter_20000.pth')
        label_map = inferencer('boat.jpg')['predictions']  # int64 (H, W)
        result = inferencer('boat.jpg', tags=[['boat']], restrict=True)

    Calls keep the scores of all photos until they end; :meth:`predict` does not. Beyond
    mmseg's: ``tags=``, the class names of each photo, and ``restrict=True``, which
    admits no others but the background. Samples (``return_datasamples=True``) then have
    ``candidates`` and ``unrestricted_sem_seg``. Folders are searched at any depth, and photos
    of any format are read (:func:`~mmocr_wsss.apis.photo_inputs.read_photo`).

    Photos of a batch have one size; a photo of another size begins the next batch.

    Checkpoints are read in torch's safe mode, from now on in the whole process
    (:func:`~mmocr_wsss.engine.safe_checkpoint.guard_checkpoints`).

    Args:
        model: config of a segmenter, or the path of one.
        weights: checkpoint with every tensor of the model and no other.
        classes: C names indexed by class id; None: those of the checkpoint, or else of the
            test dataset of the config.
        device: ``'cpu'``, ``'cuda'``, ...; None: an accelerator if there is one.
        show_progress: whether calls show a bar.

    Raises:
        FileNotFoundError: config or checkpoint are not there.
        ValueError: the config is not of a segmenter or has no test pipeline that reads files,
            the checkpoint does not fit, or the number of classes is not that of the model.
    """

    preprocess_kwargs = {'tags'}
    forward_kwargs = {'restrict'}

    def __init__(
        self,
        model: str | os.PathLike | Config,
        weights: str | os.PathLike,
        classes: Sequence[str] | None = None,
        device: str | None = None,
        show_progress: bool = False,
    ) -> None:
        guard_checkpoints()
        weights = os.fspath(weights)
        check_checkpoint_path(weights, 'checkpoint')
        if not isinstance(model, Config):
            if not os.path.isfile(model):
                raise FileNotFoundError(f'there is no config {os.fspath(model)!r}.')
            model = Config.fromfile(model)
        require_segmenter(model)
        self._given_classes = classes
        super().__init__(
            copy.deepcopy(model), weights, device=device, scope='mmseg',
            show_progress=show_progress,
        )  # fmt: skip
        self.visualizer.set_dataset_meta(**self.model.dataset_meta)

    @property
    def classes(self) -> tuple[str, ...]:
        """The C class names indexed by class id."""
        return self.model.dataset_meta['classes']

    def read(self, path: str | os.PathLike) -> np.ndarray:
        """(H, W, 3) BGR of a file, see :func:`~mmocr_wsss.apis.photo_inputs.read_photo`."""
        return read_photo(path, self._load)

    @torch.no_grad()
    def predict(
        self,
        photos: Sequence[Photo],
        *,
        tags: Sequence[Sequence[str]] | None = None,
        restrict: bool = False,
        batch_size: int = 1,
    ) -> Iterator[Prediction]:
        """Predictions in the order of the photos, batch by batch.

        Args:
            photos: paths, or (H, W, 3) uint8 BGR arrays.
            tags: class names of each photo; None: unknown.
            restrict: the best-scored of the candidates, the tags and the background.
            batch_size: >= 1.

        Raises:
            FileNotFoundError: there is no such photo.
            ValueError: a photo cannot be read, ``tags`` are not one list of known
                classes per photo, or ``restrict`` has none.
        """
        for batch in self.preprocess(photos, batch_size, tags):
            for sample in self.forward(batch, restrict):
                free = sample.get('unrestricted_sem_seg', sample.pred_sem_seg)
                candidates = sample.get('candidates')
                yield Prediction(
                    _ids(sample.pred_sem_seg),
                    _ids(free),
                    None if candidates is None else candidates.cpu().numpy(),
                )

    def candidates(self, tags: Sequence[str]) -> np.ndarray:
        """Candidate classes of a photo, bool (C,) indexed by class id.

        Args:
            tags: class names.

        Raises:
            ValueError: a name is no class of the model, class 0 is not the background, or
                nothing is left where the data have no background.
        """
        if self.classes[0] != BACKGROUND_NAME:
            raise ValueError(
                f'tags need a model whose class 0 is {BACKGROUND_NAME!r}, this one has '
                f'{self.classes[0]!r}.'
            )
        row = tags_from_names(tags, self.classes[1:])
        if not self._background and not row.any():
            raise ValueError('a photo without tags: every pixel of this data set has a class.')
        return candidates_from_tags(row, self._background)

    def preprocess(
        self,
        inputs: Sequence[Photo],
        batch_size: int = 1,
        tags: Sequence[Sequence[str]] | None = None,
    ) -> Iterator[dict]:
        """Batches for the model, each of photos of one size; arguments as of :meth:`predict`.

        Raises:
            ValueError: ``batch_size`` is below 1, or there are not tags for each photo.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size must be >= 1, got {batch_size}.')
        if tags is not None and (
            len(tags) != len(inputs) or any(isinstance(names, str) for names in tags)
        ):
            raise ValueError(
                f'tags must be one list of class names for each of {len(inputs)} photos, '
                f'got {tags!r:.200}.'
            )
        rows = [None] * len(inputs) if tags is None else [self.candidates(names) for names in tags]
        group: list[dict] = []
        for photo, row in zip(inputs, rows, strict=True):
            sample = self.pipeline(photo)
            if row is not None:
                sample['data_samples'].set_data(dict(candidates=torch.from_numpy(row)))
            other_size = group and group[0]['inputs'].shape != sample['inputs'].shape
            if len(group) == batch_size or other_size:
                yield self.collate_fn(group)
                group = []
            group.append(sample)
        if group:
            yield self.collate_fn(group)

    @torch.no_grad()
    def forward(self, inputs: dict, restrict: bool = False) -> list[SegDataSample]:
        """Predict a batch, and with ``restrict`` only classes that the tags admit.

        Returns:
            samples with ``seg_logits`` (C, H, W), ``pred_sem_seg`` (1, H, W) and, with tags,
            ``unrestricted_sem_seg`` (1, H, W).

        Raises:
            ValueError: ``restrict`` without tags, or for a model that gives no dense scores.
        """
        samples = self.model.test_step(inputs)
        for sample in samples:
            if 'candidates' in sample:
                sample.unrestricted_sem_seg = sample.pred_sem_seg
                if restrict:
                    _require_scores(sample)
                    label_map = restricted_label_map(sample.seg_logits.data, sample.candidates)
                    sample.pred_sem_seg = PixelData(data=label_map[None])
            elif restrict:
                raise ValueError('restrict needs tags: they say which classes are admitted.')
        return samples

    def _inputs_to_list(self, inputs: Any) -> list:
        if isinstance(inputs, np.ndarray):
            return [inputs]
        if isinstance(inputs, (str, os.PathLike)):
            return list(collect_photos([inputs]).values())
        return [photo if isinstance(photo, np.ndarray) else os.fspath(photo) for photo in inputs]

    def _init_model(self, cfg: Config, weights: str, device: str = 'cpu') -> nn.Module:
        cfg.model.pop('pretrained', None)
        model = MODELS.build(cfg.model)
        model.cfg = cfg
        meta = require_fit(model, weights)
        names = class_names(cfg, meta, model.num_classes, self._given_classes)
        model.dataset_meta = dict(classes=names, palette=palette(len(names)))
        self._background = background_is_candidate(cfg)
        return model.to(device).eval()

    def _init_pipeline(self, cfg: Config) -> Callable[[Photo], dict]:
        loader = cfg.get('test_dataloader') or {}
        steps = [node['pipeline'] for node in nodes(loader.get('dataset')) if node.get('pipeline')]
        steps = without_annotations(steps[0]) if steps else []
        starts = [k for k, step in enumerate(steps) if str(step['type']).endswith(_LOADERS)]
        if not starts:
            raise ValueError(
                f'{cfg.filename}: test_dataloader needs a pipeline that reads photos with '
                f'{" or ".join(_LOADERS)}, got {[step["type"] for step in steps]}.'
            )
        self.pipeline_cfg = steps
        self._load = TRANSFORMS.build(steps[starts[0]])
        rest = Compose(steps[starts[0] + 1 :])

        def sample_of(photo: Photo) -> dict:
            if isinstance(photo, np.ndarray):
                path, image = '', _checked(photo)
            else:
                path, image = os.fspath(photo), self.read(photo)
            size = image.shape[:2]
            return rest(dict(img_path=path, img=image, img_shape=size, ori_shape=size))

        return sample_of

    def _init_collate(self, cfg: Config) -> Callable[[list[dict]], dict]:
        return pseudo_collate

    def _init_visualizer(self, cfg: Config) -> SegLocalVisualizer:
        """Draws, and keeps no log of a training."""
        return SegLocalVisualizer(name=f'inferencer-{datetime.now().timestamp()}')


def _require_scores(sample: SegDataSample) -> None:
    scores, classes = len(sample.seg_logits.data), len(sample.candidates)
    if scores != classes:
        raise ValueError(
            f'restrict needs a score per class, got {scores} for {classes} classes. A head with '
            'out_channels=1 has none to choose from.'
        )


def _checked(image: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f'photos given as arrays must be (H, W, 3) BGR, got {image.shape}.')
    return image


def _ids(sem_seg: PixelData) -> np.ndarray:
    return sem_seg.data[0].to(torch.uint8).cpu().numpy()
