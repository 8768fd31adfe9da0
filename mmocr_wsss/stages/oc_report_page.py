# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""The HTML of a report on out-of-candidate predictions: one file, no scripts, nothing external."""

import base64
import shlex
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmocr_wsss.evaluation.out_of_candidate_counter import WorstImage
from mmocr_wsss.functional.out_of_candidate_counts import (
    OutOfCandidateCounts,
    leading_classes,
    leading_tags,
    outside_percent,
)
from mmocr_wsss.labels import BACKGROUND_ID
from mmocr_wsss.stages.oc_report_text import CURVES, MATRIX, next_steps, reading
from mmocr_wsss.visualization.out_of_candidate_figures import draw_conflicts
from mmocr_wsss.visualization.prediction_grid import class_colours

_ROWS = 25  # and columns of the figure
_TAGS = 3  # named in a row of the table
_CLASSES = 5  # named below a picture
_NO_TAGS = 'no tags'
_STYLE = """
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1a1a1a; margin: 0 auto;
  max-width: 1080px; padding: 12px 24px 60px; }
h1 { font-size: 26px; margin: 16px 0 4px; } h2 { font-size: 20px; margin: 36px 0 8px; }
p, li { max-width: 800px; } code, pre { font: 13px/1.5 monospace; background: #f2f2f2; }
pre { padding: 8px 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td, th { padding: 3px 12px; text-align: right;
  vertical-align: top; border-bottom: 1px solid #ddd; }
th { font-weight: 600; background: #f7f7f7; vertical-align: bottom; }
td.text, th.text { text-align: left; } td.text { overflow-wrap: anywhere; }
td.name { text-align: left; white-space: nowrap; }
.rate { font-size: 40px; font-weight: 700; } .note { color: #555; }
figure { margin: 20px 0 28px; } figcaption { margin-top: 4px; }
.box { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.35em;
  border: 1px solid #888; } .class { white-space: nowrap; margin-right: 0.8em; }
.outside { font-weight: 600; border-bottom: 3px solid #ff00c8; }
"""


class OutOfCandidateReport(NamedTuple):
    """What stands on the page.

    class_names: C names by class id. worst: images with their pictures (PNG), the worst first.
    curves: PNG or None. loss: settings of the out-of-candidate loss by argument, None without it.
    """

    config: str
    checkpoint: str
    data_root: str | None
    split: str
    class_names: Sequence[str]
    counts: OutOfCandidateCounts
    worst: Sequence[tuple[WorstImage, bytes]]
    curves: bytes | None
    loss: Mapping[str, Any] | None


def report_page(report: OutOfCandidateReport) -> str:
    """The page as text; every name in it is escaped."""
    parts = [
        '<!DOCTYPE html>',
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>Out-of-candidate report: {escape(Path(report.config).name)}</title>',
        f'<style>{_STYLE}</style></head><body>',
        *_head(report),
        '<h2>How to read this</h2>',
        *reading(report.split),
        '<h2>Classes</h2>',
        *_class_table(report),
        '<h2>Which class is predicted beside which tag</h2>',
        *_matrix(report),
        '<h2>OC rate over training</h2>',
        *_curves(report),
        '<h2>Images with the largest share of OC pixels</h2>',
        *_worst(report),
        '<h2>What to try next</h2>',
        *next_steps(_command(report), report.loss),
        '</body></html>',
    ]
    return '\n'.join(parts) + '\n'


def _command(report: OutOfCandidateReport) -> str:
    root = [] if report.data_root is None else ['--data-root', report.data_root]
    return shlex.join([report.config, *root])


