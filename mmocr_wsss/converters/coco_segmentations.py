# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Polygons and run-length codes (RLE) of MS COCO, checked before they are drawn.

pycocotools draws runs that do not cover the image from memory that it never wrote, and
takes four numbers for a box, so nothing malformed may reach it.
"""

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any, TypeGuard


def segmentation_problem(segmentation: Any, height: int, width: int) -> str | None:
    """The rule that the polygons or RLE of an object in an image break, or None."""
    if isinstance(segmentation, list) and segmentation:
        return _polygon_problem(segmentation)
    if not isinstance(segmentation, dict):
        return 'annotation with neither polygons nor RLE'
    size = [height, width]
    if segmentation.get('size') != size:
        return f'RLE of another size than its image ({segmentation.get("size")!r}, not {size})'
    counts = segmentation.get('counts')
    runs = compressed_runs(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(is_integer(run) and run >= 0 for run in runs):
        return 'RLE whose counts are no runs >= 0'
    if sum(runs) != height * width:
        return f'RLE that does not cover its image ({sum(runs)} of {size[0] * size[1]} pixels)'
    return None


def _polygon_problem(polygons: Iterable[Any]) -> str | None:
    for polygon in polygons:
        if not isinstance(polygon, list) or not all(map(is_number, polygon)):
            return 'polygon that is no list of finite numbers'
        if len(polygon) % 2:
            return 'polygon with an odd number of coordinates'
    return None


def compressed_runs(counts: str) -> list[int] | None:
    """Run lengths of a compressed RLE; None if the text is none.

    Five bits per character from 48 on, a sixth says that more follow; from the third run
    on, the difference to the run two before it. Reference: pycocotools, ``rleFrString``.
    """
    runs, value, shift = [], 0, 0
    for character in counts:
        digit = ord(character) - 48
        if not 0 <= digit < 64:
            return None
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            value -= (1 << shift) if digit & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value, shift = 0, 0
    return None if shift else runs


def encloses_area(polygon: list[float]) -> bool:
    """Whether a polygon x, y, x, y, ... has three corners and an area other than 0."""
    xs, ys = polygon[::2], polygon[1::2]
    if len(xs) < 3:
        return False
    pairs = zip(xs, ys, xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True)
    return sum(x * below - right * y for x, y, right, below in pairs) != 0


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether a JSON value is an integer; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a JSON value is a finite number; true and false are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
