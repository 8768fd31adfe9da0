# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""How often which class is predicted in images whose tags rule it out: counts and shares.

C is the number of classes with background (id 0).

Convention: a table is (C, C), ``[p, t]``, p the class id that is predicted, t the class id of
a tag. An image counts in the column of each of its tags, so rows do not add up to totals.
Column 0 stands for images without any tag, the background is no tag.
"""

from typing import NamedTuple

import numpy as np


class OutOfCandidateCounts(NamedTuple):
    """Counts of one image, or sums over images: add two field by field.

    Pixels are those that no mask ignores.

    num_images: images. num_masked: those with a mask that could ignore pixels. num_touched:
    those with an OC pixel. num_valid: pixels.
    images_with, images_found, images_outside: (C,) int64 images that have the candidate;
    that have it and a pixel predicted so; that have such a pixel and not the candidate.
    predicted, outside: (C,) int64 pixels predicted as p, and those of them that are OC.
    outside_by_tag: (C, C) int64 OC pixels predicted as p, in images tagged t.
    valid_by_tag: (C, C) int64 all pixels of the images tagged t and without candidate p.
    images_by_tag: (C, C) int64 images tagged t, without candidate p, with a pixel predicted
    as p.
    """

    num_images: int
    num_masked: int
    num_touched: int
    num_valid: int
    images_with: np.ndarray
    images_found: np.ndarray
    images_outside: np.ndarray
    predicted: np.ndarray
    outside: np.ndarray
    outside_by_tag: np.ndarray
    valid_by_tag: np.ndarray
    images_by_tag: np.ndarray

    @property
    def num_outside(self) -> int:
        """OC pixels."""
        return int(self.outside.sum())


def count_image(pixels: np.ndarray, candidates: np.ndarray, masked: bool) -> OutOfCandidateCounts:
    """Counts of one image.

    Args:
        pixels: (C,) int, valid pixels predicted as each class.
        candidates: (C,) bool.
        masked: whether a mask could have ignored pixels.

    Raises:
        ValueError: the two have different lengths.
    """
    pixels, candidates = np.asarray(pixels, np.int64), np.asarray(candidates, bool)
    if pixels.shape != candidates.shape or pixels.ndim != 1:
        raise ValueError(
            f'pixels and candidates must both be (C,), got {pixels.shape} and {candidates.shape}.'
        )
    tags = candidates.copy()
    tags[0] = not candidates[1:].any()
    outside = np.where(candidates, 0, pixels)
    total = int(pixels.sum())
    return OutOfCandidateCounts(
        num_images=1,
        num_masked=int(masked),
        num_touched=int(outside.any()),
        num_valid=total,
        images_with=candidates.astype(np.int64),
        images_found=(candidates & (pixels > 0)).astype(np.int64),
        images_outside=(outside > 0).astype(np.int64),
        predicted=pixels,
        outside=outside,
        outside_by_tag=np.outer(outside, tags),
        valid_by_tag=total * np.outer(~candidates, tags).astype(np.int64),
        images_by_tag=np.outer(outside > 0, tags).astype(np.int64),
    )


def outside_percent(counts: OutOfCandidateCounts) -> np.ndarray:
    """Of all pixels of the images tagged t and without candidate p, the percentage predicted as p.

    Returns:
        (C, C) float64 in 0..100; nan where there are no such pixels (p = t among them).
    """
    valid = counts.valid_by_tag
    return 100 * np.where(valid > 0, counts.outside_by_tag / np.maximum(valid, 1), np.nan)


def leading_classes(counts: OutOfCandidateCounts, *, limit: int) -> tuple[list[int], list[int]]:
    """The rows and the columns of the tables that have OC pixels, those with the most first.

    Returns:
        at most ``limit`` ids of predicted classes, and as many of tags (0 means no tags).
    """
    return _leading(counts.outside, limit), _leading(counts.outside_by_tag.sum(axis=0), limit)


def leading_tags(counts: OutOfCandidateCounts, class_id: int, *, limit: int) -> list[int]:
    """The most frequent tags of the images in which a class is predicted without being one.

    Returns:
        at most ``limit`` class ids (0 means no tags), by images.
    """
    return _leading(counts.images_by_tag[class_id], limit)


def _leading(amounts: np.ndarray, limit: int) -> list[int]:
    order = np.argsort(-amounts, kind='stable')
    return [int(k) for k in order[:limit] if amounts[k] > 0]
