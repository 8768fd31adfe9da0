# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A photo with what a segmenter says of it, and what the tags rule out."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmocr_wsss.labels import BACKGROUND_ID, palette
from mmocr_wsss.visualization.prediction_grid import paint_classes
from mmocr_wsss.visualization.tagged_photo import (
    NO_TAGS,
    Label,
    lay_out,
    mark_rim,
    mask_labels,
    panel_of,
    percent,
)


def draw_prediction(
    photo: np.ndarray,
    label_map: np.ndarray,
    class_names: Sequence[str],
    *,
    title: str,
    candidates: np.ndarray | None = None,
    unrestricted: np.ndarray | None = None,
) -> np.ndarray:
    """The photo, its prediction over it, and below them the classes with their shares.

    Out-of-candidate pixels have a magenta border, and so have the names of their classes.
    Of a restricted prediction these are the pixels that the restriction changed.

    Args:
        photo: uint8 (H, W, 3) RGB.
        label_map: uint8 (H, W) class ids.
        class_names: the C names indexed by class id.
        title: stands above the photo.
        candidates: bool (C,) indexed by class id; None: unknown, nothing is marked.
        unrestricted: uint8 (H, W) class ids before a restriction to the candidates; None:
            there was none.

    Returns:
        uint8 (h, w, 3) RGB.

    Raises:
        ValueError: the sizes of photo and label maps disagree.
    """
    free = label_map if unrestricted is None else unrestricted
    if not photo.shape[:2] == label_map.shape == free.shape:
        raise ValueError(
            f'{title}: photo {photo.shape[:2]} and label maps {label_map.shape}, {free.shape} must '
            'have one size.'
        )
    colours = palette(len(class_names))
    overlay = panel_of(paint_classes(photo, label_map, np.array(colours, np.uint8)))
    shown = np.bincount(label_map.ravel(), minlength=len(class_names)) > 0
    if candidates is None:
        shown[BACKGROUND_ID] = True
        labels = mask_labels(label_map, class_names, candidates=shown, absent='')
    else:
        mark_rim(overlay, ~candidates[panel_of(free, shrink=cv2.INTER_NEAREST)])
        labels = mask_labels(label_map, class_names, candidates=candidates, absent='not predicted')
        if not candidates[BACKGROUND_ID + 1 :].any():
            labels.append(NO_TAGS)
        counts = np.bincount(free.ravel(), minlength=len(class_names))
        for k in np.flatnonzero(~candidates & (counts > 0) & ~shown).tolist():
            text = f'{k} {class_names[k]} {percent(counts[k], free.size)}: ruled out'
            labels.append(Label(text, tuple(colours[k]), 'marked'))
    return lay_out([panel_of(photo), overlay], labels, title)
