# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest

from mmocr_wsss.labels import palette
from mmocr_wsss.visualization.tagged_photo import (
    Label,
    TaggedPhoto,
    contact_sheet,
    draw_tagged_photo,
    labels_of,
    text_colour,
)

NAMES = ('background', 'boat', 'duck', 'fish')
COLOURS = [tuple(colour) for colour in palette(4)]
MAGENTA = (255, 0, 200)


def sample(mask=((0, 1, 1, 255),), tags=(1,), scale=1):
    """A grey photo of 40 x 40 pixels (times ``scale``) for each entry of the small mask."""
    big = np.array(mask, np.uint8).repeat(40 * scale, 0).repeat(40 * scale, 1)
    candidates = np.isin(np.arange(4), (0, *tags))
    return TaggedPhoto(np.full((*big.shape, 3), 120, np.uint8), candidates, big)


def draw(photo, names=NAMES, title='x'):
    return draw_tagged_photo(photo, names, title=title)


def close_to(picture, colour):
    return int((np.abs(picture.astype(int) - np.asarray(colour, int)).max(axis=2) <= 1).sum())


def painted(class_id):
    """Of a class in the mask panel: 0.25 of the greyed photo, 90 + 0.55 * 120, 0.75 colour."""
    return np.rint(0.25 * (90 + 0.55 * 120) + 0.75 * np.array(COLOURS[class_id]))


def test_labels_tell_shares_and_contradictions():
    photo = sample([[0, 1, 2, 255], [0, 1, 2, 2]], tags=(1, 3))
    assert labels_of(photo, NAMES) == [
        Label('0 background 25.0%', (110, 110, 110), 'plain'),
        Label('1 boat 25.0%', COLOURS[1], 'painted'),
        Label('3 fish: not in mask', COLOURS[3], 'hollow'),
        Label('2 duck 37.5%: not a tag', COLOURS[2], 'marked'),
        Label('ignored 12.5%', (240, 236, 205), 'striped'),
    ]


def test_labels_without_mask_or_tags():
    tags_only = sample(tags=(1, 3))._replace(mask=None)
    assert [label.text for label in labels_of(tags_only, NAMES)] == [
        '0 background', '1 boat', '3 fish',
    ]  # fmt: skip
    assert {label.style for label in labels_of(tags_only, NAMES)[1:]} == {'painted'}
    texts = [label.text for label in labels_of(sample([[0, 0]], tags=()), NAMES)]
    assert texts == ['0 background 100.0%', 'no tags', 'ignored 0.0%']


def test_a_few_pixels_are_not_none():
    mask = np.zeros((100, 100), np.uint8)
    mask[0, :4] = 1  # 0.04 %, which would round to 0.0 %
    photo = TaggedPhoto(np.zeros((100, 100, 3), np.uint8), np.array([True, True, False]), mask)
    assert '1 boat <0.1%' in [label.text for label in labels_of(photo, NAMES[:3])]


def test_mask_and_names_have_the_colours_of_the_palette():
    picture = draw(sample(tags=(1,)))
    # 160 pixels wide, so twice as large: two cells of 80 x 80 for the boat.
    assert close_to(picture, painted(1)) == 2 * 80 * 80
    assert close_to(picture, COLOURS[1]) > 1000
    for absent in (2, 3):
        assert close_to(picture, painted(absent)) == close_to(picture, COLOURS[absent]) == 0


def test_only_what_the_tags_rule_out_has_a_border():
    assert close_to(draw(sample(tags=(1,))), MAGENTA) == 0
    bordered = draw(sample(tags=(2,)))
    # Outside 3 pixels around 160 x 80; the label's outline comes on top.
    assert close_to(bordered, MAGENTA) > 160 * 80 - 154 * 74
    assert close_to(bordered, painted(1)) == 154 * 74


def test_ignored_pixels_are_striped():
    none, some = draw(sample([[0, 1, 1, 0]])), draw(sample([[0, 1, 1, 255]]))
    dark = close_to(some, (110, 110, 110)) - close_to(none, (110, 110, 110))
    assert abs(dark - 80 * 80 / 2) <= 80  # half of the cell, up to a stripe at its edges


