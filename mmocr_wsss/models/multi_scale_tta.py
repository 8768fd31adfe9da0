# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Multi-scale and flip test with optional dense CRF, used as ``tta_model``."""

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmocr_wsss.functional.dense_crf import dense_crf, dense_crf_settings, require_pydensecrf
from mmocr_wsss.functional.multi_scale import (
    max_of_softmax,
    resize_opencv_cubic,
    resize_torch_bilinear,
    softmax_of_mean,
)
from mmocr_wsss.registry import MODELS


class _Variant(NamedTuple):
    scales: tuple[float, ...]
    flip: bool
    resize: Callable[..., Tensor]
    merge: Callable[[Sequence[Tensor]], Tensor]
    resize_twice: bool


#: The two published tests. ``resize_twice``: logits go to the size of the scaled input
#: first (the network does so itself) and from there to the photo with aligned corners.
_VARIANTS = {
    'seam': _Variant(
        scales=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75),
        flip=True,
        resize=resize_opencv_cubic,
        merge=softmax_of_mean,
        resize_twice=True,
    ),
    'mctformer': _Variant(
        scales=(0.5, 0.75, 1.0, 1.25, 1.5),
        flip=False,
        resize=resize_torch_bilinear,
        merge=max_of_softmax,
        resize_twice=False,
    ),
}


