# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Figures of the evidence: gains with their intervals, and the OC rate over a training."""

import os
from collections.abc import Mapping
from typing import Any

from mmocr_wsss.artifacts import atomic_path

_BEFORE, _AFTER = '#4c6a92', '#c8553d'


def save_gains(path: str | os.PathLike, evidence: Mapping[str, Any]) -> None:
    """Write the figure: mIoU difference and its 95 % interval, a line per row of every ablation.

    Args:
        path: file to write; the suffix gives the format.
        evidence: what ``experiments.summary.summarise`` gave.
    """
    lines = [('Main comparison', '', evidence['main'], True)]
    for group in evidence['ablations'].values():
        done = {label: row for label, row in group['rows'].items() if row is not None}
        if set(done) - {group['default']}:
            lines += [(group['title'], label, row, label == group['default'])
                      for label, row in done.items()]  # fmt: skip
    groups = len({title for title, *_ in lines})
    figure, axes = _figure((8, 1.2 + 0.24 * (len(lines) + 2 * groups)))
    height, last, ticks = 0.0, None, []
    for title, label, row, default in lines:
        if title != last:
            height -= 0.8
        if title != last and label:  # a line of its own for what the rows below differ in
            height -= 1.0
            ticks.append((height, title))
        height -= 1.0
        low, high = row['ci_low'], row['ci_high']
        mean = row['delta_miou_mean']
        colour = _AFTER if default else _BEFORE
        if low is not None:
            axes.plot([low, high], [height, height], color=colour, linewidth=2)
        axes.plot(mean, height, 'o', color=colour, markersize=5)
        ticks.append((height, f'{label}    ' if label else title))
        last = title
    axes.axvline(0, color='0.4', linewidth=1)
    axes.set_yticks([y for y, _ in ticks], [text for _, text in ticks], fontsize=8)
    axes.tick_params(axis='y', length=0)
    axes.set_ylim(height - 1, 0)
    axes.set_xlabel('difference in mIoU, points; bar: 95 % interval')
    axes.grid(axis='x', alpha=0.3)
    axes.set_title('Gain by the out-of-candidate loss (red: the default)', fontsize=10)
    _save(figure, path)


def save_curves(path: str | os.PathLike, evidence: Mapping[str, Any]) -> None:
    """Write the figure: OC rate of the training batches over iterations, mean over seeds."""
    figure, axes = _figure((7, 3.6))
    for name, label, colour in (
        ('baseline', 'baseline', _BEFORE),
        ('oc', 'baseline + OC loss', _AFTER),
    ):
        steps, rates = zip(*evidence['curves'][name], strict=True)
        axes.plot(steps, rates, color=colour, label=label)
    axes.set_yscale('log')
    for formatted in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatted('{x:g}')
    axes.set_xlabel('iteration')
    axes.set_ylabel('OC rate of the batch, %')
    axes.grid(alpha=0.3, which='both')
    axes.legend()
    axes.set_title(f'Main comparison, mean of {evidence["main"]["seeds"]} seeds', fontsize=10)
    _save(figure, path)


def _figure(size: tuple[float, float]):
    # Not pyplot: it would need a display, or change the backend of the caller.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout='constrained')
    return figure, figure.subplots()


def _save(figure, path: str | os.PathLike) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)
