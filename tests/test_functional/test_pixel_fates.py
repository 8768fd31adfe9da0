# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest

from mmocr_wsss.functional.pixel_fates import FATES, pixel_fates


def test_by_hand():
    # Tagged 1 and 2; class 3 is out of candidate. Columns: what the pixel is, was, becomes.
    pixels = [
        (0, 3, 3, {'oc', 'oc_on_background', 'oc_to_oc'}),
        (0, 3, 0, {'oc', 'oc_on_background', 'oc_to_background'}),
        (0, 3, 1, {'oc', 'oc_on_background', 'oc_to_other'}),
        (1, 3, 0, {'oc', 'oc_to_background'}),
        (1, 3, 1, {'oc', 'oc_to_truth'}),
        (1, 3, 2, {'oc', 'oc_to_other'}),
        (3, 3, 3, {'oc', 'oc_to_oc', 'right'}),  # the tags lack what is there
        (1, 1, 1, {'right'}),
        (1, 1, 0, {'right', 'right_to_background'}),
        (2, 2, 3, {'right', 'right_to_other'}),
        (0, 0, 3, set()),
        (1, 2, 1, set()),
    ]
    truth, before, after = (
        np.array([[pixel[column] for pixel in pixels] + [value]], dtype=np.uint8)
        for column, value in ((0, 255), (1, 3), (2, 1))
    )
    candidates = np.array([True, True, True, False])
    got = dict(zip(FATES, pixel_fates(before, after, truth, candidates).tolist(), strict=True))
    assert got.pop('valid') == len(pixels)  # the ignored pixel at the end counts nowhere
    assert got == {name: sum(name in pixel[3] for pixel in pixels) for name in FATES[1:]}
    became = ('oc_to_oc', 'oc_to_background', 'oc_to_truth', 'oc_to_other')
    assert got['oc'] == sum(got[name] for name in became)


def test_sizes_must_agree():
    maps = [np.zeros(size, np.uint8) for size in ((2, 3), (2, 3), (3, 2))]
    with pytest.raises(ValueError, match=r'got \(2, 3\), \(2, 3\) and \(3, 2\)'):
        pixel_fates(*maps, np.ones(2, bool))
