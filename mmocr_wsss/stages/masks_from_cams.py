# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Pseudo masks straight from CAMs: a threshold, with or without CRF, or IRN's two."""

import os
from functools import partial
from typing import Any

import numpy as np

import mmocr_wsss
from mmocr_wsss.artifacts import write_png
from mmocr_wsss.cam_files import full_size, read_cam
from mmocr_wsss.datasets.photos import find_photo
from mmocr_wsss.functional.dense_crf import (
    dense_crf,
    dense_crf_settings,
    label_probabilities,
    require_pydensecrf,
)
from mmocr_wsss.labels import BACKGROUND_ID, IGNORE_ID, palette
from mmocr_wsss.stage_files import (
    image_file,
    open_stage_folder,
    origin,
    read_stage,
    require_same_stage,
)
from mmocr_wsss.stages.affinity_labels import read_cam_and_photo
from mmocr_wsss.stages.cam_folder import background_threshold, class_names, image_ids
from mmocr_wsss.stages.file_jobs import make_files

METHODS = ('threshold', 'irn')
#: IRN's thresholds for confident foreground and confident background.
IRN_THRESHOLDS = (0.30, 0.05)


def threshold_positions(cam: np.ndarray, threshold: float) -> np.ndarray:
    """(k, H, W) CAMs to (H, W) positions: 0 where no map exceeds ``threshold``, else 1..k."""
    return _with_background(cam, threshold).argmax(axis=0)


def crf_positions(
    cam: np.ndarray, photo: np.ndarray, threshold: float, settings: dict
) -> np.ndarray:
    """As :func:`threshold_positions`, after a dense CRF on [threshold, CAMs].

    Args:
        cam: (k, H, W) in [0, 1].
        photo: (H, W, 3) uint8 RGB.
        threshold: background score.
        settings: of :func:`~mmocr_wsss.functional.dense_crf.dense_crf`.
    """
    return dense_crf(_with_background(cam, threshold), photo, **settings).argmax(axis=0)


def irn_positions(
    cam: np.ndarray, photo: np.ndarray, thresholds: tuple[float, float], settings: dict
) -> np.ndarray:
    """(H, W) positions with 255 where the two thresholds do not agree on background.

    The label maps of both thresholds are refined by a dense CRF with certainty 0.7.
    Foreground is what the high threshold finds, background what the low one leaves,
    the rest is ignored.

    Reference: ``make_cam/cam_to_ir_label.py`` of jiwoon-ahn/irn.
    """
    sure_foreground, sure_background = (
        dense_crf(
            label_probabilities(threshold_positions(cam, threshold), len(cam) + 1),
            photo,
            **settings,
        ).argmax(axis=0)
        for threshold in thresholds
    )
    positions = sure_foreground.copy()
    positions[sure_foreground == 0] = IGNORE_ID
    positions[(sure_foreground == 0) & (sure_background == 0)] = 0
    return positions


