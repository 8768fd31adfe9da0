# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From the objects of an image of MS COCO to one class id per pixel."""

from collections.abc import Sequence

import numpy as np

from mmocr_wsss.converters.coco_instances import Instance
from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID

#: A crowd region becomes 255 where no object is, an object like others, or nothing.
CROWDS = ('ignore', 'class', 'skip')
#: A pixel that lies in several objects gets the class of the object with the smaller
#: ``area``, of the later or earlier in the JSON, of the higher class id, or 255.
OVERLAPS = ('smaller', 'later', 'earlier', 'higher_id', 'ignore')


def draw_mask(
    height: int, width: int, instances: Sequence[Instance], crowd: str, overlap: str
) -> np.ndarray:
    """(height, width) uint8 class ids: 0 background, 1..80, 255 ignore.

    Args:
        height, width: of the image.
        instances: its objects, in the order of the JSON.
        crowd: one of :data:`CROWDS`.
        overlap: one of :data:`OVERLAPS`. Of two equal areas the earlier is on top.

    Raises:
        ValueError: ``crowd`` or ``overlap`` is something else.
    """
    drawn = [(instance, instance_pixels(height, width, instance)) for instance in instances]
    return compose_mask(height, width, drawn, crowd, overlap)


def compose_mask(
    height: int,
    width: int,
    drawn: Sequence[tuple[Instance, np.ndarray]],
    crowd: str,
    overlap: str,
) -> np.ndarray:
    """As :func:`draw_mask`, from objects with their (height, width) bool pixels.

    Raises:
        ValueError: ``crowd`` or ``overlap`` is something else.
    """
    for name, value, known in (('crowd', crowd, CROWDS), ('overlap', overlap, OVERLAPS)):
        if value not in known:
            raise ValueError(f'{name}={value!r} must be one of {", ".join(known)}.')
    mask = np.full((height, width), BACKGROUND_ID, np.uint8)
    objects = [item for item in drawn if crowd == 'class' or not item[0].crowd]
    if crowd == 'ignore':
        for instance, pixels in drawn:
            if instance.crowd:
                mask[pixels] = IGNORE_ID
    for instance, pixels in _bottom_to_top(objects, overlap):
        mask[pixels] = instance.class_id
    if overlap == 'ignore' and len(objects) > 1:
        mask[np.sum([pixels for _, pixels in objects], axis=0) > 1] = IGNORE_ID
    return mask


def instance_pixels(height: int, width: int, instance: Instance) -> np.ndarray:
    """(height, width) bool pixels of an object, drawn by pycocotools."""
    from pycocotools import mask as coco_mask

    segmentation = instance.segmentation
    if isinstance(segmentation, list):
        if not segmentation:
            return np.zeros((height, width), bool)
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation['counts'], list):
        segmentation = coco_mask.frPyObjects(segmentation, height, width)
    return coco_mask.decode(segmentation).astype(bool)


def _bottom_to_top(drawn: list, overlap: str) -> list:
    if overlap == 'smaller':
        return sorted(drawn, key=lambda item: item[0].area)[::-1]
    if overlap == 'higher_id':
        return sorted(drawn, key=lambda item: item[0].class_id)
    return drawn[::-1] if overlap == 'earlier' else drawn
