# Copyright (c) mmocr_wsss contributors. All rights reserved.
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mmocr_wsss.visualization import out_of_candidate_figures as figures

NAN = float('nan')
MAGENTA = (255, 0, 200)


@pytest.fixture
def figure(monkeypatch):
    """The last figure that was made into a PNG."""
    seen, png = {}, figures._png

    def watched(made):
        content = png(made)
        seen['axes'] = made.axes
        return content

    monkeypatch.setattr(figures, '_png', watched)
    return seen


def pixels(png):
    with Image.open(BytesIO(png)) as image:
        return np.array(image.convert('RGB'))


def labels(ticks):
    return [tick.get_text() for tick in ticks]


def test_cells_have_numbers_and_names(figure):
    percent = np.array([[12.34, NAN, 0.04], [0, 1.06, 3]])
    figures.draw_conflicts(percent, ['cat', 'dog'], ['no tags', 'dog', 'a$b$'])
    axes = figure['axes'][0]
    assert labels(axes.get_yticklabels()) == ['cat', 'dog']
    assert labels(axes.get_xticklabels()) == ['no tags', 'dog', r'a\$b\$']  # not as TeX
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): '12', (1, 1): '1.1', (2, 1): '3.0'}
    assert axes.get_xlabel() == 'tag of the image' and 'predicted' in axes.get_ylabel()


@pytest.mark.parametrize('size', [1, 25])
def test_labels_stay_inside_and_apart(figure, size):
    names = [f'a rather long class name {number}' for number in range(size)]
    picture = pixels(figures.draw_conflicts(np.full((size, size), 2.5), names, names))
    axes = figure['axes'][0]
    canvas = axes.figure.bbox
    boxes = [text.get_window_extent() for text in axes.get_yticklabels()]
    for text in (
        *boxes,
        *(t.get_window_extent() for t in axes.get_xticklabels()),
        axes.yaxis.label.get_window_extent(),
        axes.xaxis.label.get_window_extent(),
    ):
        assert text.x0 >= 0 and text.y0 >= 0 and text.x1 <= canvas.x1 and text.y1 <= canvas.y1
    heights = sorted((box.y0, box.y1) for box in boxes)
    assert all(low[1] < high[0] for low, high in zip(heights, heights[1:], strict=False))
    assert picture.shape[1] < 2000


def test_a_cell_without_value_is_hatched(figure):
    plain = pixels(figures.draw_conflicts(np.array([[0.0, 0.0]]), ['a'], ['b', 'c']))
    hatched = pixels(figures.draw_conflicts(np.array([[0.0, NAN]]), ['a'], ['b', 'c']))
    assert plain.shape == hatched.shape and (plain != hatched).any(-1).sum() > 1000


def test_names_and_cells_must_agree():
    with pytest.raises(ValueError, match=r'must be \(1, 2\), .* got \(2, 1\)'):
        figures.draw_conflicts(np.zeros((2, 1)), ['a'], ['b', 'c'])
    with pytest.raises(ValueError, match='at least one of each'):
        figures.draw_conflicts(np.zeros((0, 1)), [], ['b'])


def test_curves(figure):
    figures.draw_rates(
        [('oc', [(2, 0.9), (4, 0.01)], [(4, 0.0)]), ('_other', [], [(4, 0.5)]),
         ('x' * 80 + '/end', [(1, 0.2)], [])]
    )  # fmt: skip
    (axes,) = figure['axes']
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    end = '…' + 'x' * 23 + '/end'
    assert lines == {
        'oc, training': [[2, 90], [4, 1]],
        'oc, validation': [[4, 0]],
        ' _other, validation': [[4, 50]],
        f'{end}, training': [[1, 20]],
    }
    assert labels(axes.get_legend().get_texts()) == list(lines)
    colours = [line.get_color() for line in axes.lines]
    assert colours[0] == colours[1] != colours[2]
    low, high = axes.get_ylim()
    assert low == 0 and high > 90
    assert axes.get_xlabel() == 'iteration' and 'OC rate, %' in axes.get_ylabel()
    with pytest.raises(ValueError, match='at least one curve'):
        figures.draw_rates([])


@pytest.mark.parametrize('rate', [0.0, 1e-6, 1.0])
def test_curves_of_any_level(figure, rate):
    assert pixels(figures.draw_rates([('a', [(1, rate), (2, rate)], [])])).std() > 0
    ticks = figure['axes'][0].get_yticks()
    assert ticks[0] == 0 and 2 < len(ticks) < 9


def test_panels_of_an_image():
    photo = np.full((6, 8, 3), 120, np.uint8)
    label_map = np.zeros((6, 8), np.int64)
    label_map[:, 4:] = 2
    outside = np.zeros((6, 8), bool)
    outside[:, 6:] = True
    sheet = pixels(figures.draw_worst_image(photo, label_map, outside, 3))
    assert sheet.shape == (240, 3 * 320 + 2 * 6, 3)
    first, second, third = sheet[:, :320], sheet[:, 326:646], sheet[:, 652:]
    assert (first == 120).all()
    painted = (second != second[0, 0]).any(-1)
    assert painted[:, 160:].all() and not painted[:, :160].any()
    marked = (third == MAGENTA).all(-1)
    assert marked[:, 240:].all() and not marked[:, :240].any()
    assert (sheet[:, 320:326] == 255).all()


def test_high_photos_stay_on_a_screen():
    ids = np.zeros((900, 300), np.int64)
    sheet = pixels(figures.draw_worst_image(np.zeros((90, 30, 3), np.uint8), ids, ids > 0, 2))
    assert sheet.shape == (480, 3 * 160 + 2 * 6, 3)
