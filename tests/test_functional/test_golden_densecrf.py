# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The CRF functions of the official repositories, on the same scores and photo."""

import numpy as np
import pytest
from golden import load_golden

from mmocr_wsss.functional.dense_crf import DENSE_CRF_SETTINGS, dense_crf
from mmocr_wsss.stages.affinity_labels import crf_scores

CAM = DENSE_CRF_SETTINGS['cam']
SETTINGS = {
    'psa': CAM,
    'psa_t1': DENSE_CRF_SETTINGS['seam_random_walk'],
    # An argument of PSA's helper that no caller of it uses: both ranges divided by 2.
    'psa_scale2': CAM | dict(gaussian_sxy=1.5, bilateral_sxy=40),
    'seam': CAM,
    'seam_vis': DENSE_CRF_SETTINGS['seam_random_walk'],
    'mct_seg': DENSE_CRF_SETTINGS['mctformer_segmentation'],
    'segcb': DENSE_CRF_SETTINGS['seam_segmentation'],
}
#: MCTformer's, PSA's and SEAM's pairs.
POWERS = (1, 4, 12, 24, 32)


@pytest.fixture(scope='module')
def golden():
    pytest.importorskip('pydensecrf.densecrf')
    return load_golden('densecrf.npz')


@pytest.mark.parametrize('name', SETTINGS)
def test_marginals(golden, name):
    probabilities, image = (golden.input(key).numpy() for key in ('probs', 'image'))
    golden.check(name, dense_crf(probabilities, image, **SETTINGS[name]))


@pytest.mark.parametrize('power', POWERS)
def test_scores_of_cams(golden, power):
    cam = np.stack([golden.input(f'alpha_cam.{k}').numpy() for k in (8, 11)])
    image = golden.input('alpha_image').numpy()
    marginals = crf_scores(cam, image, power, CAM)
    for label, marginal in zip((0, 9, 12), marginals, strict=True):
        golden.check(f'alpha_{power}.{label}', marginal)


def test_every_array_was_compared(golden, request):
    """Runs last in this file."""
    golden.assert_file_checked(request)
