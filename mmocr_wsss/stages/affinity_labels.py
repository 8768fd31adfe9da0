# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""CRF scores of CAMs at two background powers, which AffinityNet's labels are made from."""

import os
from functools import partial
from typing import Any

import numpy as np

import mmocr_wsss
from mmocr_wsss.cam_files import CamFile, cam_path, full_size, read_cam
from mmocr_wsss.crf_files import write_crf_scores
from mmocr_wsss.datasets.photos import find_photo, read_photo
from mmocr_wsss.functional.dense_crf import dense_crf, dense_crf_settings, require_pydensecrf
from mmocr_wsss.stage_files import open_stage_folder, origin, read_stage, require_same_stage
from mmocr_wsss.stages.cam_folder import image_ids, require_folder
from mmocr_wsss.stages.file_jobs import make_files


def background_and_cams(cam: np.ndarray, power: float) -> np.ndarray:
    """(k, H, W) CAMs to (k + 1, H, W) scores, background ``(1 - max)^power`` first.

    Not normalised, as published. Without CAMs the background is 1.
    """
    best = cam.max(axis=0) if len(cam) else np.zeros(cam.shape[1:], np.float32)
    # SEAM's maps may be a little negative: the power of more than 1 is clipped by the CRF.
    return np.concatenate([(1 - best[None]) ** power, cam])


def crf_scores(
    cam: np.ndarray, photo: np.ndarray, power: float | None, settings: dict
) -> np.ndarray:
    """(k + 1, H, W) float32 marginals of CAMs (k, H, W) on their (H, W, 3) uint8 photo.

    Without a power there is no background: its score is 0, the CAMs share the rest.
    """
    if power is not None:
        scores = background_and_cams(cam, power)
        return dense_crf(scores, photo, **settings) if len(cam) else scores
    shares = dense_crf(cam, photo, **settings) if len(cam) > 1 else np.ones_like(cam)
    return np.concatenate([np.zeros((1, *cam.shape[1:]), np.float32), shares])


def make_affinity_labels(
    cam_folder: str | os.PathLike,
    images: str | os.PathLike,
    out: str | os.PathLike,
    *,
    powers: tuple[float, float],
    crf: str | dict,
    list_file: str | os.PathLike | None = None,
    img_suffix: str | None = None,
    jobs: int = 1,
) -> tuple[int, int]:
    """Write ``OUT/ID.npz`` (``mmocr_wsss.crf_files``) for CAM files; goes on where it was.

    Args:
        cam_folder: folder of CAM files with its ``stage.json``.
        images: folder of the photos.
        out: folder to write to.
        powers: low and high power of the background, for confident foreground and
            confident background. Where the CAMs have no background (``stage.json``), the low
            one tells what stays open, and nothing is labelled background.
        crf: name or dict of dense CRF settings.
        list_file: ids; None: all CAM files.
        img_suffix: how photos end; None: as in ``stage.json``, or one of the usual ways.
        jobs: processes.

    Returns:
        Numbers of files written and of files that were there.

    Raises:
        FileNotFoundError: a folder or list is not there.
        ImportError: pydensecrf2 is not installed.
        ValueError: powers are not positive and ascending, the folder was made
            otherwise, or files are faulty: one error for all.

    Reference: ``infer_cls.py`` of jiwoon-ahn/psa (``out_la_crf``, ``out_ha_crf``).
    """
    low, high = powers
    if not 0 < low < high:
        raise ValueError(f'--powers must be 0 < LOW < HIGH, got {low} and {high}.')
    settings = dense_crf_settings(crf)
    require_pydensecrf()
    require_folder(images)
    ids = image_ids(cam_folder, '.npz', list_file)
    stage = read_stage(cam_folder)
    facts = dict(
        stage='affinity_labels',
        version=mmocr_wsss.__version__,
        powers=[float(low), float(high)],
        crf=settings,
        cams=os.path.realpath(cam_folder),
        cam_stage=origin(cam_folder),
        images=os.path.realpath(images),
        classes=stage.get('classes'),
        background_threshold=stage['background_threshold'],
    )
    require_same_stage(out, facts, option='--out FOLDER')
    open_stage_folder(out, facts)
    photo_of = partial(find_photo, str(images), suffix=img_suffix or stage.get('img_suffix'))
    used = (low, high if stage.get('background', True) else None)
    one = partial(_write, str(cam_folder), photo_of, str(out), used, settings)
    target = partial(cam_path, out)
    return make_files(one, target, ids, where=cam_folder, overwrite=False, jobs=jobs)


def _write(cam_folder: str, photo_of: Any, out: str, powers, settings: dict, image_id: str) -> None:
    cam_file, photo = read_cam_and_photo(cam_folder, photo_of, image_id)
    cam = full_size(cam_file)
    low, high = (crf_scores(cam, photo, power, settings).clip(0, 1) for power in powers)
    write_crf_scores(cam_path(out, image_id), low, high, cam_file.class_ids)


def read_cam_and_photo(cam_folder: str, photo_of: Any, image_id: str) -> tuple[CamFile, np.ndarray]:
    """The CAM file of an image and its (H, W, 3) uint8 RGB photo.

    Raises:
        FileNotFoundError: one is not there.
        ValueError: one is unreadable, or their sizes differ.
    """
    cam_file = read_cam(cam_path(cam_folder, image_id))
    path = photo_of(image_id)
    photo = read_photo(path)
    if photo.shape[:2] != cam_file.image_size:
        raise ValueError(
            f'{path}: the photo is {photo.shape[:2]}, its CAMs are of one of '
            f'{cam_file.image_size}. Make the CAMs again from these photos.'
        )
    return cam_file, photo
