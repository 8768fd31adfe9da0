# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What a grid runs, and what is wrong with a config before anything runs."""

import inspect
import re

import pytest
from experiment_lines import GRID, write_grid
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmocr_wsss.experiments.grid import read_grid
from mmocr_wsss.experiments.runs import Run
from mmocr_wsss.models.losses.out_of_candidate_loss import OutOfCandidateLoss
from mmocr_wsss.registry import MODELS


def test_each_run_once_and_its_baseline_before_it(tmp_path):
    grid = read_grid(write_grid(tmp_path))
    runs = grid.runs()
    assert len(runs) == len(set(runs))
    for settings, seed in runs:
        baseline = settings.baseline(), seed
        assert settings.oc is None or runs.index(baseline) < runs.index((settings, seed))
    names = [f'{settings.name} {seed}' for settings, seed in runs]
    assert names == [
        'baseline 0', 'oc 0', 'oc_margin-1.0 0', 'baseline_cam 0', 'oc_cam 0', 'baseline_true 0',
        'oc_true 0', 'baseline 1', 'oc 1', 'oc_margin-1.0 1', 'baseline_cam 1', 'oc_cam 1',
        'baseline_true 1', 'oc_true 1', 'baseline 2', 'oc 2',
    ]  # fmt: skip
    assert [f'{s.name} {seed}' for s, seed in grid.runs(['main'])] == [
        f'{side} {seed}' for seed in range(3) for side in ('baseline', 'oc')
    ]


def test_a_row_may_set_a_list(tmp_path):
    options = {'model.decode_head.loss_decode.class_weight': [0.5, 1.0, 1.0]}
    path = write_grid(tmp_path, GRID.replace("masks='cam'", f'both={options}', 1))
    settings = read_grid(path).groups['masks'].rows[0].settings
    assert settings.name == 'oc_class_weight-0.5-1.0'
    assert len({settings, settings.baseline()}) == 2


@pytest.mark.parametrize(
    ('before', 'after', 'message'),
    [
        ('min_pixels = 10', '', r"missing \['min_pixels'\]"),
        ('min_pixels = 10', 'min_pixels = 10\nepochs = 3', r"unknown \['epochs'\]"),
        ("rows=dict(oc=dict()), default='oc'", 'rows={}', 'groups.main must have one row'),
        ('main=dict(', 'first=dict(', "groups.main must have one row, 'oc'"),
        ("masks='cam'", "masks='gold'", r"masks.rows\['cam'\].masks must be one of .*'gold'"),
        ("masks='cam'", 'share=0', r"groups.masks.rows\['cam'\].share must lie in \(0, 1\], got 0"),
        ("masks='cam'", 'lr=1', r"rows\['cam'\] has the settings .*unknown \['lr'\]"),
        ('loss=dict(margin=1.0)', "oc={'model': {}}", r"\['1'\]: model must be a number.*got {}"),
        ("default='0'", "default='2'", r"groups.margin.default: '2' is none of \['0', '1'\]"),
        ('title=\'Masks\', ', '', r"groups.masks has .*missing \['title'\]"),
        ('ablation=2', 'ablation=0', "seeds must be integers >= 1 per group, got {'margin': 0"),
        (', ablation=2', '', "seeds must be integers >= 1 per group, got {'margin': None"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path, before, after, message):
    assert before in GRID
    path = write_grid(tmp_path, GRID.replace(before, after, 1))
    with pytest.raises(ValueError, match=message) as error:
        read_grid(path)
    assert str(path) in str(error.value)


def test_configs_that_it_names_must_be_there(tmp_path):
    path = write_grid(tmp_path)
    (tmp_path / 'configs' / 'ocr' / 'c.py').unlink()
    with pytest.raises(FileNotFoundError, match=r'ocr/c\.py'):
        read_grid(path)
    with pytest.raises(FileNotFoundError, match='gone'):
        read_grid(tmp_path / 'gone.py')


class _Places:
    """Sources of an experiment whose files are not there."""

    def __init__(self, root):
        self.root, self.measured_list = root, root / 'measured.txt'

    def masks(self, kind):
        return self.root / kind

    def train_list(self, share):
        return self.root / f'{share}.txt'

    def fill(self, value):
        return value


def test_every_row_of_our_grids_is_a_model_that_builds(repo_root, tmp_path):
    init_default_scope('mmseg')
    for path in sorted((repo_root / 'configs' / 'experiments').glob('*.py')):
        grid = read_grid(path)
        seen = set()
        for settings, seed in grid.runs():
            if settings in seen:
                continue
            seen.add(settings)
            run = Run(grid, _Places(tmp_path), tmp_path, settings, seed)
            cfg = run.config
            assert 0 <= run.branch < run.max_iters
            assert Config.fromstring(cfg.pretty_text, '.py').model == cfg.model
            if cfg.model.backbone.type == 'TIMMBackbone':  # its weights need not be there
                cfg.model.backbone = dict(type='MobileNetV2', out_indices=(0, 6))
                cfg.model.decode_head.update(in_channels=320, in_index=1, c1_in_channels=16)
            model = MODELS.build(cfg.model)
            for key, value in settings.oc or ():
                *owner, name = key.split('.')
                part = {('model',): model, ('model', 'loss_oc'): model.loss_oc}[tuple(owner)]
                if name == 'type':
                    assert type(part).__name__ == value.removeprefix('mmocr_wsss.')
                else:
                    assert getattr(part, name) == value
        assert len({settings.name for settings in seen}) == len(seen)


def test_every_default_of_the_loss_is_a_row_that_its_docstring_names(repo_root):
    grid = read_grid(repo_root / 'configs' / 'experiments' / 'voc-animals.py')
    signature = inspect.signature(OutOfCandidateLoss).parameters
    defaults = {name: parameter.default for name, parameter in signature.items()}
    of_config = dict(Config.fromfile(grid.config).model.loss_oc)
    groups = {group.title: group for group in grid.groups.values()}
    text = ' '.join(OutOfCandidateLoss.__doc__.split('Args:')[0].split())
    named = dict(re.findall(r"(\w+): '([^']+)'", text))
    assert set(named) == set(defaults) - {'background'}
    for name, title in named.items():
        values = []
        for label, settings in groups[title].rows:
            value = dict(settings.oc).get(f'model.loss_oc.{name}', of_config.get(name))
            # What neither the row nor the config sets is the default, which the label tells.
            values.append(type(defaults[name])(label.split()[0]) if value is None else value)
        assert defaults[name] in values, name
