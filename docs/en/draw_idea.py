# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Draw ``idea.svg``: python docs/en/draw_idea.py

The scores are invented; which pixels are out of candidate, what the groups are and where
the scores go is computed by :mod:`mmocr_wsss.functional.out_of_candidate`.
"""

from pathlib import Path

import torch

from mmocr_wsss.functional.out_of_candidate import (
    candidate_weights,
    in_candidate_group,
    out_of_candidate_mask,
    rectification_sum,
)

CLASSES = ('background', 'boat', 'duck', 'car')
COLOURS = ('#c9ced6', '#3b7dd8', '#e8a33d', '#7a5bb5')
OC_COLOUR = '#d6118f'
INK, MUTED = '#1d2430', '#5a6472'
#: Predicted class ids of a crop around the boat: 0 background, 1 boat, 2 duck.
PREDICTED = (
    '000000000000',
    '000001000000',
    '000001100000',
    '000001110000',
    '000001100000',
    '000000000000',
    '012211112210',
    '001221111100',
    '000000000000',
)
#: Scores of the pixel in the third panel, by class id.
SCORES = (0.4, 1.9, 2.6, 1.2)
STEPS, RATE = 4, 1.0
CELL, TOP = 21, 92


def scores_map() -> torch.Tensor:
    """(1, C, H, W) scores with PREDICTED as their argmax."""
    ids = torch.tensor([[int(name) for name in row] for row in PREDICTED])
    return torch.nn.functional.one_hot(ids, len(CLASSES)).permute(2, 0, 1)[None].float()


def moved(scores: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """The scores of one pixel after a few steps down the loss alone."""
    pixel = scores.reshape(1, -1, 1, 1).clone()
    for _ in range(STEPS):
        pixel.requires_grad_(True)
        mask = out_of_candidate_mask(pixel.detach(), candidates)
        loss = rectification_sum(
            pixel, candidates, mask, split='posterior', threshold=0.2, margin=0.0, ranking='all',
            prior=None,
        )  # fmt: skip
        (slope,) = torch.autograd.grad(loss, pixel)
        pixel = (pixel - RATE * slope).detach()
    return pixel.flatten()


def text(x, y, words, size=14, colour=INK, anchor='start', weight='normal') -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{words}</text>'
    )


def box(x, y, width, height, fill, more='') -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" {more}/>'


def title(x, number, words, below) -> list[str]:
    return [
        text(x, 36, f'{number}  {words}', 17, weight='bold'),
        text(x, 60, below, 14, MUTED),
    ]


def photo(x) -> list[str]:
    """Sky, water and a boat, on the grid of the second panel."""
    width, height = CELL * len(PREDICTED[0]), CELL * len(PREDICTED)
    at = lambda column, row: f'{x + CELL * column:g},{TOP + CELL * row:g}'  # noqa: E731
    hull = ' '.join(map(at, (1, 10.8, 9.4, 2.4), (6, 6, 8, 8)))
    sail = ' '.join(map(at, (5.2, 5.2, 8), (0.8, 5.4, 5.4)))
    return [
        *title(x, 1, 'Tags, no masks', 'somebody said what the photo shows'),
        box(x, TOP, width, CELL * 5.6, '#dcebf7'),
        box(x, TOP + CELL * 5.6, width, height - CELL * 5.6, '#9fc3d9'),
        f'<polygon points="{sail}" fill="#ffffff" stroke="{INK}" stroke-width="1.5"/>',
        f'<line x1="{x + CELL * 5:g}" y1="{TOP + 8}" x2="{x + CELL * 5:g}" '
        f'y2="{TOP + CELL * 6}" stroke="{INK}" stroke-width="3"/>',
        f'<polygon points="{hull}" fill="#8a4b2a" stroke="{INK}" stroke-width="1.5"/>',
        box(x, TOP + height + 18, 62, 26, COLOURS[1], 'rx="13"'),
        text(x + 31, TOP + height + 36, 'boat', 14, '#ffffff', 'middle', 'bold'),
        text(x + 74, TOP + height + 36, 'candidates: boat, background'),
    ]


def prediction(x, oc_mask) -> list[str]:
    """Every pixel in the colour of its class; pixels out of candidate with a rim."""
    drawn = title(x, 2, 'Prediction in training', 'a duck is not among the tags')
    rims = []
    for row, line in enumerate(PREDICTED):
        for column, name in enumerate(line):
            place = (x + CELL * column, TOP + CELL * row, CELL, CELL)
            drawn.append(box(*place, COLOURS[int(name)], 'stroke="#ffffff" stroke-width="0.8"'))
            if oc_mask[row, column]:
                rims.append(box(*place, 'none', f'stroke="{OC_COLOUR}" stroke-width="3"'))
    below = TOP + CELL * len(PREDICTED) + 36
    drawn += rims
    for number, start in ((0, 0), (1, 124), (2, 194)):
        drawn.append(box(x + start, below - 12, 14, 14, COLOURS[number]))
        drawn.append(text(x + start + 20, below, CLASSES[number]))
    count, share = int(oc_mask.sum()), 100 * oc_mask.double().mean()
    drawn.append(
        text(x, below + 26, f'{count} pixels out of candidate, OC rate {share:.1f} %',
             14, OC_COLOUR, weight='bold')
    )  # fmt: skip
    return drawn


def ranking(x, before, after, group, candidates) -> list[str]:
    """Scores of one pixel before and after, the group on the left of the others."""
    order = sorted(range(len(CLASSES)), key=lambda k: (not candidates[k], not group[k], -before[k]))
    base, unit, pitch = TOP + CELL * len(PREDICTED), 54, 94
    drawn = title(x, 3, 'The loss at one such pixel', 'ranks classes below the candidates that fit')
    for place, k in enumerate(order):
        left, colour = x + pitch * place, COLOURS[k]
        old, new = unit * before[k], unit * after[k]
        drawn += [
            box(left, base - old, 24, old, '#ffffff', f'stroke="{colour}" stroke-width="2"'),
            box(left + 30, base - new, 24, new, colour),
            text(left + 27, base + 18, CLASSES[k], 13, INK, 'middle'),
            text(left + 12, base - old - 6, f'{before[k]:.1f}', 12, MUTED, 'middle'),
            text(left + 42, base - new - 6, f'{after[k]:.1f}', 12, INK, 'middle'),
        ]
        role = 'in the group' if group[k] else 'left alone' if candidates[k] else 'pushed'
        colour = COLOURS[1] if group[k] else MUTED if candidates[k] else OC_COLOUR
        drawn.append(text(left + 27, base + 36, role, 12, colour, 'middle', 'bold'))
    drawn.append(
        text(x, base + 62, f'outline: scores before, filled: after {STEPS} steps', 13, MUTED)
    )
    return [
        *drawn,
        f'<line x1="{x - 8}" y1="{base}" x2="{x + pitch * 4 - 20}" y2="{base}" stroke="{INK}"/>',
    ]


def draw() -> str:
    """The picture as SVG."""
    candidates = torch.tensor([[True, True, False, False]])
    before = torch.tensor(SCORES)
    weights = candidate_weights(before[None], candidates, split='posterior', prior=None)
    group = in_candidate_group(weights, candidates, threshold=0.2)[0].tolist()
    after = moved(before, candidates)
    mask = out_of_candidate_mask(scores_map(), candidates)[0]
    return '\n'.join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1080 375" '
            'font-family="Helvetica, Arial, sans-serif" role="img" '
            'aria-label="Tags, prediction and ranking of the out-of-candidate loss">',
            box(0, 0, 1080, 375, '#ffffff', 'rx="10"'),
            *photo(24),
            *prediction(354, mask),
            *ranking(700, before.tolist(), after.tolist(), group, candidates[0].tolist()),
            '</svg>\n',
        ]
    )


if __name__ == '__main__':
    Path(__file__).with_name('idea.svg').write_text(draw(), encoding='utf-8')