def _head(report: OutOfCandidateReport) -> list[str]:
    counts = report.counts
    facts = {
        'Config': f'<code>{escape(report.config)}</code>',
        'Checkpoint': f'<code>{escape(report.checkpoint)}</code>',
        'Data': 'as in the config'
        if report.data_root is None
        else f'<code>{escape(report.data_root)}</code>',
        'Split': f'{report.split}, {counts.num_images:,} images',
        'Masks': _masks(report),
    }
    rows = (f'<tr><th class="text">{key}</th><td class="text">{text}</td></tr>'
            for key, text in facts.items())  # fmt: skip
    rate = 100 * counts.num_outside / max(counts.num_valid, 1)
    shown = '&lt;0.01' if 0 < rate < 0.005 else f'{rate:.2f}'
    return [
        '<h1>Out-of-candidate report</h1>',
        '<p>How much of what a segmenter predicts is ruled out by the tags of the image.</p>',
        f'<p><span class="rate">{shown} %</span> OC rate: {counts.num_outside:,} of '
        f'{counts.num_valid:,} pixels are predicted as a class that is no tag of their image. '
        f'{counts.num_touched:,} of {counts.num_images:,} images have such pixels.</p>',
        '<table>',
        *rows,
        '</table>',
    ]


def _masks(report: OutOfCandidateReport) -> str:
    masked, images = report.counts.num_masked, report.counts.num_images
    if masked == 0:
        return 'not used: every pixel counts'
    which = 'used' if masked == images else f'used for {masked:,} of {images:,} images'
    return f'{which}, and only to leave out the pixels that they ignore (255)'


def _class_table(report: OutOfCandidateReport) -> list[str]:
    counts, colours = report.counts, class_colours(len(report.class_names))
    seen = counts.images_with + counts.predicted
    seen[BACKGROUND_ID] = counts.outside[BACKGROUND_ID]
    order = [int(k) for k in np.argsort(-counts.outside, kind='stable') if seen[k] > 0]
    heads = (
        'images with the tag', 'of these, predicted in', 'images without the tag in which it is '
        'predicted', 'share of all OC pixels', 'of the pixels predicted so, OC',
    )  # fmt: skip
    lines = [
        '<table><tr><th class="text">class</th>',
        *(f'<th>{head}</th>' for head in heads),
        '<th class="text">most frequent tags of those images</th></tr>',
    ]
    for k in order:
        without = counts.num_images - counts.images_with[k]
        cells = (
            f'{counts.images_with[k]:,}',
            f'{counts.images_found[k]:,}',
            f'{counts.images_outside[k]:,} of {without:,}',
            _percent(counts.outside[k], counts.num_outside),
            _percent(counts.outside[k], counts.predicted[k]),
        )
        lines.append(
            f'<tr><td class="name">{_class(report, k, colours)}</td>'
            + ''.join(f'<td>{cell}</td>' for cell in cells)
            + f'<td class="text">{_tags_instead(report, k)}</td></tr>'
        )
    left = len(report.class_names) - 1 - len([k for k in order if k != BACKGROUND_ID])
    note = f' {left} classes that are neither tag nor predicted are left out.' if left else ''
    return [
        *lines,
        '</table>',
        '<p class="note">In order of OC pixels. In brackets: images, which count for each of '
        f'their tags.{note}</p>',
    ]


def _tags_instead(report: OutOfCandidateReport, class_id: int) -> str:
    found = leading_tags(report.counts, class_id, limit=_TAGS)
    images = report.counts.images_by_tag[class_id]
    return ', '.join(f'{escape(_tag_name(report, t))} ({images[t]:,})' for t in found) or '–'


def _matrix(report: OutOfCandidateReport) -> list[str]:
    counts = report.counts
    rows, columns = leading_classes(counts, limit=_ROWS)
    if not rows:
        return ['<p>No pixel is out of candidate, so there is nothing to show.</p>']
    picture = draw_conflicts(
        outside_percent(counts)[np.ix_(rows, columns)],
        [report.class_names[k] for k in rows],
        [_tag_name(report, t) for t in columns],
    )
    return [
        f'<figure>{_image(picture, "heat map of predicted classes by tags of the image")}',
        f'<figcaption>{MATRIX} {_extent(counts, rows, columns)}</figcaption></figure>',
    ]


