# Copyright (c) mmocr_wsss contributors. All rights reserved.
import sys

import numpy as np
import pytest

from mmocr_wsss.functional.dense_crf import (
    DENSE_CRF_SETTINGS,
    dense_crf,
    dense_crf_settings,
    label_probabilities,
)

HEIGHT, WIDTH = 24, 32


@pytest.fixture
def scene():
    """(probabilities, image): a disc of one colour on a ramp, scores that do not sum to 1."""
    pytest.importorskip('pydensecrf.densecrf')
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    distance = (y - 12) ** 2 + (x - 16) ** 2
    blue = np.where(distance < 64, 220, 30)
    image = np.stack([8 * x % 256, 10 * y % 256, blue], axis=-1).astype(np.uint8)
    foreground = np.exp(-distance / 60)
    return np.stack([(1 - foreground) ** 4, foreground]).astype(np.float32), image


@pytest.mark.parametrize(
    'name, total, at_edge, at_corner, count',
    [
        ('cam', 193.0021, 0.999976, 0.000010, 193),
        ('seam_random_walk', 215.6808, 0.999913, 0.039212, 211),
        ('seam_segmentation', 215.5574, 0.999903, 0.041316, 212),
        ('mctformer_segmentation', 202.4432, 0.982055, 0.009571, 201),
    ],
)
def test_published_settings(scene, name, total, at_edge, at_corner, count):
    """Numbers of pydensecrf itself; for the first and last a brute-force sum in float64
    gives 193.0020 and 201.6333."""
    marginals = dense_crf(*scene, **DENSE_CRF_SETTINGS[name])
    foreground = marginals[1]
    assert foreground.sum() == pytest.approx(total, abs=1e-3)
    assert foreground[12, 23] == pytest.approx(at_edge, abs=2e-6)
    assert foreground[5, 10] == pytest.approx(at_corner, abs=2e-6)
    assert (foreground > marginals[0]).sum() == count
    np.testing.assert_allclose(marginals.sum(axis=0), 1, atol=1e-5)


def test_every_argument_matters(scene):
    settings = DENSE_CRF_SETTINGS['seam_random_walk']
    reference = dense_crf(*scene, **settings)
    for key in settings:
        changed = dense_crf(*scene, **(settings | {key: settings[key] * 2}))
        assert np.abs(changed - reference).max() > 1e-3, key


def test_no_iteration_normalises_the_clipped_scores(scene):
    probabilities, image = scene
    settings = DENSE_CRF_SETTINGS['cam'] | dict(iterations=0)
    clipped = np.clip(probabilities, 1e-5, 1)
    expected = clipped / clipped.sum(axis=0)
    np.testing.assert_allclose(dense_crf(probabilities, image, **settings), expected, atol=1e-5)


def test_views_and_other_floats_are_accepted(scene):
    probabilities, image = scene
    settings = DENSE_CRF_SETTINGS['cam']
    reference = dense_crf(probabilities, np.ascontiguousarray(image[..., ::-1]), **settings)
    image.flags.writeable = False
    result = dense_crf(probabilities.astype(np.float64), image[..., ::-1], **settings)
    np.testing.assert_allclose(result, reference, atol=1e-5)


def test_label_maps_as_irn_refines_them(scene):
    probabilities, image = scene
    labels = (probabilities[1] > 0.3).astype(int)
    assert labels.sum() == 225
    unary = label_probabilities(labels, 2)
    assert unary[:, 0, 0].tolist() == pytest.approx([0.7, 0.3])
    marginals = dense_crf(unary, image, **DENSE_CRF_SETTINGS['irn_labels'])
    assert marginals[1].sum() == pytest.approx(224.7788, abs=1e-3)
    assert (marginals[1] > marginals[0]).sum() == 225


def test_certainty_is_shared_by_the_other_labels():
    found = label_probabilities(np.array([[0, 2]]), 3)
    assert found.shape == (3, 1, 2)
    assert found[:, 0, 1].tolist() == pytest.approx([0.15, 0.15, 0.7])
    assert label_probabilities(np.zeros((2, 2), int), 1).tolist() == [[[1.0, 1.0], [1.0, 1.0]]]


def test_wrong_inputs(scene):
    probabilities, image = scene
    settings = DENSE_CRF_SETTINGS['cam']
    with pytest.raises(ValueError, match=r'got \(2, 24, 32\) and \(32, 24, 3\)'):
        dense_crf(probabilities, image.transpose(1, 0, 2), **settings)
    with pytest.raises(ValueError, match='uint8 image, got float32'):
        dense_crf(probabilities, image.astype(np.float32), **settings)


def test_settings_by_name_or_dict():
    assert dense_crf_settings('cam') == DENSE_CRF_SETTINGS['cam']
    own = DENSE_CRF_SETTINGS['cam'] | dict(iterations=3)
    assert dense_crf_settings(own) == own
    with pytest.raises(ValueError, match=r"crf='psa' must be one of \['cam'"):
        dense_crf_settings('psa')
    with pytest.raises(ValueError, match=r"missing \['iterations'\], unknown \['t'\]"):
        dense_crf_settings({k: v for k, v in own.items() if k != 'iterations'} | {'t': 1})


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pydensecrf', None)
    probabilities, image = np.ones((2, 4, 4)), np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ImportError, match='pip install pydensecrf2'):
        dense_crf(probabilities, image, **DENSE_CRF_SETTINGS['cam'])
