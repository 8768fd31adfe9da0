# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The random walk on a photo against the three official scripts, up to the label map."""

import numpy as np
import pytest
import torch
from golden import load_golden
from official_networks import load_official, photo_views
from test_golden_psa_aff import CONFIG

from mmocr_wsss.functional.affinity import inner_grid, pair_offsets, shifted_grid
from mmocr_wsss.functional.cam import background_score
from mmocr_wsss.functional.dense_crf import DENSE_CRF_SETTINGS, dense_crf
from mmocr_wsss.functional.random_walk import Transition, pool_scores, upsample_scores, walk

STRIDE, BETA = 8, 8
CLASSES = (8, 11)
#: Name in the file -> steps and the background of its CAMs (k, H, W).
SETTINGS = {
    'psa': (256, lambda cam: background_score(cam, power=16)),
    'seam': (64, lambda cam: background_score(cam, power=6)),
    'seam_crf': (64, lambda cam: background_score(cam, power=6)),
    'mct': (64, lambda cam: torch.full(cam.shape[1:], 0.39)),
}


@pytest.fixture(scope='module')
def golden():
    return load_golden('aff_random_walk.npz')


@pytest.fixture(scope='module')
def affinities(golden, tmp_path_factory):
    model = load_official(CONFIG, 'psa_aff', tmp_path_factory.mktemp('psa_aff'))
    (view,) = photo_views(model, photo_of(golden), (1.0,))
    with torch.no_grad():
        values, radius = model.affinities(view)
    assert radius == 5
    return values


def photo_of(golden):
    """The part of the photo that the CAMs belong to; its sides are no multiples of 8."""
    height, width = golden.input(f'cam.{CLASSES[0]}').shape
    return np.ascontiguousarray(golden.photo()[:height, :width])


def dense(affinities, height, width):
    matrix, index = torch.eye(height * width), torch.arange(height * width).view(height, width)
    start = inner_grid(index, 5).flatten()
    for offset, values in zip(pair_offsets(5), affinities**BETA, strict=True):
        end = shifted_grid(index, 5, offset).flatten()
        matrix[start, end] = matrix[end, start] = values.flatten()
    return matrix


@pytest.mark.parametrize('name', SETTINGS)
def test_walk_of_the_photo(golden, affinities, name):
    steps, background = SETTINGS[name]
    size = photo_of(golden).shape[:2]
    height, width = (-(-side // STRIDE) for side in size)
    golden.check(f'{name}.aff_pow', dense(affinities, height, width))
    transition = Transition(affinities, (height, width), radius=5, beta=BETA)
    every = torch.eye(height * width).view(-1, height, width)
    golden.check(f'{name}.trans_mat', walk(every, transition, steps=steps).flatten(1))

    cam = torch.stack([golden.input(f'cam.{k}') for k in CLASSES])
    scores = torch.zeros(21, *size)
    scores[0], scores[[k + 1 for k in CLASSES]] = background(cam), cam
    low = pool_scores(scores, STRIDE)
    golden.check(f'{name}.cam_pooled', low.flatten(1))
    walked = walk(low, transition, steps=steps)
    golden.check(f'{name}.rw_low', walked[None])
    padded = (height * STRIDE, width * STRIDE)
    up = upsample_scores(walked, padded, STRIDE)
    golden.check(f'{name}.rw_up', up[None])
    # What the loop computes: tagged classes only, at the size of the photo.
    present = [0, *(k + 1 for k in CLASSES)]
    ours = upsample_scores(walk(low[present], transition, steps=steps), size, STRIDE)
    if name == 'seam_crf':
        pytest.importorskip('pydensecrf.densecrf')
        settings = DENSE_CRF_SETTINGS['seam_random_walk']
        image = golden.input('seam_crf_image').numpy()
        refined = dense_crf(up.numpy(), image, **settings)
        golden.check('seam_crf.rw_crf', refined[None])
        golden.check('seam_crf.argmax', crop(refined.argmax(0), size))
        ours = torch.from_numpy(dense_crf(ours.numpy(), photo_of(golden), **settings))
        label_map = np.array(present)[ours.argmax(0)].astype(np.uint8)
        assert (label_map != crop(refined.argmax(0), size)).mean() < 0.005
        return
    label_map = np.array(present)[ours.argmax(0)].astype(np.uint8)
    golden.check(f'{name}.argmax', label_map)


def crop(label_map, size):
    return label_map[: size[0], : size[1]].astype(np.uint8)


def test_every_array_was_compared(golden, request):
    """Runs last in this file."""
    golden.assert_file_checked(request, crf=('seam_crf.rw_crf', 'seam_crf.argmax'))
