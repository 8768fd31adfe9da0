# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The prior of the out-of-candidate loss, counted from the tags."""

import os.path as osp

import numpy as np
import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from mmocr_wsss.artifacts import write_json
from mmocr_wsss.functional.out_of_candidate import annotation_correlation
from mmocr_wsss.registry import HOOKS

FILE_NAME = 'annotation_correlation.json'


@HOOKS.register_module()
class AnnotationCorrelationHook(Hook):
    """Computes the prior of the out-of-candidate loss when training starts.

    The annotation correlation is counted from the tags of the training dataset,
    given to ``model.loss_oc``, written to ``annotation_correlation.json`` in the
    work directory and stored in the meta data of every checkpoint.

    Args:
        smoothing: pseudo-count, > 0; keeps every share above 0 (ours).
    """

    def __init__(self, smoothing: float = 1.0):
        if not smoothing > 0:
            raise ValueError(f'smoothing must be > 0 so that no share is 0, got {smoothing}.')
        self.smoothing = smoothing
        self.correlation: Tensor | None = None

    def before_train(self, runner: Runner) -> None:
        """Count the tags and hand the matrix to the loss.

        Raises:
            ValueError: the model has no ``loss_oc``, the dataset has no tags, or
                they disagree on the number of classes.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not hasattr(model, 'loss_oc'):
            raise ValueError(
                f'AnnotationCorrelationHook needs a model with loss_oc, got {type(model).__name__}.'
                " Use model.type='mmocr_wsss.CandidateEncoderDecoder' or remove the hook."
            )
        dataset = runner.train_dataloader.dataset
        tags = torch.from_numpy(np.concatenate(tags_of_dataset(dataset)))
        if tags.shape[1] + 1 != model.num_classes:
            raise ValueError(
                f'the training tags know {tags.shape[1]} classes, so the model needs '
                f'num_classes={tags.shape[1] + 1} with background; its decode head has '
                f'{model.num_classes}.'
            )
        correlation = annotation_correlation(tags, smoothing=self.smoothing)
        model.loss_oc.set_prior(correlation.to(next(model.parameters()).device))
        self.correlation = correlation
        self._write(runner, dataset.metainfo['classes'], tags, correlation)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the matrix with the weights, as plain lists; without a training there is none."""
        if self.correlation is not None:
            checkpoint['meta'][FILE_NAME.removesuffix('.json')] = self.correlation.tolist()

    @master_only
    def _write(self, runner: Runner, classes: list[str], tags: Tensor, correlation: Tensor) -> None:
        path = osp.join(runner.work_dir, FILE_NAME)
        content = dict(
            classes=list(classes),
            num_images=len(tags),
            smoothing=self.smoothing,
            correlation=correlation.tolist(),
        )
        write_json(path, content)
        runner.logger.info(f'Annotation correlation of {len(tags)} training images: {path}')


def tags_of_dataset(dataset) -> list[np.ndarray]:
    """Tags of a dataset, looking through the wrappers of the hosts.

    Returns:
        (M_i, K) bool per wrapped ``ImageTagDataset``.

    Raises:
        ValueError: there is a dataset without tags.
    """
    if hasattr(dataset, 'tag_matrix'):
        return [dataset.tag_matrix]
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if inner == [None]:
        raise ValueError(
            f'the training dataset {type(dataset).__name__} carries no tags. Wrap it: '
            "train_dataloader.dataset=dict(type='mmocr_wsss.ImageTagDataset', dataset=..., "
            'tags=...).'
        )
    return [tags for child in inner for tags in tags_of_dataset(child)]
