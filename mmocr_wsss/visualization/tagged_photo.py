# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""One training sample as a picture: photo, mask, candidate classes as coloured names."""

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID, palette
from mmocr_wsss.visualization.prediction_grid import MARK_COLOUR, paint_classes

_SHORTEST, _LONGEST = 320, 640  # pixels, longer side of a panel
_GAP = 8  # pixels between panels, between names, and around them
_TEXT = 16  # pixels, size of the names
_PAD = 5  # pixels between a name and the edge of its box
_STRIPES = 4  # pixels, width of the stripes over ignored pixels
_BORDER = 3  # pixels, around what is painted although no tag allows it
_LIGHT, _DARK, _INK = (240, 236, 205), (110, 110, 110), (0, 0, 0)


class TaggedPhoto(NamedTuple):
    """image: uint8 (H, W, 3) RGB. candidates: bool (C,), indexed by class id.

    mask: (H, W) class ids, 255 = ignored; None where there are only tags.
    """

    image: np.ndarray
    candidates: np.ndarray
    mask: np.ndarray | None = None


class Label(NamedTuple):
    """A name below the photo.

    style: ``'painted'``, a box of the class colour; ``'hollow'``, its outline: no pixel
    has this colour; ``'marked'``, painted with a second outline: ruled out by the tags;
    ``'plain'``, no colour of its own; ``'striped'``, ignored pixels.
    """

    text: str
    colour: tuple[int, int, int]
    style: str


#: Stands for the tags where there are none.
NO_TAGS = Label('no tags', _DARK, 'plain')


def draw_tagged_photo(photo: TaggedPhoto, class_names: Sequence[str], *, title: str) -> np.ndarray:
    """The photo, its mask beside it, and below them the labels of :func:`labels_of`.

    In the mask panel every class has the colour of its name, ignored pixels are
    striped, background is the greyed photo, and regions of classes that the tags rule
    out have a magenta border. Photos with a long side outside 320..640 are brought
    there, small ones by a whole factor without smoothing. The picture is as wide as
    its longest line of text needs.

    Args:
        photo: sample to show.
        class_names: the C names indexed by class id, background first.
        title: stands above the photo.

    Returns:
        uint8 (h, w, 3) RGB.

    Raises:
        ValueError: sizes disagree, or the mask has ids without a name.
    """
    _check(title, photo, len(class_names))
    panels = [panel_of(photo.image)]
    if photo.mask is not None:
        panels.append(_mask_panel(photo, len(class_names)))
    return lay_out(panels, labels_of(photo, class_names), title)


