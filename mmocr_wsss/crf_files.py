# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CRF scores for AffinityNet's labels: one ``ID.npz`` per image, and ``stage.json``.

A file holds three named arrays and no pickle:

* ``low`` float16 (k + 1, H, W): marginals with a low background power, that is a strong
  background; the background first, then the tagged classes, ascending;
* ``high`` float16 (k + 1, H, W): the same with a high power;
* ``class_ids`` uint8 (k,): class ids 1..254 of the tagged classes.

The folder is written and compared as a CAM folder, see ``mmocr_wsss.cam_files``.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmocr_wsss.artifacts import atomic_path
from mmocr_wsss.cam_files import are_class_ids
from mmocr_wsss.stage_files import load_arrays

_ARRAYS = {'low': np.float16, 'high': np.float16, 'class_ids': np.uint8}
_WAY_OUT = 'Remove the file and run tools/make_affinity_labels.py again.'


@dataclass(frozen=True, eq=False)
class CRFScores:
    """The content of a file; layout, types and ranges as in the module's docstring."""

    low: np.ndarray
    high: np.ndarray
    class_ids: np.ndarray


def write_crf_scores(
    path: str | os.PathLike,
    low: np.ndarray,
    high: np.ndarray,
    class_ids: Sequence[int] | np.ndarray,
) -> None:
    """Write a file; the same input gives the same bytes, at once and whole.

    Args:
        path: file to write, ``.npz``.
        low: (k + 1, H, W) float in [0, 1].
        high: the same.
        class_ids: k class ids in 1..254, ascending.

    Raises:
        ValueError: a rule above is broken.
    """
    low, high = (np.ascontiguousarray(scores, np.float16) for scores in (low, high))
    ids = np.asarray(class_ids)
    _check(path, low, high, ids, 'Give write_crf_scores marginals of the tagged classes.')
    with atomic_path(path) as temporary, open(temporary, 'wb') as file:
        np.savez_compressed(file, low=low, high=high, class_ids=ids.astype(np.uint8))


def read_crf_scores(path: str | os.PathLike) -> CRFScores:
    """Read and check a file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is truncated, no such file, or breaks a rule of the format.
    """
    arrays = load_arrays(path, _ARRAYS, 'file of CRF scores', _WAY_OUT)
    _check(path, arrays['low'], arrays['high'], arrays['class_ids'], _WAY_OUT)
    return CRFScores(**arrays)


def _check(path, low, high, class_ids, way_out) -> None:
    if class_ids.ndim != 1 or (class_ids.size and not are_class_ids(class_ids)):
        raise ValueError(
            f'{path}: class_ids must be integers in 1..254, ascending, each once, got '
            f'{class_ids.tolist()}. {way_out}'
        )
    if low.ndim != 3 or low.shape != high.shape or len(low) != len(class_ids) + 1:
        raise ValueError(
            f'{path}: low and high must be (k + 1, H, W) with one of k class_ids per map after '
            f'the background, got {low.shape}, {high.shape} and {class_ids.shape}. {way_out}'
        )
    for name, scores in (('low', low), ('high', high)):
        if not (np.isfinite(scores).all() and (scores >= 0).all() and (scores <= 1).all()):
            raise ValueError(f'{path}: {name} must be finite and in [0, 1]. {way_out}')
