# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""From result lines to evidence.json, tables, page and figures."""

import json
import shutil

import pytest
from experiment_lines import line, lines_of, write_grid
from PIL import Image
from scipy import stats

from mmocr_wsss.experiments.evidence import (
    present_lines,
    read_step_ratios,
    write_evidence,
)
from mmocr_wsss.experiments.grid import read_grid
from mmocr_wsss.experiments.results import append_result
from mmocr_wsss.experiments.summary import Pairs, summarise
from mmocr_wsss.experiments.tables import fill_page, tables
from mmocr_wsss.visualization.evidence_plots import save_gains

TABLES = ('main', 'measures', 'classes', 'fates', 'restricted', 'runs', 'margin', 'masks')


@pytest.fixture
def experiment(tmp_path):
    """(path of the config, path of the lines, folder with a page that asks for all tables)."""
    path = write_grid(tmp_path)
    results = tmp_path / 'results.jsonl'
    for entry in lines_of(read_grid(path)):
        append_result(results, entry)
    docs = tmp_path / 'docs'
    docs.mkdir()
    blocks = [f'## {name}\n<!-- table: {name} -->\nold\n<!-- end -->\n' for name in TABLES]
    (docs / 'evidence.md').write_text('# Evidence\n' + '\n'.join(blocks) + 'The end.\n')
    return path, results, docs


def test_numbers_by_hand(experiment):
    path, results, _ = experiment
    grid = read_grid(path)
    found = summarise(grid, Pairs(present_lines(grid, results)), {'experiment': 1.01})
    main = found['main']
    # Gains 1, 2 and 3: mean 2, interval 2 -+ t(0.975, 2) / sqrt(3).
    half = stats.t.ppf(0.975, 2) / 3**0.5
    assert main['seeds'] == 3 and main['deltas'] == [1, 2, 3]
    assert main['delta_miou_mean'] == 2 and main['step_ratio'] == 1.01
    assert (main['ci_low'], main['ci_high']) == pytest.approx((2 - half, 2 + half), abs=0.006)
    assert (main['miou_baseline'], main['miou_ocr']) == (40, 42)
    assert (main['oc_rate_baseline'], main['oc_rate_ocr']) == (6, 4)
    assert (main['oc_rate_train_baseline'], main['oc_rate_train_ocr']) == (3, 2)
    assert main['supported'] == ['background', 'cat']
    assert found['measures']['miou']['delta'] == 1
    assert found['measures']['background_iou']['delta'] == 0
    assert found['classes']['cat']['oc'] == 42
    assert found['restricted']['miou_supported']['oc'] == 45
    assert found['fates']['oc'] == 10 and found['fates']['right'] == 5
    assert set(found['ablations']) == {'margin', 'masks'}
    margin = found['ablations']['margin']
    assert margin['default'] == '0' and list(margin['rows']) == ['0', '1']
    # The default of a group is the run of the main comparison, with all its seeds.
    assert [row['seeds'] for row in margin['rows'].values()] == [3, 2]
    assert margin['rows']['1']['delta_miou_mean'] == 1.5
    # Before the loss starts both curves are the baseline's.
    assert found['curves']['baseline'] == [[step, 6] for step in (10, 20, 30, 40)]
    assert found['curves']['oc'] == [[10, 6], [20, 6], [30, 4], [40, 4]]
    assert found['runs']['number'] == len(results.read_text().splitlines())


def test_rows_without_results_say_so_and_main_is_needed(experiment, tmp_path):
    path, results, _ = experiment
    grid = read_grid(path)
    lines = present_lines(grid, results)
    part = {key: value for key, value in lines.items() if key[0].masks == 'walk'}
    found = summarise(grid, Pairs(part), {})
    assert set(found['ablations']['masks']['rows'].values()) == {None}
    assert None not in found['ablations']['margin']['rows'].values()
    assert tables(found)['masks'].count('not run yet') == len(found['ablations']['masks']['rows'])
    save_gains(tmp_path / 'gains.png', found)
    one = {key: value for key, value in part.items() if key[1] == 0}
    main = summarise(grid, Pairs(one), {})['main']
    assert main['seeds'] == 1 and main['ci_low'] is None and main['step_ratio'] is None
    assert '| +1.00 |' in tables(summarise(grid, Pairs(one), {}))['main']
    other = {key: value for key, value in lines.items() if key[0].masks == 'cam'}
    with pytest.raises(ValueError, match='no finished pair of the main comparison. Run tools/exp'):
        summarise(grid, Pairs(other), {})


