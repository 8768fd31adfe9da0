# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Tables of the evidence as Markdown, and their place in the page that explains them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from mmocr_wsss.experiments.summary import MEASURES

_BLOCK = '<!-- table: {name} -->\n{text}\n<!-- end -->'


def tables(evidence: Mapping[str, Any]) -> dict[str, str]:
    """{name: Markdown}: 'main', 'measures', 'classes', 'restricted', 'fates', every ablation.

    Args:
        evidence: what :func:`~mmocr_wsss.experiments.summary.summarise` gave.
    """
    found = {
        'main': _main(evidence['main']),
        'measures': _compared(evidence['measures'], lambda key: MEASURES[key]),
        'classes': _compared(evidence['classes'], str),
        'fates': _fates(evidence['fates']),
        'runs': _runs(evidence['runs']),
    }
    if evidence['restricted']:
        found['restricted'] = _compared(
            evidence['restricted'], lambda key: MEASURES[key], 'restricted to predicted tags'
        )
    for name, group in evidence['ablations'].items():
        found[name] = _ablation(group)
    return found


def fill_page(page: str, blocks: Mapping[str, str], where: str) -> str:
    """The page with every block ``<!-- table: NAME --> ... <!-- end -->`` made anew.

    Raises:
        ValueError: the page asks for a table that there is not, or lacks one.
    """
    wanted = re.findall(r'<!-- table: ([\w-]+) -->', page)
    unknown, missing = sorted(set(wanted) - set(blocks)), sorted(set(blocks) - set(wanted))
    if unknown or missing:
        raise ValueError(
            f'{where}: tables are asked for that there are not, {unknown}, and there are tables '
            f'that it does not show, {missing}. Write <!-- table: NAME --> and <!-- end --> where '
            'a table belongs.'
        )
    return re.sub(
        r'<!-- table: ([\w-]+) -->\n.*?<!-- end -->',
        lambda match: _BLOCK.format(name=match[1], text=blocks[match[1]]),
        page,
        flags=re.DOTALL,
    )


def _main(main: Mapping) -> str:
    ratio = '-' if main['step_ratio'] is None else f'{main["step_ratio"]:.3f}'
    return _table(
        ['', 'baseline', '+ OC loss', 'paired difference, 95 % interval'],
        [
            ['mIoU, supported classes', _two(main['miou_baseline']), _two(main['miou_ocr']),
             _interval(main['delta_miou_mean'], main['ci_low'], main['ci_high'])],
            ['OC rate, val', _two(main['oc_rate_baseline']), _two(main['oc_rate_ocr']), ''],
            ['OC rate, training photos', _two(main['oc_rate_train_baseline']),
             _two(main['oc_rate_train_ocr']), ''],
            ['time of a step', '1', ratio, ''],
        ],
    ) + f'\n\n{main["seeds"]} seeds. Supported: {", ".join(main["supported"])}.'  # fmt: skip


def _ablation(group: Mapping) -> str:
    rows = []
    for label, row in group['rows'].items():
        name = f'**{label}** (default)' if label == group['default'] else label
        if row is None:
            rows.append([name, 'not run yet', *5 * ['']])
            continue
        rows.append(
            [name, _two(row['miou_baseline']), _two(row['miou_ocr']),
             _interval(row['delta_miou_mean'], row['ci_low'], row['ci_high']),
             f'{_two(row["oc_rate_baseline"])} → {_two(row["oc_rate_ocr"])}',
             f'{_two(row["oc_rate_train_baseline"])} → {_two(row["oc_rate_train_ocr"])}',
             str(row['seeds'])]
        )  # fmt: skip
    head = [group['title'], 'baseline', '+ OC loss', 'difference, 95 % interval', 'OC rate, val',
            'OC rate, train', 'seeds']  # fmt: skip
    return _table(head, rows)


def _compared(values: Mapping, title: Callable[[str], str], after: str = '+ OC loss') -> str:
    return _table(
        ['', 'baseline', after, 'difference, 95 % interval'],
        [
            [title(key), _two(row['baseline']), _two(row['oc']),
             _interval(row['delta'], row['ci_low'], row['ci_high'])]
            for key, row in values.items()
        ],
    )  # fmt: skip


def _fates(fates: Mapping) -> str:
    names = {
        'oc': 'out of candidate in the baseline',
        'oc_on_background': '... of these on true background',
        'oc_to_oc': '... with the loss still out of candidate',
        'oc_to_background': '... with the loss background',
        'oc_to_truth': '... with the loss the true class',
        'oc_to_other': '... with the loss another candidate',
        'right': 'right foreground in the baseline',
        'right_to_background': '... with the loss background',
        'right_to_other': '... with the loss another class',
    }
    return _table(
        ['pixels of the validation photos', '% of all'],
        [[title, f'{fates[key]:.3f}'] for key, title in names.items()],
    )


def _runs(runs: Mapping) -> str:
    return (
        f'{runs["number"]} trainings, {runs["hours"]:.1f} hours of one process each; torch '
        f'{", ".join(runs["torch"])}, {", ".join(map(str, runs["threads"]))} thread(s) each, code '
        f'{", ".join(runs["code"])}.'
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(cells) + ' |' for cells in lines)


def _two(value: float) -> str:
    return f'{value:.2f}'


def _interval(mean: float, low: float | None, high: float | None) -> str:
    if low is None:
        return f'{mean:+.2f}'
    return f'{mean:+.2f} ({low:+.2f} to {high:+.2f})'
