# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What a report on out-of-candidate predictions says in words; HTML."""

from collections.abc import Mapping
from html import escape
from typing import Any

MATRIX = (
    'Row: predicted class p. Column: tag t. A cell is the percentage of the pixels predicted as p, '
    'of all pixels of the images that have the tag t and not the tag p. An image counts in the '
    'column of each of its tags. Hatched: no such images; no number: below 0.05 %.'
)
CURVES = (
    'Lines: batches of training, as logged (augmented crops, at the resolution of the network, '
    'without the pixels that the pseudo masks ignore). Only a training with the out-of-candidate '
    'loss logs them. Dots: validations during training, by their own evaluator. A resumed '
    'training is one curve. Compare courses and runs here, not the level with the rate above.'
)


def reading(split: str) -> list[str]:
    """Paragraphs on what the numbers mean and what they do not."""
    photos = (
        '<p>These are photos of the training, predicted whole and without augmentation: the model '
        'has seen them, held-out images may have more OC pixels.</p>'
        if split == 'train'
        else ''
    )
    return [
        '<p>The tags of an image say which classes it shows. A pixel predicted as any other class '
        'is <b>out of candidate</b> (OC). It is wrong as surely as the tags are complete, and no '
        'mask is needed to know. The background may be predicted everywhere, unless the '
        'data say otherwise.</p>',
        '<ul>',
        '<li><b>Look at the pictures first.</b> If the marked pixels do show the class that is '
        'named, the tags are incomplete: mend the tags, not the model.</li>',
        '<li><b>A row</b> of the figure that is red in most columns is a class that the model sees '
        'everywhere. <b>A single red cell</b> is a pair that the model confuses, or things that '
        'come together, as horse and rider.</li>',
        '<li><b>A low OC rate alone is no success.</b> A model that predicts background everywhere '
        'has none. "Of these, predicted in" shows it: there it finds the class in few of the '
        'images that have the tag. Pixels confused among the tags of an image, with '
        'the background, or with wrong outlines do not count as OC either.</li>',
        '<li>Percentages of few images are noise; the table has the numbers of images.</li>',
        '</ul>',
        photos,
    ]


def next_steps(command: str, loss: Mapping[str, Any] | None) -> list[str]:
    """Paragraphs with commands.

    Args:
        command: config and data as typed, quoted for a shell.
        loss: arguments of the out-of-candidate loss and their values; None without it.
    """
    if loss is None:
        return [
            '<p>This config trains without the out-of-candidate loss, whose aim is to lower the '
            'OC rate. For <code>configs/segmentation/NAME.py</code> the config with it is '
            '<code>configs/ocr/NAME.py</code>; the README says how to add it to any other config '
            '("Add the loss to your own mmseg model"). Then make this report again '
            'with the new checkpoint, and both trainings in <code>--logs</code>.</p>'
        ]
    weight, start = loss.get('loss_weight'), loss.get('start_iter')
    lines = [
        '<p>This config trains with the out-of-candidate loss. If the rate is too high, change '
        'one thing at a time, into a folder of its own:</p>'
    ]
    if isinstance(weight, (int, float)):
        lines += [
            f'<p>More weight ({weight:g} in this config). Fewer OC pixels; too much of it pushes '
            'pixels to the background or to a wrong tag, and mIoU falls.</p>',
            _train(command, 'heavier', f'model.loss_oc.loss_weight={2 * weight or 1:g}'),
        ]
    if isinstance(start, (int, float)) and start > 0:
        unit = 'of the schedule' if isinstance(start, float) else 'iterations'
        sooner = start / 2 if isinstance(start, float) else start // 2
        lines += [
            f'<p>An earlier start ({start} {unit} in this config). The loss acts longer; early '
            'on predictions are still random, and so is what it corrects.</p>',
            _train(command, 'earlier', f'model.loss_oc.start_iter={sooner}'),
        ]
    return [
        *lines,
        '<p>There is no guarantee that either helps: judge by mIoU where you have some true masks '
        '(<code>tools/test.py</code>), else by this report with both columns on images of the '
        'class, and by the pictures. One training tells little, seeds differ.</p>',
    ]


def _train(command: str, folder: str, option: str) -> str:
    return (
        f'<pre>python tools/train.py {escape(command)} --work-dir work_dirs/{folder} '
        f'--cfg-options {escape(option)}</pre>'
    )
