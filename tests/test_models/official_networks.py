# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CAM classifiers with the weights of the official checkpoints, through the converter."""

import os

import numpy as np
import torch
from golden import official_state_dict
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from mmocr_wsss.checkpoints.convert import SOURCES, convert_file
from mmocr_wsss.datasets.transforms import PackScaledViews
from mmocr_wsss.functional.cam import merge_views

RGB_MEAN_STD = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)


def load_official(config: dict, kind: str, folder) -> torch.nn.Module:
    """The model of a config in eval mode, weights by the golden rule."""
    model = MODELS.build(config)
    model.load_state_dict(converted(official_state_dict(kind), kind, folder), strict=True)
    return model.eval()


def converted(checkpoint: dict, source: str, folder) -> dict[str, torch.Tensor]:
    """Our weights from an official checkpoint, through files in ``folder`` that are removed."""
    official, ours = folder / 'official.pth', folder / 'ours.pth'
    torch.save(checkpoint, official)
    convert_file(official, ours, source=source)
    state = torch.load(ours, weights_only=True)['state_dict']
    for path in (official, ours):
        os.remove(path)
    return state


def check_gradients(golden, model, kind: str) -> None:
    """Gradients of the whole model under the official parameter names."""
    (layout,) = SOURCES[kind]()
    golden.check_gradients('grad.', dict(model.named_parameters()), layout.targets)


def samples(tags: torch.Tensor) -> list[DataSample]:
    """One sample per row of (N, K) tags."""
    return [DataSample().set_gt_score(row) for row in tags]


def photo_views(model, photo: np.ndarray, scales) -> list[torch.Tensor]:
    """The (H, W, 3) RGB photo at every scale as the test pipeline makes it, normalised."""
    results = dict(
        img=np.ascontiguousarray(photo[..., ::-1]), img_path='photo', img_id='photo',
        gt_score=np.zeros(20, np.float32),
    )  # fmt: skip
    views = PackScaledViews(scales).transform(results)['inputs']
    return [model.data_preprocessor(dict(inputs=[view]))['inputs'] for view in views]


def merged(model, golden, views, class_index) -> torch.Tensor:
    """(k, H, W) sum over views and mirrors at the size of the photo."""
    size = golden.photo().shape[:2]
    with torch.no_grad():
        return merge_views(model.cams, views, torch.as_tensor(class_index), size=size, flip=True)


def check_sizes(golden, views) -> None:
    """Input sizes, every scale followed by its flip."""
    sizes = [view.shape[-2:] for view in views for _ in range(2)]
    golden.check('ms.sizes', np.array(sizes))