def make_pseudo_masks(
    cam_folder: str | os.PathLike,
    out: str | os.PathLike,
    *,
    method: str = 'threshold',
    threshold: float | None = None,
    irn_thresholds: tuple[float, float] = IRN_THRESHOLDS,
    crf: str | dict | None = None,
    images: str | os.PathLike | None = None,
    list_file: str | os.PathLike | None = None,
    img_suffix: str | None = None,
    jobs: int = 1,
) -> tuple[int, int]:
    """Write palette PNGs ``OUT/ID.png`` of class ids for CAM files; goes on where it was.

    Where the CAMs have no background (``stage.json``), what would be it is ignored, 255.

    Args:
        cam_folder: folder of CAM files with its ``stage.json``.
        out: folder to write to.
        method: ``'threshold'`` or ``'irn'``.
        threshold: background score of ``'threshold'``; None: that of ``stage.json``.
        irn_thresholds: of ``'irn'``, for foreground and background.
        crf: name or dict of dense CRF settings; None: none for ``'threshold'``,
            ``'irn_labels'`` for ``'irn'``.
        images: folder of the photos, needed with a CRF.
        list_file: ids; None: all CAM files.
        img_suffix: how photos end; None: as in ``stage.json``, or one of the usual ways.
        jobs: processes.

    Returns:
        Numbers of files written and of files that were there.

    Raises:
        FileNotFoundError: a folder or list is not there.
        ImportError: a CRF is asked for and pydensecrf2 is not installed.
        ValueError: settings do not fit each other, the folder was made otherwise, or
            files are faulty: one error for all.
    """
    ids = image_ids(cam_folder, '.npz', list_file)
    stage = read_stage(cam_folder)
    names = class_names(None, stage)
    make, facts = _method(method, stage, threshold, irn_thresholds, crf, cam_folder)
    if facts['crf'] is not None:
        require_pydensecrf()
        if images is None:
            raise ValueError('a dense CRF needs the photos; give --images FOLDER.')
        facts['images'] = os.path.realpath(images)
    facts |= dict(
        stage='pseudo_masks',
        version=mmocr_wsss.__version__,
        cams=os.path.realpath(cam_folder),
        cam_stage=origin(cam_folder),
        classes=list(names),
        background_threshold=stage['background_threshold'],
    )
    require_same_stage(out, facts, option='OUT', suffix='.png')
    open_stage_folder(out, facts)
    photo_of = None
    if facts['crf'] is not None:
        photo_of = partial(find_photo, str(images), suffix=img_suffix or stage.get('img_suffix'))
    unlabelled = BACKGROUND_ID if stage.get('background', True) else IGNORE_ID
    colours = palette(len(names) + 1)
    one = partial(_write, str(cam_folder), photo_of, str(out), make, colours, unlabelled)
    target = partial(image_file, out, suffix='.png')
    return make_files(one, target, ids, where=cam_folder, overwrite=False, jobs=jobs)


def _method(method, stage, threshold, irn_thresholds, crf, cam_folder) -> tuple[Any, dict]:
    """``make(cam, photo)`` and what ``stage.json`` says of it."""
    if method not in METHODS:
        raise ValueError(f'--method must be one of {METHODS}, got {method!r}.')
    if method == 'irn':
        high, low = irn_thresholds
        if not 0 <= low <= high <= 1:
            raise ValueError(
                f'--irn-thresholds must be 1 >= FOREGROUND >= BACKGROUND >= 0, got {high}, {low}.'
            )
        settings = dense_crf_settings(crf or 'irn_labels')
        facts = dict(method=method, irn_thresholds=[high, low], crf=settings)
        return partial(irn_positions, thresholds=(high, low), settings=settings), facts
    chosen, _ = background_threshold(threshold, stage)
    if chosen is None:
        raise ValueError(f'{cam_folder}: no background_threshold in stage.json; give --threshold.')
    facts = dict(method=method, threshold=chosen, crf=None)
    if crf is None:
        return partial(_without_photo, threshold=chosen), facts
    facts['crf'] = dense_crf_settings(crf)
    return partial(crf_positions, threshold=chosen, settings=facts['crf']), facts


def _without_photo(cam, photo, threshold):
    return threshold_positions(cam, threshold)


def _write(cam_folder, photo_of, out, make, colours, unlabelled, image_id: str) -> None:
    if photo_of is None:
        cam_file, photo = read_cam(image_file(cam_folder, image_id, '.npz')), None
    else:
        cam_file, photo = read_cam_and_photo(cam_folder, photo_of, image_id)
    positions = make(full_size(cam_file), photo)
    ids = np.full(256, IGNORE_ID, np.uint8)  # position -> class id
    ids[0] = unlabelled
    ids[1 : len(cam_file.class_ids) + 1] = cam_file.class_ids
    write_png(image_file(out, image_id, '.png'), ids[positions], colours)


def _with_background(cam: np.ndarray, threshold: float) -> np.ndarray:
    return np.concatenate([np.full((1, *cam.shape[1:]), threshold, np.float32), cam])
