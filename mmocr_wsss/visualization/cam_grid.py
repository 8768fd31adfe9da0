# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""One picture per image: photo, heat map of each tagged class, seed at a threshold."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from mmocr_wsss.functional.cam import seed_from_cam
from mmocr_wsss.visualization.prediction_grid import class_colours, paint_classes

_MAX_COLUMNS = 6
_PANEL = 2.4  # inches, longer side
_DPI = 100
_HEAT = 0.55  # share of the heat map's colour over the greyed photo


def heat_map(image: np.ndarray, cam: np.ndarray) -> np.ndarray:
    """Lay one map over the greyed photo: blue is 0, red is 1, values beyond are cut.

    Args:
        image: uint8 (H, W, 3) RGB.
        cam: (H, W) float.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    from matplotlib import colormaps

    heat = colormaps['jet'](np.clip(cam, 0, 1).astype(np.float32))[..., :3] * 255
    grey = image.astype(np.float64) @ (0.299, 0.587, 0.114)
    return np.rint((1 - _HEAT) * grey[..., None] + _HEAT * heat).astype(np.uint8)


def draw_cam_grid(
    image: np.ndarray,
    cam: np.ndarray,
    class_ids: Sequence[int] | np.ndarray,
    class_names: Sequence[str],
    *,
    background_threshold: float,
    title: str,
) -> np.ndarray:
    """Photo, one heat map per tagged class, and the seed, side by side.

    The frame around a heat map has the colour that the class has in the seed;
    more than six panels take several rows.

    Args:
        image: uint8 (H, W, 3) RGB.
        cam: (k, H, W) float normalised maps; k may be 0.
        class_ids: their k class ids, ascending.
        class_names: the C names indexed by class id, background first.
        background_threshold: the seed is background where no map is above it.
        title: stands above the panels.

    Returns:
        uint8 (h, w, 3) RGB picture.

    Raises:
        ValueError: sizes disagree, or a class id has no name.
    """
    ids = np.asarray(class_ids, np.int64)
    _check(title, image, cam, ids, class_names)
    colours = class_colours(len(class_names))
    seed = seed_from_cam(
        torch.from_numpy(np.ascontiguousarray(cam, np.float32)),
        torch.from_numpy(ids),
        background_threshold,
    ).numpy()
    panels = [(image, 'photo', None)]
    for one, class_id in zip(cam, ids.tolist(), strict=True):
        caption = f'{class_names[class_id]}, max {one.max():.2f}'
        panels.append((heat_map(image, one), caption, colours[class_id] / 255))
    caption = f'seed at {background_threshold:g}'
    panels.append((paint_classes(image, seed, colours), caption, None))
    return _draw(panels, title)


def _check(title, image, cam, ids, class_names):
    if cam.ndim != 3 or cam.shape[1:] != image.shape[:2] or len(cam) != len(ids):
        raise ValueError(
            f'{title}: maps must be (k, {image.shape[0]}, {image.shape[1]}) like the photo, one '
            f'of {len(ids)} class ids each, got {cam.shape}. Do the photos belong to the CAMs?'
        )
    if ids.size and ids.max() >= len(class_names):
        raise ValueError(
            f'{title}: class ids must be below {len(class_names)}, the number of class names with '
            f'background, got {ids.tolist()}. Check the class list.'
        )


def _draw(panels, title):
    """Put the panels with their captions and frame colours on one canvas."""
    # Without pyplot: no global state and no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = panels[0][0].shape[:2]
    columns = min(len(panels), _MAX_COLUMNS)
    rows = math.ceil(len(panels) / columns)
    scale = _PANEL / max(height, width)
    size = (columns * (scale * width + 0.1), rows * (scale * height + 0.35) + 0.3)
    figure = Figure(figsize=size, dpi=_DPI, layout='constrained', facecolor='white')
    canvas = FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.01, hspace=0.02)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (picture, caption, colour) in zip(axes, panels, strict=False):
        axis.imshow(picture, interpolation='nearest')
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set(
            color='0.7' if colour is None else colour, linewidth=1 if colour is None else 3
        )
        axis.set_title(caption, fontsize=9, pad=4)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    figure.suptitle(title, fontsize=10)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