def lay_out(panels: Sequence[np.ndarray], labels: Sequence[Label], title: str) -> np.ndarray:
    """Panels side by side, the title above them and the labels below.

    Args:
        panels: at least one, uint8 (h, w, 3) RGB, all of one height.
        labels: at least one; set in as many lines as they need.
        title: one line; the picture is as wide as it needs.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    font, title = _font(_TEXT), _one_line(title)
    boxes = [math.ceil(font.getlength(label.text)) + 2 * _PAD for label in labels]
    height = panels[0].shape[0]
    wide = sum(panel.shape[1] for panel in panels) + _GAP * (len(panels) - 1)
    wide = max(wide, *boxes, math.ceil(font.getlength(title)))
    places = _wrapped(boxes, wide)
    line = _TEXT + 2 * _PAD
    top = _GAP + line + height + _GAP
    size = (wide + 2 * _GAP, top + places[-1][1] + line + _GAP)
    canvas = Image.new('RGB', size, 'white')
    draw = ImageDraw.Draw(canvas)
    draw.text((_GAP, _GAP + line // 2), title, _INK, font, anchor='lm')
    left = _GAP
    for panel in panels:
        canvas.paste(Image.fromarray(panel), (left, _GAP + line))
        left += panel.shape[1] + _GAP
    for label, box, (x, y) in zip(labels, boxes, places, strict=True):
        _draw_label(draw, label, (_GAP + x, top + y, _GAP + x + box - 1, top + y + line - 1))
    return np.asarray(canvas)


def labels_of(photo: TaggedPhoto, class_names: Sequence[str]) -> list[Label]:
    """Background and tags by class id, what the mask shows beyond them, ignored pixels.

    With a mask, each has its share of all pixels, see :func:`mask_labels`.
    """
    tags = np.flatnonzero(photo.candidates[BACKGROUND_ID + 1 :]) + 1
    no_tags = [] if len(tags) else [NO_TAGS]
    if photo.mask is None:
        names, colours = _names(class_names), palette(len(class_names))
        painted = [Label(names[k], tuple(colours[k]), 'painted') for k in tags.tolist()]
        return [Label(names[BACKGROUND_ID], _DARK, 'plain'), *painted, *no_tags]
    ignored = percent(int((photo.mask == IGNORE_ID).sum()), photo.mask.size)
    return [
        *mask_labels(photo.mask, class_names, candidates=photo.candidates, absent='not in mask'),
        *no_tags,
        Label(f'ignored {ignored}', _LIGHT, 'striped'),
    ]


def mask_labels(
    mask: np.ndarray, class_names: Sequence[str], *, candidates: np.ndarray, absent: str
) -> list[Label]:
    """Background, tags and painted classes that are none, with their shares of all pixels.

    A tag without pixels is ``absent``, a painted class that is no candidate is 'not a tag'.
    """
    colours = [tuple(colour) for colour in palette(len(class_names))]
    names = _names(class_names)
    counts = np.bincount(mask.ravel(), minlength=IGNORE_ID + 1)
    share = [percent(count, mask.size) for count in counts.tolist()]
    labels = [Label(f'{names[BACKGROUND_ID]} {share[BACKGROUND_ID]}', _DARK, 'plain')]
    for k in (np.flatnonzero(candidates[BACKGROUND_ID + 1 :]) + 1).tolist():
        if counts[k]:
            labels.append(Label(f'{names[k]} {share[k]}', colours[k], 'painted'))
        else:
            labels.append(Label(f'{names[k]}: {absent}', colours[k], 'hollow'))
    for k in np.flatnonzero(~candidates & (counts[: len(names)] > 0)).tolist():
        labels.append(Label(f'{names[k]} {share[k]}: not a tag', colours[k], 'marked'))
    return labels


def _names(class_names: Sequence[str]) -> list[str]:
    return [f'{k} {_one_line(name)}' for k, name in enumerate(class_names)]


def text_colour(background: Sequence[int]) -> tuple[int, int, int]:
    """Black or white, whichever has more contrast on an RGB colour (WCAG 2 luminance)."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in background)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # Contrast is (lighter + 0.05) / (darker + 0.05); both are equal at sqrt(1.05 * 0.05) - 0.05.
    return (0, 0, 0) if luminance > 0.179 else (255, 255, 255)


