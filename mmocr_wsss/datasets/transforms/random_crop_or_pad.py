# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Crop to a fixed size; what is smaller is pasted into a canvas of the mean colour."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmocr_wsss.labels import IGNORE_ID
from mmocr_wsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomCropOrPad(BaseTransform):
    """Give image and masks the size ``crop_size``, each axis for itself.

    Where the image is longer than the crop, a random part of it is taken;
    where it is shorter, it is pasted at a random place (``placement='random'``,
    PSA and SEAM) or at the start (``'topleft'``, MCTformer). All integer offsets
    are equally likely, both ends included. Image and masks share them.

    The image becomes float32 and is padded with ``pad_val``; give it the ``mean`` of
    the data preprocessor, then the padding is exactly 0 after normalisation, as in
    the reference pipelines, which pad normalised images.

    Must be the last transform that moves pixels: ``valid_box`` would not follow.

    Required keys: ``img`` (H, W, 3), any number of masks (H, W) in ``seg_fields``.
    Modified keys: those, ``img_shape``, ``pad_shape``.
    Added key: ``valid_box`` = (top, left, height, width), the rectangle of the crop
    that shows the image. Pack it: ``PackSegInputs(meta_keys=(..., 'valid_box'))``.

    Args:
        crop_size: (height, width), or one side for both.
        placement: ``'random'`` or ``'topleft'``, where smaller images go.
        seg_pad_val: class id in the padding of the masks; 255 (SEAM) is ignored,
            0 (MCTformer) is trained as background.
        pad_val: colour of the padding, R, G, B in 0..255.
        channel_order: order of the channels of ``img``, ``'bgr'`` (mmcv's readers)
            or ``'rgb'``; ``pad_val`` is turned to it.

    Reference: ``RandomCrop`` of jiwoon-ahn/psa and the pipelines built on it; the crop
    of MCTformer's segmentation code never draws the last offset, ours does.
    """

    def __init__(
        self,
        crop_size: int | Sequence[int],
        placement: str = 'random',
        seg_pad_val: int = IGNORE_ID,
        pad_val: Sequence[float] = (123.675, 116.28, 103.53),
        channel_order: str = 'bgr',
    ) -> None:
        size = (crop_size, crop_size) if isinstance(crop_size, int) else tuple(crop_size)
        if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
            raise ValueError(
                f'crop_size must be (height, width) in pixels or one side, got {crop_size!r}.'
            )
        if placement not in ('random', 'topleft'):
            raise ValueError(f"placement must be 'random' or 'topleft', got {placement!r}.")
        if channel_order not in ('bgr', 'rgb'):
            raise ValueError(f"channel_order must be 'bgr' or 'rgb', got {channel_order!r}.")
        if len(pad_val) != 3:
            raise ValueError(f'pad_val must be three numbers R, G, B, got {pad_val!r}.')
        if not 0 <= seg_pad_val <= 255:
            raise ValueError(f'seg_pad_val must be a class id in 0..255, got {seg_pad_val!r}.')
        self.crop_size = size
        self.placement = placement
        self.seg_pad_val = seg_pad_val
        self.pad_val = tuple(pad_val)
        self.channel_order = channel_order

    @cache_randomness
    def _offsets(self, size: tuple[int, int]) -> list[int]:
        """Per axis: where the crop starts in the image, or minus where the image starts."""
        offsets = []
        for side, crop in zip(size, self.crop_size, strict=True):
            if side >= crop:
                offsets.append(int(np.random.randint(0, side - crop + 1)))
            elif self.placement == 'random':
                offsets.append(-int(np.random.randint(0, crop - side + 1)))
            else:
                offsets.append(0)
        return offsets

    def transform(self, results: dict) -> dict:
        """Replace ``img`` and the masks, set the sizes and ``valid_box``.

        Raises:
            ValueError: the image is not (H, W, 3), or a mask has another size.
        """
        image = results['img']
        size = image.shape[:2]
        if image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f'RandomCropOrPad needs a (H, W, 3) image, got {image.shape}.')
        offsets = self._offsets(size)
        colour = self.pad_val if self.channel_order == 'rgb' else self.pad_val[::-1]
        results['img'] = self._paste(image, offsets, np.array(colour, np.float32))
        for key in results.get('seg_fields', []):
            mask = results[key]
            if mask.shape[:2] != size:
                raise ValueError(
                    f'{results.get("img_path", "image")}: {key} has the size {mask.shape[:2]}, '
                    f'the image {size}. Resize both or neither.'
                )
            results[key] = self._paste(mask, offsets, np.array(self.seg_pad_val, mask.dtype))
        results['img_shape'] = results['pad_shape'] = self.crop_size
        lengths = [min(side, crop) for side, crop in zip(size, self.crop_size, strict=True)]
        results['valid_box'] = (max(-offsets[0], 0), max(-offsets[1], 0), *lengths)
        return results

    def _paste(self, array: np.ndarray, offsets: list[int], fill: np.ndarray) -> np.ndarray:
        """(H, W, ...) to crop_size; ``fill`` sets colour and dtype."""
        canvas = np.empty((*self.crop_size, *array.shape[2:]), fill.dtype)
        canvas[:] = fill
        source, target = [], []
        for offset, side, crop in zip(offsets, array.shape[:2], self.crop_size, strict=True):
            length = min(side, crop)
            source.append(slice(max(offset, 0), max(offset, 0) + length))
            target.append(slice(max(-offset, 0), max(-offset, 0) + length))
        canvas[tuple(target)] = array[tuple(source)]
        return canvas

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(crop_size={self.crop_size}, placement={self.placement!r}, '
            f'seg_pad_val={self.seg_pad_val}, pad_val={self.pad_val}, '
            f'channel_order={self.channel_order!r})'
        )
