# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest

from mmocr_wsss.visualization.cam_grid import draw_cam_grid, heat_map
from mmocr_wsss.visualization.prediction_grid import class_colours

NAMES = ('background', *(f'class {k}' for k in range(1, 10)))
GREY = np.full((40, 60, 3), 120, np.uint8)


def draw(class_ids, cam=None, threshold=0.3, **changes):
    if cam is None:
        cam = np.zeros((len(class_ids), 40, 60), np.float32)
    options = dict(background_threshold=threshold, title='x') | changes
    return draw_cam_grid(GREY, cam, class_ids, NAMES, **options)


def close_to(picture, colour):
    """Pixels that have a colour, up to what scaling to the canvas rounds."""
    return int((np.abs(picture.astype(int) - np.asarray(colour, int)).max(axis=2) <= 3).sum())


def seed_colour(class_id):
    """Of a class in the seed, over the greyed photo."""
    return 0.25 * (90 + 0.55 * 120) + 0.75 * class_colours(len(NAMES))[class_id]


def test_heat_map_runs_from_blue_to_red():
    values = np.linspace(0, 1, 60, dtype=np.float32)[None].repeat(40, axis=0)
    red, _, blue = heat_map(GREY, values).transpose(2, 0, 1).astype(int)
    assert (blue[:, :10] > red[:, :10] + 60).all() and (red[:, -10:] > blue[:, -10:] + 60).all()
    beyond = np.where(values == values.min(), -0.5, np.where(values == values.max(), 1.5, values))
    assert np.array_equal(heat_map(GREY, beyond), heat_map(GREY, values))
    photo = GREY.copy()
    photo[:20] = 240
    lit = heat_map(photo, np.zeros((40, 60), np.float32)).sum(axis=2)
    assert lit[0, 0] > lit[-1, 0]


def test_seed_panel_shows_what_is_above_the_threshold():
    cam = np.zeros((2, 40, 60), np.float32)
    cam[0, :, :20], cam[1, :, 30:] = 0.9, 0.5
    both, one, none = (draw([2, 7], cam, threshold) for threshold in (0.3, 0.6, 0.95))
    for class_id, counts in ((2, (1, 1, 0)), (7, (1, 0, 0))):
        found = [close_to(p, seed_colour(class_id)) > 500 for p in (both, one, none)]
        assert found == [bool(c) for c in counts], class_id


def test_frames_have_the_colours_of_the_seed():
    picture = draw([2, 7])
    for class_id, there in ((2, True), (7, True), (3, False)):
        assert (close_to(picture, class_colours(len(NAMES))[class_id]) > 100) == there


def test_many_classes_take_several_rows():
    none, few, many = draw([]), draw([1, 2, 3]), draw([1, 2, 3, 4, 5, 6, 7])
    assert none.shape[1] < few.shape[1] < many.shape[1]
    assert few.shape[0] == none.shape[0] < many.shape[0]
    assert none.dtype == np.uint8 and none.ndim == 3


@pytest.mark.parametrize(
    ('ids', 'shape', 'message'),
    [
        ([1], (1, 20, 30), r'x: maps must be \(k, 40, 60\) like the photo'),
        ([1, 2], (1, 40, 60), 'one of 2 class ids each'),
        ([10], (1, 40, 60), r'class ids must be below 10, .* got \[10\]'),
    ],
)
def test_bad_input(ids, shape, message):
    with pytest.raises(ValueError, match=message):
        draw(ids, np.zeros(shape, np.float32))
