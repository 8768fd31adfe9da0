# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A figure that compares predictions without and with the out-of-candidate loss."""

import os
from collections.abc import Sequence
from textwrap import fill
from typing import NamedTuple

import numpy as np

from mmocr_wsss.artifacts import atomic_path
from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID, palette

#: Easily told apart, for up to nine foreground classes; more take VOC's colours.
_COLOURS = (
    (0, 0, 0), (31, 119, 220), (255, 196, 20), (214, 39, 40), (44, 160, 70), (148, 82, 200),
    (255, 127, 14), (23, 190, 207), (140, 86, 75), (188, 189, 34),
)  # fmt: skip
#: Of pixels outside the candidate classes.
MARK_COLOUR = (255, 0, 200)
_CAPTION_WIDTH = 36  # letters below a panel
_COLUMNS = {
    'image': 'Photo',
    'cam': 'CAM',
    'pseudo_mask': 'Pseudo mask',
    'baseline': 'Baseline',
    'outside': 'OC pixels of the baseline',
    'rectified': 'Baseline + OC loss',
    'truth': 'Truth',
}


class PredictionRow(NamedTuple):
    """One image of the figure, height H and width W.

    image: uint8 (H, W, 3) RGB. candidates: bool (C,), indexed by class id.
    baseline, rectified: (H, W) class ids. truth: the same, 255 is ignored, or None.
    cam: (C, H, W) in [0, 1], 0 for classes without a map, or None. pseudo_mask: (H, W) class
    ids, 255 = ignored, or None. Figures have columns for these three where all rows have them.
    """

    image: np.ndarray
    candidates: np.ndarray
    baseline: np.ndarray
    rectified: np.ndarray
    truth: np.ndarray | None = None
    cam: np.ndarray | None = None
    pseudo_mask: np.ndarray | None = None


def class_colours(num_classes: int) -> np.ndarray:
    """Colours of the figure: uint8 (C, 3) RGB, indexed by class id."""
    colours = _COLOURS if num_classes <= len(_COLOURS) else palette(num_classes)
    return np.array(colours[:num_classes], np.uint8)


