# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest
from PIL import Image

from mmocr_wsss.visualization.prediction_grid import (
    PredictionRow,
    class_colours,
    mark_pixels,
    paint_classes,
    save_prediction_grid,
)

NAMES = ('background', 'boat', 'duck')
MAGENTA = (255, 0, 200)


def make_row(**changes):
    """12 x 16 pixels, tagged boat; the baseline takes its left half for duck."""
    truth = np.zeros((12, 16), np.uint8)
    truth[2:10, 4:12] = 1
    baseline = truth.copy()
    baseline[2:10, 4:8] = 2
    row = PredictionRow(
        image=np.full((12, 16, 3), 120, np.uint8),
        candidates=np.array([True, True, False]),
        baseline=baseline,
        rectified=truth,
        truth=truth,
    )
    return row._replace(**changes)


def count(path, colour):
    pixels = np.array(Image.open(path).convert('RGB'))
    return int((pixels == np.array(colour)).all(-1).sum())


def test_paint_classes_leaves_background_and_ignore_grey():
    image = np.zeros((1, 3, 3), np.uint8)
    image[..., 0] = 100  # grey 29.9, faded to 90 + 0.55 * 29.9 = 106.445
    painted = paint_classes(image, np.array([[0, 1, 255]]), np.array([[0] * 3, [200, 0, 40]]))
    # 0.25 * 106.445 + 0.75 * (200, 0, 40) = (176.6, 26.6, 56.6)
    assert painted.tolist() == [[[106] * 3, [177, 27, 57], [106] * 3]]


def test_mark_pixels_marks_only_them():
    marked = mark_pixels(np.zeros((1, 2, 3), np.uint8), np.array([[True, False]]))
    assert marked.tolist() == [[list(MAGENTA), [90, 90, 90]]]


def test_colours_differ_and_follow_the_class_ids():
    for num_classes in (7, 10, 21):
        colours = class_colours(num_classes)
        assert len(np.unique(colours, axis=0)) == num_classes
        assert MAGENTA not in {tuple(c) for c in colours.tolist()}
    assert class_colours(21)[1].tolist() == [128, 0, 0]  # aeroplane, as in VOC's label maps
    assert (class_colours(7)[:3] == class_colours(3)).all()


def test_figure_marks_the_oc_pixels(tmp_path):
    save_prediction_grid(tmp_path / 'with.png', [make_row()], NAMES, title='t')
    clean = make_row(baseline=make_row().truth)
    save_prediction_grid(tmp_path / 'without.png', [clean], NAMES, title='t')
    legend = count(tmp_path / 'without.png', MAGENTA)
    # 32 of 192 pixels of a panel are marked; a panel is over 200 x 150 pixels of the figure.
    assert legend > 0
    assert count(tmp_path / 'with.png', MAGENTA) - legend > 200 * 150 * 32 / 192
    assert [path.name for path in sorted(tmp_path.iterdir())] == ['with.png', 'without.png']


def test_ignored_pixels_are_not_marked(tmp_path):
    truth = make_row().truth.copy()
    truth[2:10, 4:8] = 255
    save_prediction_grid(tmp_path / 'a.png', [make_row(truth=truth)], NAMES, title='t')
    assert count(tmp_path / 'a.png', MAGENTA) < 2000  # the legend's patch alone


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        ([], 'at least one row'),
        ([make_row(baseline=np.zeros((12, 15), int))], r"row 0: .*'baseline': \(12, 15\)"),
        ([make_row(candidates=np.ones(4, bool))], r'row 0: candidates must be \(3,\).*\(4,\)'),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        save_prediction_grid(tmp_path / 'a.png', rows, NAMES, title='t')
    assert not list(tmp_path.iterdir())