def test_only_lines_of_the_present_grid_count(experiment, tmp_path):
    path, results, _ = experiment
    grid = read_grid(path)
    settings = grid.groups['main'].rows[0].settings
    strange = settings._replace(share=0.25)
    append_result(results, line(strange, 0, 99, 1))
    append_result(results, line(settings, 0, 77, 1) | dict(key='newer'))
    found = present_lines(grid, results)
    assert strange not in {key[0] for key in found}
    assert found[settings, 0]['val']['miou'] == 77 / 2  # the last line counts


def test_page_numbers_and_figures_say_the_same(experiment):
    path, results, docs = experiment
    page = str(docs / 'evidence.md')
    count = write_evidence(str(path), str(results), page, {'experiment': 1.0123})
    assert count == len(results.read_text().splitlines())
    evidence = json.loads((docs / 'evidence.json').read_text())
    text = (docs / 'evidence.md').read_text()
    assert 'old' not in text and text.endswith('The end.\n')
    assert fill_page(text, tables(evidence), 'page') == text
    assert '| time of a step | 1 | 1.012 |' in text and '+2.00 (-0.48 to +4.48)' in text
    for name in ('evidence_gains.png', 'evidence_curves.png'):
        picture = Image.open(docs / name)
        assert min(picture.size) > 300 and len(picture.convert('RGB').getcolors(1 << 20)) > 10
    # Again from the folder alone, with the ratio that is there: not a byte differs but figures'.
    texts = {p.name: p.read_bytes() for p in docs.iterdir() if p.suffix != '.png'}
    write_evidence(str(path), str(docs / 'evidence_runs.jsonl'), page, {})
    assert {p.name: p.read_bytes() for p in docs.iterdir() if p.suffix != '.png'} == texts


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda text: text.replace('table: main', 'table: mian'), r"there are not, \['mian'\]"),
        (lambda text: text.replace('<!-- table: masks -->', ''), r"does not show, \['masks'\]"),
    ],
)
def test_page_must_show_all_tables_and_no_others(experiment, change, message):
    path, results, docs = experiment
    page = docs / 'evidence.md'
    page.write_text(change(page.read_text()))
    before = {p.name: p.read_bytes() for p in docs.iterdir()}
    with pytest.raises(ValueError, match=message):
        write_evidence(str(path), str(results), str(docs / 'evidence.md'), {})
    assert {p.name: p.read_bytes() for p in docs.iterdir()} == before


def test_page_and_results_must_be_there(experiment, tmp_path):
    path, results, docs = experiment
    with pytest.raises(FileNotFoundError, match='results'):
        write_evidence(str(path), str(tmp_path / 'no_results.jsonl'), str(docs / 'evidence.md'), {})
    (docs / 'evidence.md').unlink()
    with pytest.raises(FileNotFoundError, match=r'evidence\.md'):
        write_evidence(str(path), str(results), str(docs / 'evidence.md'), {})


def test_step_ratios_are_read_from_the_benchmark(tmp_path):
    path = tmp_path / 'step.json'
    path.write_text(json.dumps(dict(step=dict(step_ratio=1.01234567))))
    assert read_step_ratios([f'experiment={path}']) == dict(experiment=1.0123)
    path.write_text('{}')
    for item in (f'experiment={path}', 'experiment'):
        with pytest.raises(ValueError, match='--step-ratio takes NAME=FILE'):
            read_step_ratios([item])


EXPERIMENTS = {'evidence': 'voc-animals', 'evidence_synthetic': 'synthetic'}


def test_every_experiment_has_a_page(repo_root):
    configs = {path.stem for path in (repo_root / 'configs' / 'experiments').glob('*.py')}
    assert configs == set(EXPERIMENTS.values())


@pytest.mark.parametrize('page', EXPERIMENTS)
def test_the_page_of_the_docs_is_what_its_lines_give(page, repo_root, tmp_path):
    docs = repo_root / 'docs' / 'en'
    texts = [f'{page}{ending}' for ending in ('.md', '.json', '_runs.jsonl')]
    for name in texts:
        shutil.copy(docs / name, tmp_path)
    config = repo_root / 'configs' / 'experiments' / f'{EXPERIMENTS[page]}.py'
    write_evidence(
        str(config), str(tmp_path / f'{page}_runs.jsonl'), str(tmp_path / f'{page}.md'), {}
    )
    for name in texts:
        assert (tmp_path / name).read_bytes() == (docs / name).read_bytes(), name
    for ending in ('_gains.png', '_curves.png'):
        assert (docs / f'{page}{ending}').is_file()