def paint_classes(image: np.ndarray, mask: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Lay class colours over a greyed photo; background and ignored pixels stay grey.

    Args:
        image: uint8 (H, W, 3) RGB.
        mask: (H, W) class ids 0..C-1, 255 = ignore.
        colours: uint8 (C, 3) RGB.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    canvas = _faded(image)
    shown = (mask != BACKGROUND_ID) & (mask != IGNORE_ID)
    canvas[shown] = 0.25 * canvas[shown] + 0.75 * colours[mask[shown]]
    return np.rint(canvas).astype(np.uint8)


def mark_pixels(image: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """The greyed photo with the ``marked`` bool (H, W) pixels in magenta, uint8 (H, W, 3)."""
    canvas = _faded(image)
    canvas[marked] = MARK_COLOUR
    return np.rint(canvas).astype(np.uint8)


def paint_maps(image: np.ndarray, maps: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Lay each pixel's strongest map over the greyed photo, the stronger the more.

    Args:
        image: uint8 (H, W, 3) RGB.
        maps: (C, H, W) in [0, 1]; the background's is not shown.
        colours: uint8 (C, 3) RGB.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    shown = np.array(maps, np.float64)
    shown[BACKGROUND_ID] = 0
    best = shown.argmax(axis=0)
    weight = 0.9 * shown.max(axis=0).clip(0, 1)[..., None]
    return np.rint((1 - weight) * _faded(image) + weight * colours[best]).astype(np.uint8)


def _faded(image):
    grey = image.astype(np.float64) @ (0.299, 0.587, 0.114)
    return np.repeat(90 + 0.55 * grey[..., None], 3, axis=2)


def save_prediction_grid(
    path: str | os.PathLike,
    rows: Sequence[PredictionRow],
    class_names: Sequence[str],
    *,
    title: str,
) -> None:
    """Write the figure: photo, (CAM, pseudo mask,) baseline, its OC pixels, + OC loss, truth.

    Under each photo stand its tags, under each prediction its share of OC pixels
    among all pixels that the truth does not ignore.

    Args:
        path: file to write; the suffix (.png, .pdf, .svg) gives the format.
        rows: at least one image; sizes may differ.
        class_names: the C names indexed by class id, background first.
        title: stands above the columns.

    Raises:
        ValueError: no rows, or a row's arrays do not fit together.
    """
    if not rows:
        raise ValueError('the figure needs at least one row, got none.')
    for number, row in enumerate(rows):
        _check_row(number, row, len(class_names))
    # Without pyplot: no global state and no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panel_width = 2.5
    shapes = [row.image.shape for row in rows]
    heights = [panel_width * height / width + 0.22 for height, width, _ in shapes]
    columns = _columns(rows)
    size = (len(columns) * (panel_width + 0.08), sum(heights) + 1.2)
    layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.01, hspace=0.02)
    figure = Figure(figsize=size, layout=layout, facecolor='white')
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        len(rows), len(columns), squeeze=False, gridspec_kw=dict(height_ratios=heights)
    )
    colours = class_colours(len(class_names))
    for row, line in zip(rows, axes, strict=True):
        _draw_row(line, row, class_names, colours, columns)
    for column, name in zip(axes[0], columns, strict=True):
        column.set_title(_COLUMNS[name], fontsize=12, fontweight='bold', pad=6)
    figure.suptitle(title, fontsize=14)
    _draw_legend(figure, rows, class_names, colours)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _columns(rows: Sequence[PredictionRow]) -> list[str]:
    """Names of the columns for which all rows have something to show."""
    optional = ('cam', 'pseudo_mask', 'truth')
    lacking = {name for name in optional if any(getattr(row, name) is None for row in rows)}
    return [name for name in _COLUMNS if name not in lacking]


def _check_row(number, row, num_classes):
    shape = row.image.shape[:2]
    names = ('baseline', 'rectified', 'truth', 'pseudo_mask')
    masks = {name: mask for name in names if (mask := getattr(row, name)) is not None}
    wrong = {name: mask.shape for name, mask in masks.items() if mask.shape != shape}
    if row.cam is not None and row.cam.shape != (num_classes, *shape):
        wrong['cam'] = row.cam.shape
    if wrong:
        raise ValueError(
            f'row {number}: masks must have the size {shape} of the image, got {wrong}.'
        )
    if row.candidates.shape != (num_classes,):
        raise ValueError(
            f'row {number}: candidates must be ({num_classes},), one per class name with '
            f'background first, got {row.candidates.shape}.'
        )


def _draw_row(axes, row, class_names, colours, columns):
    valid = np.ones(row.baseline.shape, bool) if row.truth is None else row.truth != IGNORE_ID
    outside = {
        name: ~row.candidates[getattr(row, name)] & valid for name in ('baseline', 'rectified')
    }
    share = {name: f'OC {mask.sum() / max(valid.sum(), 1):.1%}' for name, mask in outside.items()}
    tags = [
        name
        for class_id, name in enumerate(class_names)
        if row.candidates[class_id] and class_id != BACKGROUND_ID
    ]
    panels = {
        'image': (row.image, fill(f'tags: {", ".join(tags)}', _CAPTION_WIDTH)),
        'baseline': (paint_classes(row.image, row.baseline, colours), share['baseline']),
        'outside': (mark_pixels(row.image, outside['baseline']), _named(row, outside, class_names)),
        'rectified': (paint_classes(row.image, row.rectified, colours), share['rectified']),
    }
    if 'truth' in columns:
        panels['truth'] = (paint_classes(row.image, row.truth, colours), '')
    if 'cam' in columns:
        panels['cam'] = (paint_maps(row.image, row.cam, colours), '')
    if 'pseudo_mask' in columns:
        panels['pseudo_mask'] = (paint_classes(row.image, row.pseudo_mask, colours), '')
    for axis, name in zip(axes, columns, strict=True):
        picture, caption = panels[name]
        axis.imshow(picture, interpolation='nearest')
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_color('0.7')
        axis.set_xlabel(caption, fontsize=10, labelpad=3)


def _named(row, outside, class_names):
    """What the baseline's OC pixels are taken for, the most frequent first."""
    ids, counts = np.unique(row.baseline[outside['baseline']], return_counts=True)
    names = [class_names[ids[k]] for k in np.argsort(-counts)[:3]]
    return f'taken for {", ".join(names)}' if names else 'none'


def _draw_legend(figure, rows, class_names, colours):
    from matplotlib.patches import Patch

    used = set()
    for row in rows:
        masks = (row.baseline, row.rectified, row.truth)
        for mask in (mask for mask in masks if mask is not None):
            used |= set(np.unique(mask).tolist()) - {BACKGROUND_ID, IGNORE_ID}
    handles = [Patch(color=colours[k] / 255, label=class_names[k]) for k in sorted(used)]
    handles.append(Patch(color=np.array(MARK_COLOUR) / 255, label='out of candidate (OC)'))
    figure.legend(
        handles=handles, loc='outside lower center', ncols=min(len(handles), 8), frameon=False
    )