def test_text_is_legible_on_every_colour():
    def luminance(rgb):
        linear = [(c / 255 + 0.055) / 1.055 for c in rgb]
        linear = [v**2.4 if c > 10 else c / 255 / 12.92 for v, c in zip(linear, rgb, strict=True)]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    for colour in palette(256):
        low, high = sorted((luminance(colour), luminance(text_colour(colour))))
        assert (high + 0.05) / (low + 0.05) >= 4.5, colour  # WCAG AA for small text


def test_sizes_of_photos():
    """Panels are brought to 320..640; the picture has twice 8 pixels around the two and between."""
    for scale, panel in ((0.25, 320), (1, 320), (3, 480), (10, 640)):
        size = int(160 * scale)
        photo = TaggedPhoto(
            np.zeros((size, size, 3), np.uint8), np.ones(4, bool), np.zeros((size, size), int)
        )
        picture = draw(photo)
        assert picture.shape[1] == 2 * panel + 3 * 8
        assert panel < picture.shape[0] < panel + 200


def test_many_names_take_lines_and_long_ones_make_room():
    names = ('background', *(f'class number {k}' for k in range(1, 81)))
    photo = TaggedPhoto(np.full((300, 400, 3), 9, np.uint8), np.ones(81, bool))
    few = draw(photo._replace(candidates=np.arange(81) < 2), names)
    many = draw(photo, names)
    assert many.shape[1] == few.shape[1] == 416
    assert many.shape[0] > few.shape[0] + 20 * 26
    colours, counts = np.unique(many.reshape(-1, 3), axis=0, return_counts=True)
    area = dict(zip(map(tuple, colours.tolist()), counts.tolist(), strict=True))
    assert all(area[tuple(colour)] > 500 for colour in palette(81)[1:])  # every box is there
    long = draw(photo._replace(candidates=np.arange(81) < 2), ('background', 'w' * 99, *names[2:]))
    assert long.shape[1] > 1000 and (long[:, -8:] == 255).all()
    assert draw(photo, names, title='id/' * 99).shape[1] > 1000


def test_names_of_all_scripts():
    names = ('background', 'Ärger', '猫\nの', 'Ёж 🦔')
    one = draw(sample(tags=(1, 2, 3)), names)
    assert close_to(one, COLOURS[1]) > 500
    assert labels_of(sample(tags=(1, 2, 3)), names)[2].text == '2 猫 の: not in mask'
    greek, latin = (
        draw(sample(tags=(1,)), ('background', n, 'b', 'c')) for n in ('Ωμέγα', 'abcde')
    )
    assert greek.shape != latin.shape or (greek != latin).any()


def test_contact_sheet_keeps_every_picture():
    shapes = [(20, 60), (30, 50), (10, 60), (20, 20), (25, 60)]
    pictures = [np.full((*shape, 3), 10 * k, np.uint8) for k, shape in enumerate(shapes, 1)]
    sheet = contact_sheet(pictures)
    for k, (height, width) in enumerate(shapes, 1):
        assert close_to(sheet, [10 * k] * 3) == height * width
    # sqrt(5 * 30 / 60) = 1.6 makes 2 columns of 60 and 50 with a line between; rows 30, 20, 25.
    assert sheet.shape == (30 + 1 + 20 + 1 + 25, 60 + 1 + 50, 3)
    assert (sheet[30] == 160).all() and (sheet[:, 60] == 160).all()
    assert np.array_equal(contact_sheet(pictures[:1]), pictures[0])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(candidates=np.ones(3, bool)), r'x: candidates must be \(4,\), .* got \(3,\)'),
        (dict(mask=np.zeros((4, 5), int)), r'x: the mask must have the size \(40, 160\)'),
        (dict(mask=np.full((40, 160), 4)), r'must be below 4 or 255, got \[4\]'),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        draw(sample()._replace(**changes))