def _extent(counts: OutOfCandidateCounts, rows: list[int], columns: list[int]) -> str:
    """How much of the whole table the figure shows."""
    all_rows = int((counts.outside > 0).sum())
    all_columns = int((counts.outside_by_tag.sum(axis=0) > 0).sum())
    share = _percent(counts.outside[rows].sum(), counts.num_outside)
    return (
        f'Shown: {len(rows)} of {all_rows} classes that have OC pixels (these have {share} of all '
        f'OC pixels) and {len(columns)} of {all_columns} tags of images with OC pixels, at most '
        f'{_ROWS} each, in order of OC pixels.'
    )


def _curves(report: OutOfCandidateReport) -> list[str]:
    if report.curves is None:
        return [
            '<p>No logs were read. <code>--logs WORK_DIR ...</code> shows the OC rate over one or '
            'several trainings.</p>'
        ]
    return [
        f'<figure>{_image(report.curves, "curves of the OC rate over iterations")}',
        f'<figcaption>{CURVES}</figcaption></figure>',
    ]


def _worst(report: OutOfCandidateReport) -> list[str]:
    if not report.counts.num_touched:
        return ['<p>No image has an OC pixel.</p>']
    if not report.worst:
        return ['<p>None were asked for (<code>--number</code>).</p>']
    masked = report.counts.num_masked > 0
    ignored = ' that its mask does not ignore; those that it does are not marked' if masked else ''
    lines = [
        '<p>Photo, prediction, OC pixels in magenta. The background is the greyed photo. '
        f'Shares are of the pixels of the image{ignored}.</p>'
    ]
    colours = class_colours(len(report.class_names))
    for number, (image, picture) in enumerate(report.worst, start=1):
        name = '/'.join(Path(image.path).parts[-2:])
        lines += [
            f'<figure>{_image(picture, f"photo, prediction and OC pixels of {name}")}',
            f'<figcaption><b>{number}. {escape(name)}</b>: '
            f'{_percent(image.share, 1)} OC<br>{_names(report, image, colours)}'
            '</figcaption></figure>',
        ]
    return lines


def _names(report: OutOfCandidateReport, image: WorstImage, colours: np.ndarray) -> str:
    total = image.pixels.sum()
    tags = [k for k in np.flatnonzero(image.candidates).tolist() if k != BACKGROUND_ID]
    wrong = np.where(image.candidates, 0, image.pixels)
    order = [int(k) for k in np.argsort(-wrong, kind='stable') if wrong[k] > 0]

    def line(ids: Iterable[int], style: str) -> str:
        return ' '.join(
            f'<span class="class">{_class(report, k, colours, style)} '
            f'{_percent(image.pixels[k], total)}</span>'
            for k in ids
        )

    more = f'and {len(order) - _CLASSES} more' if len(order) > _CLASSES else ''
    return (
        f'tags: {line(tags, "tag") or _NO_TAGS}<br>'
        f'predicted, although no tag: {line(order[:_CLASSES], "outside")}{more}'
    )


def _class(
    report: OutOfCandidateReport, class_id: int, colours: np.ndarray, style: str = 'tag'
) -> str:
    colour = '#{:02x}{:02x}{:02x}'.format(*colours[class_id].tolist())
    return (
        f'<span class="box" style="background:{colour}"></span>'
        f'<span class="{style}">{escape(report.class_names[class_id])}</span>'
    )


def _tag_name(report: OutOfCandidateReport, class_id: int) -> str:
    return _NO_TAGS if class_id == BACKGROUND_ID else report.class_names[class_id]


def _image(picture: bytes, alt: str) -> str:
    text = base64.b64encode(picture).decode('ascii')
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{text}">'


def _percent(part: float, total: float) -> str:
    if not total:
        return '–'
    share = part / total
    return '&lt;0.1 %' if 0 < share < 0.0005 else f'{100 * share:.1f} %'
