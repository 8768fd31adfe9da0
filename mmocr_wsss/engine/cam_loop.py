# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Test loop that makes CAMs."""

import hashlib
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmocr_wsss.cam_files import cam_grid
from mmocr_wsss.engine.image_file_loop import ImageFileLoop, require_one_of
from mmocr_wsss.functional.cam import NORMALISATIONS, merge_views
from mmocr_wsss.labels import class_ids_from_tags
from mmocr_wsss.registry import LOOPS

PRECISIONS = ('float32', 'bfloat16')


@LOOPS.register_module()
class CAMLoop(ImageFileLoop):
    """Makes the CAMs of every image of the test dataset.

    The views of an image (``mmocr_wsss.PackScaledViews``) and their mirrors go
    through ``model.cams``, are merged, normalised and handed to the evaluator
    ``mmocr_wsss.CAMDumper``.

    Args:
        runner: the runner; its model has ``cams`` (``mmocr_wsss.CAMClassifier``).
        dataloader: config with a ``TaggedImageDataset``.
        evaluator: config with a ``CAMDumper``.
        normalisation: ``'max'`` (PSA), ``'seam'`` or ``'min_max'`` (MCTformer).
        flip: add the mirror of every view.
        stride: of the written maps; 1 is full size, 8 costs about 1/50 of the disk.
        precision: of the network, ``'float32'`` or ``'bfloat16'`` (autocast);
            merging and normalising are float32 either way.
        on_error: see :class:`ImageFileLoop`.
        background_threshold: background score that later steps and pictures use
            unless told otherwise; stands in ``stage.json``.

    Raises:
        ValueError: as :class:`ImageFileLoop`, or the number of classes differs.
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
        require_one_of('normalisation', normalisation, tuple(NORMALISATIONS))
        require_one_of('precision', precision, PRECISIONS)
        cam_grid((1, 1), stride)  # refuses a bad stride
        super().__init__(runner, dataloader, evaluator, on_error)
        self.normalisation, self.flip, self.stride = normalisation, flip, stride
        self.precision, self.background_threshold = precision, background_threshold

    def check_model(self, model: Any) -> None:
        """See :meth:`ImageFileLoop.check_model`.

        Raises:
            ValueError: the network's maps are of another number of classes.
        """
        scored = getattr(model.head, 'num_classes', None)
        known = len(self.dataset.metainfo['classes'])
        if scored not in (None, known):
            raise ValueError(
                f'the network has maps of {scored} classes, the test dataset has {known}. Set '
                f'model.head.num_classes={known} as in training, or the classes of the dataset.'
            )

    def complete(self, item: dict) -> BaseDataElement:
        """Add ``cam`` (k, h, w) float32 in [0, 1] and ``class_ids`` (k,) to the data sample."""
        sample = item['data_samples']
        tags = sample.gt_score.numpy() > 0
        cam = self._cam(item['inputs'], tags, sample.ori_shape)
        class_ids = torch.from_numpy(class_ids_from_tags(tags))
        sample.set_data(dict(cam=cam, class_ids=class_ids))
        return sample

    def stage(self) -> dict[str, Any]:
        """Tags and settings that the CAMs depend on."""
        digest = hashlib.sha256()
        for index in range(len(self.dataset)):
            info = self.dataset.get_data_info(index)
            digest.update(info['img_id'].encode() + info['gt_score'].tobytes())
        facts = {} if self.dataset.background else {'background': False}
        return facts | dict(
            stage='cam',
            tags_sha256=digest.hexdigest(),
            background_threshold=self.background_threshold,
            normalisation=self.normalisation,
            flip=self.flip,
            stride=self.stride,
            precision=self.precision,
        )

    def _cam(self, views: list[Tensor], tags: Any, image_size: tuple[int, int]) -> Tensor:
        """(k, h, w) float32 normalised maps of the tagged classes."""
        size = cam_grid(image_size, self.stride)
        if not tags.any():
            return torch.zeros(0, *size)
        model = self.model
        inputs = (model.data_preprocessor(dict(inputs=[view]))['inputs'] for view in views)
        class_index = torch.from_numpy(tags.nonzero()[0]).to(next(model.parameters()).device)
        low = self.precision == 'bfloat16'
        with torch.autocast(get_device(), torch.bfloat16, enabled=low):
            maps = merge_views(model.cams, inputs, class_index, size=size, flip=self.flip)
        return NORMALISATIONS[self.normalisation](maps).cpu()
