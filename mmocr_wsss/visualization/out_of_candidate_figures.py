# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Figures of a report on out-of-candidate predictions, as PNG."""

from collections.abc import Sequence
from io import BytesIO

import cv2
import numpy as np

from mmocr_wsss.visualization.prediction_grid import class_colours, mark_pixels, paint_classes

_DPI = 110
_CELL = 0.46  # inches
_PANEL = 320  # pixels, width of a panel
_GAP = 6  # pixels
_TALLEST = 480  # pixels
_TICKS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_LETTERS = 28  # of a name
#: Told apart with red-green blindness, too (Okabe and Ito).
_LINES = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000')

Points = Sequence[tuple[int, float]]


def draw_conflicts(percent: np.ndarray, predicted: Sequence[str], tags: Sequence[str]) -> bytes:
    """A heat map with a number per cell.

    Cells without a value are hatched. The colour scale is that of square roots, so that
    small shares can be told from none; numbers below 0.05 are not written.

    Args:
        percent: (rows, columns) in 0..100, nan: no value. At least one of each.
        predicted: names of the rows.
        tags: names of the columns.

    Returns:
        PNG.

    Raises:
        ValueError: names and cells differ in number, or there are none.
    """
    if percent.shape != (len(predicted), len(tags)) or not percent.size:
        raise ValueError(
            f'percent must be ({len(predicted)}, {len(tags)}), one row per predicted class and '
            f'one column per tag, at least one of each; got {percent.shape}.'
        )
    from matplotlib.colors import PowerNorm

    rows, columns = percent.shape
    predicted, tags = [_name(name) for name in predicted], [_name(name) for name in tags]
    longest = max(map(len, predicted))
    figure, axes = _figure(
        (2.2 + 0.08 * longest + _CELL * columns, max(3.6, 2.0 + _CELL * 0.8 * rows))
    )
    top = max(float(np.nanmax(percent, initial=0)), 0.1)
    axes.set_facecolor('0.93')
    axes.patch.set(hatch='////', edgecolor='0.75', linewidth=0)
    image = axes.imshow(
        np.ma.masked_invalid(percent), cmap='Reds', norm=PowerNorm(0.5, 0, top), aspect='auto'
    )
    for row, column in zip(*np.nonzero(percent >= 0.05), strict=True):
        value = percent[row, column]
        axes.text(
            column, row, f'{value:.1f}' if value < 9.95 else f'{value:.0f}', fontsize=8,
            ha='center', va='center', color='white' if value > 0.4 * top else 'black',
        )  # fmt: skip
    axes.set_xticks(range(columns), tags, rotation=55, ha='right', rotation_mode='anchor')
    axes.set_yticks(range(rows), predicted)
    axes.tick_params(length=0, labelsize=9)
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which='minor', color='white', linewidth=1)
    axes.tick_params(which='minor', length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel('tag of the image', fontsize=10)
    axes.set_ylabel('predicted,\nalthough no tag', fontsize=10)
    bar = figure.colorbar(image, ax=axes, fraction=0.6 / (2 + _CELL * columns), pad=0.02)
    bar.set_label('% of the pixels', fontsize=10)
    bar.ax.tick_params(labelsize=9)
    bar.outline.set_visible(False)
    return _png(figure)


def draw_rates(curves: Sequence[tuple[str, Points, Points]]) -> bytes:
    """OC rate over iterations, a colour per training: lines of its batches, dots of validations.

    Args:
        curves: (label, points of training, points of validation); points are (iteration,
            rate in [0, 1]). At least one.

    Returns:
        PNG.

    Raises:
        ValueError: there are no curves.
    """
    if not curves:
        raise ValueError('the figure needs at least one curve, got none.')
    figure, axes = _figure((7.6, 3.6))
    for number, (label, train, val) in enumerate(curves):
        # A label that starts with '_' would be hidden from the legend.
        # Of a long path the end tells it from others.
        shown = _name(label if len(label) <= _LETTERS else f'…{label[1 - _LETTERS :]}')
        shown = f' {shown}' if shown.startswith('_') else shown
        colour = _LINES[number % len(_LINES)]
        for points, style, kind in ((train, '-', 'training'), (val, 'o--', 'validation')):
            if points:
                steps, rates = zip(*points, strict=True)
                axes.plot(
                    steps, [100 * rate for rate in rates], style, color=colour, linewidth=1.5,
                    markersize=5, label=f'{shown}, {kind}',
                )  # fmt: skip
    _root_scale(
        axes, max(100 * rate for _, *both in curves for points in both for _, rate in points)
    )
    axes.set_xlabel('iteration', fontsize=10)
    axes.set_ylabel('OC rate, % (root scale)', fontsize=10)
    axes.tick_params(labelsize=9)
    axes.grid(alpha=0.3)
    axes.spines[['top', 'right']].set_visible(False)
    axes.legend(fontsize=9, frameon=False, loc='upper left', bbox_to_anchor=(1.0, 1.0))
    return _png(figure)


def draw_worst_image(
    photo: np.ndarray, label_map: np.ndarray, outside: np.ndarray, num_classes: int
) -> bytes:
    """The photo, the prediction over it, and its OC pixels in magenta, side by side.

    Panels are 320 pixels wide, or less where they would be more than 480 high.

    Args:
        photo: uint8 (h, w, 3) RGB; brought to the size of the panels by itself.
        label_map: (H, W) class ids below ``num_classes``.
        outside: (H, W) bool.
        num_classes: C with background.

    Returns:
        PNG.
    """
    height, width = label_map.shape
    scale = min(_PANEL / width, _TALLEST / height)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    shrinks = size[0] < photo.shape[1]
    image = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    ids, marked = (
        cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        for mask in (label_map.astype(np.int16), outside.astype(np.uint8))
    )
    colours = class_colours(num_classes)
    panels = [image, paint_classes(image, ids, colours), mark_pixels(image, marked > 0)]
    sheet = np.full((size[1], 3 * size[0] + 2 * _GAP, 3), 255, np.uint8)
    for number, panel in enumerate(panels):
        left = number * (size[0] + _GAP)
        sheet[:, left : left + size[0]] = panel
    from PIL import Image

    content = BytesIO()
    Image.fromarray(sheet).save(content, 'PNG')
    return content.getvalue()


def _root_scale(axes, top: float) -> None:
    """Square roots: a training starts far above where it ends, and zero is to be seen."""
    top = max(1.1 * top, 0.1)
    axes.set_yscale('function', functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    axes.set_ylim(0, top)
    ticks = [tick for tick in _TICKS if tick <= top]
    axes.set_yticks(ticks[:1] + ticks[-6:] if len(ticks) > 7 else ticks)
    axes.yaxis.set_major_formatter(lambda value, _: f'{value:g}')


def _name(text: str) -> str:
    """On one line, not too long, and without TeX."""
    text = text.replace('\n', ' ')
    return (text if len(text) <= _LETTERS else f'{text[: _LETTERS - 1]}…').replace('$', r'\$')


def _figure(size: tuple[float, float]):
    # Not pyplot: it would need a display, or change the backend of the caller.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout='constrained', facecolor='white')
    return figure, figure.subplots()


def _png(figure) -> bytes:
    content = BytesIO()
    figure.savefig(content, format='png', dpi=_DPI)
    return content.getvalue()