def contact_sheet(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures in rows of about as much width as height; lines of grey between them.

    Args:
        pictures: at least one, uint8 (h, w, 3) RGB; sizes may differ.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    heights, widths = zip(*(picture.shape[:2] for picture in pictures), strict=True)
    columns = math.sqrt(len(pictures) * max(heights) / max(widths))
    columns = min(max(1, round(columns)), len(pictures))
    lefts = _starts([max(widths[k::columns]) for k in range(columns)])
    rows = range(0, len(pictures), columns)
    tops = _starts([max(heights[k : k + columns]) for k in rows])
    sheet = np.full((tops[-1] - 1, lefts[-1] - 1, 3), 255, np.uint8)
    sheet[[top - 1 for top in tops[1:-1]]] = 160
    sheet[:, [left - 1 for left in lefts[1:-1]]] = 160
    for number, picture in enumerate(pictures):
        top, left = tops[number // columns], lefts[number % columns]
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def _starts(sizes):
    """Where each of several things begins, one pixel between them, and where one more would."""
    return np.cumsum([0, *(size + 1 for size in sizes)]).tolist()


def _check(title, photo, num_classes):
    size = photo.image.shape[:2]
    if photo.candidates.shape != (num_classes,):
        raise ValueError(
            f'{title}: candidates must be ({num_classes},), one per class name with background '
            f'first, got {photo.candidates.shape}.'
        )
    if photo.mask is None:
        return
    if photo.mask.shape != size:
        raise ValueError(f'{title}: the mask must have the size {size} of the photo, got '
                         f'{photo.mask.shape}.')  # fmt: skip
    extra = np.unique(photo.mask[(photo.mask >= num_classes) & (photo.mask != IGNORE_ID)])
    if extra.size:
        raise ValueError(
            f'{title}: class ids of the mask must be below {num_classes} or 255, got '
            f'{extra.tolist()}. Check the class list.'
        )


def percent(count: int, total: int) -> str:
    """A share of pixels as text; what is there is never 0."""
    return '<0.1%' if 0 < count < 0.0005 * total else f'{count / total:.1%}'


def _one_line(text):
    return ' '.join(text.split())


def panel_of(array: np.ndarray, shrink: int = cv2.INTER_AREA) -> np.ndarray:
    """An (H, W) or (H, W, 3) array at the size of a panel.

    What is small keeps its pixels, each a square of the panel.
    """
    height, width = array.shape[:2]
    long_side = max(height, width)
    if long_side > _LONGEST:
        size = [max(1, round(side * _LONGEST / long_side)) for side in (width, height)]
        return cv2.resize(array, size, interpolation=shrink)
    factor = math.ceil(_SHORTEST / long_side)
    return array.repeat(factor, axis=0).repeat(factor, axis=1)


def _mask_panel(photo, num_classes):
    colours = np.array(palette(num_classes), np.uint8)
    panel = panel_of(paint_classes(photo.image, photo.mask, colours))
    mask = panel_of(photo.mask.astype(np.uint8), shrink=cv2.INTER_NEAREST)
    rows, columns = np.indices(mask.shape)
    dark = (rows + columns) // _STRIPES % 2 == 0
    panel[(mask == IGNORE_ID) & dark] = _DARK
    panel[(mask == IGNORE_ID) & ~dark] = _LIGHT
    allowed = np.append(photo.candidates, np.ones(IGNORE_ID + 1 - num_classes, bool))
    mark_rim(panel, ~allowed[mask])
    return panel


def mark_rim(panel: np.ndarray, region: np.ndarray) -> None:
    """Paint a magenta border along the inside of a region, bool (h, w), into a panel."""
    inside = region.astype(np.uint8)
    kernel = np.ones((2 * _BORDER + 1,) * 2, np.uint8)
    inner = cv2.erode(inside, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    panel[inside > inner] = MARK_COLOUR


def _wrapped(widths, limit):
    """(x, y) of boxes of these widths, set line by line, none beyond ``limit``."""
    places, x, y = [], 0, 0
    for width in widths:
        if x and x + width > limit:
            x, y = 0, y + _TEXT + 2 * _PAD + _GAP
        places.append((x, y))
        x += width + _GAP
    return places


def _draw_label(draw, label, box):
    left, top, right, bottom = box
    ink = text_colour(label.colour)
    if label.style in ('hollow', 'plain'):
        ink = _INK
        width = 3 if label.style == 'hollow' else 1
        draw.rectangle(box, 'white', label.colour, width)
    elif label.style == 'marked':
        draw.rectangle(box, label.colour, 'white', 2)
        draw.rectangle((left - 3, top - 3, right + 3, bottom + 3), None, MARK_COLOUR, 3)
    else:
        draw.rectangle(box, label.colour, _DARK if label.style == 'striped' else None)
    draw.text(((left + right) / 2, (top + bottom) / 2), label.text, ink, _font(_TEXT), anchor='mm')


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans of matplotlib: Latin, Greek, Cyrillic; what it lacks becomes a box."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSans.ttf'), size)