@MODELS.register_module()
class MultiScaleTTA(BaseTTAModel):
    """Test a segmentor at several scales on samples of native size.

    mmseg's own test-time augmentation resizes 8-bit images in the pipeline; the
    published tests resize the *normalised* image, so this model does it itself
    and needs a pipeline without Resize or TestTimeAug::

        tta_pipeline = [
            dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
            dict(type='PackSegInputs')]
        tta_model = dict(
            type='mmocr_wsss.MultiScaleTTA', variant='seam', dense_crf='seam_segmentation')

    ==============  ============================  ==================================
    variant         ``'seam'``                    ``'mctformer'``
    ==============  ============================  ==================================
    scales          0.5, 0.75, ... 1.75           0.5, 0.75, ... 1.5
    flip            yes                           no
    image           OpenCV bicubic                bilinear, aligned corners, sides
                                                  ``int(side * scale)``
    logits          to the scaled input as the    straight to the photo as the
                    head says, then to the photo  head says
                    with aligned corners
    merge           softmax of the mean logits    per-pixel maximum of the softmaxes
    published CRF   ``'seam_segmentation'``       ``'mctformer_segmentation'``
    ==============  ============================  ==================================

    Args:
        module: the segmentor or its config; mmseg's ``EncoderDecoder`` family
            with more than one output channel. It always sees whole images.
        variant: ``'seam'`` or ``'mctformer'``.
        scales: factors on both sides; None: those of the variant.
        flip: also test mirrored images; None: as in the variant.
        dense_crf: None for no CRF, a name of ``DENSE_CRF_SETTINGS`` or a dict with
            the arguments of :func:`dense_crf`. It gets the original 8-bit image in
            the channel order of the network.
            (The SEAM codebase gives it the denormalised image, which differs by
            one gray level in part of the values.)
        data_preprocessor: replaces the one of ``module``, if given.

    Raises:
        ValueError: a setting is unknown, or a sample is not of native size.
        ImportError: ``dense_crf`` is given and pydensecrf2 is missing.

    Reference: github.com/YudeWang/semantic-segmentation-codebase
    ``experiment/seamv1-pseudovoc/test.py``; github.com/xulianuwa/MCTformer
    ``seg/infer_seg.py``.
    """

    def __init__(
        self,
        module: dict | nn.Module,
        variant: str,
        scales: Sequence[float] | None = None,
        flip: bool | None = None,
        dense_crf: str | dict | None = None,
        data_preprocessor: dict | None = None,
    ):
        if variant not in _VARIANTS:
            raise ValueError(f'variant must be one of {list(_VARIANTS)}, got {variant!r}.')
        published = _VARIANTS[variant]
        scales = published.scales if scales is None else tuple(scales)
        if not scales or min(scales) <= 0:
            raise ValueError(f'scales must be positive, at least one, got {list(scales)}.')
        super().__init__(module, data_preprocessor)
        if self.module.out_channels == 1:
            raise ValueError(
                'MultiScaleTTA needs a softmax over classes, but the segmentor has '
                'out_channels=1; set out_channels=2 in its decode_head.'
            )
        self.scales = scales
        self.flip = published.flip if flip is None else flip
        self.resize, self.merge = published.resize, published.merge
        self.resize_twice = published.resize_twice
        self.crf_settings = None if dense_crf is None else dense_crf_settings(dense_crf)
        if self.crf_settings is not None:
            require_pydensecrf()

    @torch.no_grad()
    def test_step(self, data: dict) -> list[SegDataSample]:
        """Predictions of a batch, whose images may differ in size.

        Args:
            data: ``inputs``, a list of (3, H, W) uint8 images, and
                ``data_samples``, as packed by mmseg.

        Returns:
            The samples with ``pred_sem_seg`` (1, H, W) and ``seg_logits``
            (C, H, W). The latter are scores in [0, 1]: merged probabilities, or
            CRF marginals with ``dense_crf``.
        """
        return [
            self._predict_one(image, sample)
            for image, sample in zip(data['inputs'], data['data_samples'], strict=True)
        ]

    def merge_preds(self, data_samples_list: list) -> list:
        """Not used: merging happens on dense maps in :meth:`test_step`."""
        return [samples[0] for samples in data_samples_list]

    def _predict_one(self, image: Tensor, sample: SegDataSample) -> SegDataSample:
        shape = tuple(sample.metainfo.get('ori_shape', image.shape[-2:])[:2])
        if tuple(image.shape[-2:]) != shape:
            raise ValueError(
                f'{sample.metainfo.get("img_path", "a sample")}: MultiScaleTTA needs the photo '
                f'at its native size {shape}, got {tuple(image.shape[-2:])}. Take Resize and '
                'TestTimeAug out of tta_pipeline.'
            )
        batch = self.module.data_preprocessor(dict(inputs=[image], data_samples=[sample]))
        inputs = batch['inputs'][..., : shape[0], : shape[1]]  # without padding of test_cfg
        scores = self.predict_scores(inputs)[0]
        if self.crf_settings is not None:
            scores = self._refine(scores, image, self.crf_settings)
        sample = batch['data_samples'][0]
        sample.set_data(
            dict(
                seg_logits=PixelData(data=scores),
                pred_sem_seg=PixelData(data=scores.argmax(dim=0, keepdim=True)),
            )
        )
        return sample

    def predict_scores(self, image: Tensor) -> Tensor:
        """Merged scores of all scales and mirrors.

        Args:
            image: (1, 3, H, W) normalised.

        Returns:
            (1, C, H, W) in [0, 1].
        """
        logits = []
        with warnings.catch_warnings():
            # The host advises other sizes at every new size; these are the published ones.
            warnings.filterwarnings('ignore', message='When align_corners=True')
            for scale in self.scales:
                scaled = self.resize(image, scale=scale)
                logits.append(self._logits(scaled, image.shape[-2:]))
                if self.flip:
                    logits.append(self._logits(scaled.flip(-1), image.shape[-2:]).flip(-1))
        return self.merge(logits)

    def _logits(self, image: Tensor, size: Sequence[int]) -> Tensor:
        """(1, C, *size) logits of one image."""
        size = tuple(size)
        if not self.resize_twice:
            return self.module.encode_decode(image, [dict(img_shape=size)])
        logits = self.module.encode_decode(image, [dict(img_shape=tuple(image.shape[-2:]))])
        return F.interpolate(logits, size=size, mode='bilinear', align_corners=True)

    def _refine(self, scores: Tensor, image: Tensor, settings: dict) -> Tensor:
        array = image.permute(1, 2, 0).cpu().numpy()
        if self.module.data_preprocessor._channel_conversion:
            array = np.ascontiguousarray(array[..., ::-1])
        return torch.from_numpy(dense_crf(scores.cpu().numpy(), array, **settings)).to(scores)
