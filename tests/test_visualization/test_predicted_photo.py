# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the picture of a prediction marks and names."""

import numpy as np
import pytest

from mmocr_wsss.labels import palette
from mmocr_wsss.visualization import predicted_photo
from mmocr_wsss.visualization.predicted_photo import draw_prediction

NAMES = ('background', 'cat', 'dog', 'hot dog')
MAGENTA = (255, 0, 200)
PHOTO = np.full((320, 400, 3), 100, np.uint8)
FREE = np.zeros((320, 400), np.uint8)
FREE[40:200, 40:240] = 1  # 25 % of the pixels
FREE[200:300, 100:228] = 3  # 10 %
CANDIDATES = np.array([True, True, True, False])


@pytest.fixture
def draw(monkeypatch):
    """Draw; gives the overlay alone and the texts and styles of its labels."""
    shown = {}

    def lay_out(panels, labels, title):
        shown.update(panels=panels, labels=[(label.text, label.style) for label in labels])
        assert title == 'a/1'
        return 'picture'

    def call(*args, **kwargs):
        assert draw_prediction(PHOTO, *args, NAMES, title='a/1', **kwargs) == 'picture'
        np.testing.assert_array_equal(shown['panels'][0], PHOTO)
        return shown['panels'][1], shown['labels']

    monkeypatch.setattr(predicted_photo, 'lay_out', lay_out)
    return call


def marked(overlay):
    return (overlay == MAGENTA).all(-1)


def test_without_tags_nothing_is_marked(draw):
    overlay, labels = draw(FREE)
    assert not marked(overlay).any()
    assert labels == [
        ('0 background 65.0%', 'plain'), ('1 cat 25.0%', 'painted'), ('3 hot dog 10.0%', 'painted')
    ]  # fmt: skip
    # The greyed photo is 90 + 0.55 x 100 = 145, a class colour 3/4 of what is seen.
    assert (overlay[0, 0] == 145).all()
    assert overlay[100, 100].tolist() == [round(36.25 + 0.75 * c) for c in palette(2)[1]]
    assert draw(np.zeros_like(FREE))[1] == [('0 background 100.0%', 'plain')]


def test_what_the_tags_rule_out_has_a_border(draw):
    overlay, labels = draw(FREE, candidates=CANDIDATES, unrestricted=FREE)
    assert labels == [
        ('0 background 65.0%', 'plain'), ('1 cat 25.0%', 'painted'),
        ('2 dog: not predicted', 'hollow'), ('3 hot dog 10.0%: not a tag', 'marked'),
    ]  # fmt: skip
    border = (FREE == 3).copy()
    border[203:297, 103:225] = False
    np.testing.assert_array_equal(marked(overlay), border)


def test_what_a_restriction_changed_has_a_border(draw):
    strict = np.where(FREE == 3, 0, FREE).astype(np.uint8)
    overlay, labels = draw(strict, candidates=CANDIDATES, unrestricted=FREE)
    assert labels == [
        ('0 background 75.0%', 'plain'), ('1 cat 25.0%', 'painted'),
        ('2 dog: not predicted', 'hollow'), ('3 hot dog 10.0%: ruled out', 'marked'),
    ]  # fmt: skip
    free, _ = draw(FREE, candidates=CANDIDATES)
    np.testing.assert_array_equal(marked(overlay), marked(free))
    assert (overlay[250, 150] == 145).all()


def test_the_picture():
    picture = draw_prediction(PHOTO, FREE, NAMES, title='a/1', candidates=CANDIDATES)
    assert picture.dtype == np.uint8 and picture.shape[1] == 2 * 400 + 3 * 8
    with pytest.raises(ValueError, match=r'a/1: photo \(320, 400\) and label maps \(2, 2\)'):
        draw_prediction(PHOTO, FREE[:2, :2], NAMES, title='a/1')
