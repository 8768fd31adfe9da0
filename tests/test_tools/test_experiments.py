# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""tools/experiments on a tiny grid: what runs, what is shared, what is skipped."""

import shutil
from pathlib import Path

import pipeline_recipes
import pytest
import torch
from exact_resume import differing
from mmengine.config import Config

from mmocr_wsss.artifacts import read_json
from mmocr_wsss.experiments import drive
from mmocr_wsss.experiments.results import read_results

_START = drive.start
ROOT = Path(__file__).resolve().parents[2]
GRID = """
pipeline = 'pipelines/effnet-lite0_voc-animals.py'
config = 'ocr/effnet-lite0_voc-animals.py'
common = {
    'train_cfg.max_iters': 4, 'default_hooks.logger.interval': 1,
    'default_hooks.checkpoint.interval': 1, 'model.loss_oc.start_iter': 0.5,
    'model.loss_oc.loss_weight': 50.0,
}
seeds = dict(main=1, ablation=1)
train_photos = 3
min_pixels = 1
groups = dict(
    main=dict(title='Main comparison', rows=dict(oc=dict()), default='oc'),
    data=dict(title='Training photos', rows={'half': dict(share=0.5)}),
    alternative=dict(
        title='Alternatives',
        rows={
            'candidate softmax': dict(
                oc={'model.type': 'mmocr_wsss.CandidateSoftmaxEncoderDecoder'},
                loss=dict(loss_weight=0.0)),
            'cross entropy': dict(loss=dict(type='mmocr_wsss.NonCandidateBCELoss')),
        },
    ),
)
"""


@pytest.fixture(scope='module')
def grid(tmp_path_factory, voc_root):
    """An experiment config with the tiny configs of a pipeline beside it."""
    configs = tmp_path_factory.mktemp('grid') / 'configs'
    pipeline = ROOT / 'configs' / 'pipelines' / 'effnet-lite0_voc-animals.py'
    pipeline_recipes.write_tiny_pipeline(pipeline, configs, voc_root)
    path = configs / 'experiments' / 'tiny.py'
    path.parent.mkdir()
    path.write_text(GRID)
    return path


@pytest.fixture(scope='module')
def out(tmp_path_factory):
    """Folder of the experiment: a test goes on where the one before it left."""
    return tmp_path_factory.mktemp('experiment') / 'out'


@pytest.fixture
def experiment(run_tool, monkeypatch, voc_root, capsys):
    """Run tools/experiments/run.py; its commands run in this process, the pipeline is given."""
    commands = []

    class InProcess:
        def __init__(self, command, log, threads, lock):
            tool = Path(command[1]).relative_to(ROOT / 'tools').with_suffix('')
            if tool.name == 'pipeline':
                out = Path(command[command.index('--out') + 1])
                masks = out / 'pseudo_masks' / 'files'
                if not masks.is_dir():
                    shutil.copytree(voc_root / 'pseudo_masks', masks)
                    write_classifier(Path(command[2]), out)
                self.returncode = 0
            else:
                commands.append((tool.name, *command[2:]))
                self.returncode = run_tool(str(tool), *command[2:])

        def poll(self):
            return self.returncode

        def terminate(self):
            raise AssertionError('a command that ended is not to be stopped')

    monkeypatch.setattr(drive, 'start', InProcess)
    monkeypatch.setattr(drive, '_PAUSE', 0)

    def run(grid, out, *options):
        commands.clear()
        code = run_tool(
            'experiments/run', grid, '--data-root', voc_root, '--out', out, '--jobs', 1, *options
        )
        said = capsys.readouterr()
        return code, said.out, said.err, list(commands)

    return run


def write_classifier(pipeline: Path, out: Path) -> None:
    """Random weights where the pipeline leaves those of the CAM classifier."""
    from mmengine.registry import MODELS, init_default_scope

    cfg = Config.fromfile(pipeline.parents[1] / 'cam' / 'effnet-lite0_voc-animals.py')
    init_default_scope('mmpretrain')
    model = MODELS.build(cfg.model)
    model.init_weights()
    (out / 'cam').mkdir(parents=True)
    torch.save(
        dict(state_dict=model.state_dict()), out / 'cam' / f'iter_{cfg.train_cfg.max_iters}.pth'
    )


def test_pairs_share_what_comes_before_the_loss(experiment, run_tool, grid, out, tmp_path):
    code, said, errors, commands = experiment(grid, out, '--groups', 'main')
    assert code == 0, errors
    names = [name for name, *_ in commands]
    assert names == ['test', 'train', 'test', 'train', 'test']  # tags of val; baseline; loss
    assert 'OC rate' in said and '0 runs left' in said
    before, after = read_results(out / 'results.jsonl').values()
    assert (before['name'], after['name']) == ('baseline', 'oc')
    assert (before['branch'], after['branch']) == (0, 2)
    # The loss trained two iterations only, from the baseline's second checkpoint.
    assert [step for step, _ in before['curve']] == [1, 2, 3, 4]
    assert [step for step, _ in after['curve']] == [3, 4]
    assert before['restricted']['oc_rate'] is not None and after['restricted'] is None
    assert after['fates']['valid'] > after['fates']['oc'] > 0
    assert set(before['val']) == set(after['train']) >= {'miou', 'miou_supported', 'iou'}

    # From the start, without the shortcut, the loss gives the same bits.
    folder = out / 'runs' / f'oc_{after["key"]}' / 'seed_0'
    whole = tmp_path / 'whole'
    from_start = ['--work-dir', whole, '--device', 'cpu']
    assert run_tool('train', folder.with_suffix('.py'), *from_start) == 0
    assert differing(folder / 'iter_4.pth', whole / 'iter_4.pth') == []
    baseline = out / 'runs' / f'baseline_{before["key"]}' / 'seed_0'
    assert differing(baseline / 'iter_2.pth', whole / 'iter_2.pth') == []
    assert differing(baseline / 'iter_4.pth', whole / 'iter_4.pth') != []

    lines = (out / 'results.jsonl').read_text()
    code, said, _, commands = experiment(grid, out, '--groups', 'main')
    assert code == 0 and commands == [] and '2 runs, 2 of them are there' in said
    assert (out / 'results.jsonl').read_text() == lines


def test_alternatives_and_shares_train_and_the_page_is_filled(
    experiment, run_tool, grid, out, tmp_path, capsys
):
    code, _, errors, _ = experiment(grid, out, '--seeds', 0)
    assert code == 0, errors
    done = {line['name']: line for line in read_results(out / 'results.jsonl').values()}
    assert len(done) == 6
    halves = [line for line in done.values() if line['share'] == 0.5]
    assert len(halves) == 2
    (softmax,) = [line for name, line in done.items() if 'CandidateSoftmax' in name]
    assert softmax['branch'] == 0 and [step for step, _ in softmax['curve']] == [1, 2, 3, 4]
    half = (out / 'lists' / 'train_0.5.txt').read_text().split()
    whole = (out / 'lists' / 'train_1.txt').read_text().split()
    assert set(half) < set(whole) and len(half) == round(len(whole) / 2)
    # Rates on training photos are measured on photos that every run saw.
    assert set((out / 'lists' / 'measured_train.txt').read_text().split()) <= set(half)

    docs = tmp_path / 'docs'
    docs.mkdir()
    names = ['main', 'measures', 'classes', 'restricted', 'fates', 'runs', 'data', 'alternative']
    page = docs / 'evidence.md'
    page.write_text(''.join(f'# {n}\n<!-- table: {n} -->\n<!-- end -->\n' for n in names))
    step = tmp_path / 'step.json'
    step.write_text('{"step": {"step_ratio": 1.01234}}')
    write = ['experiments/write_evidence', grid, out / 'results.jsonl', '--page', page]
    assert run_tool(*write, '--step-ratio', f'experiment={step}') == 0
    assert 'evidence of 6 runs' in capsys.readouterr().out
    numbers = read_json(docs / 'evidence.json')
    assert numbers['main']['seeds'] == 1 and numbers['main']['step_ratio'] == 1.0123
    assert set(numbers['ablations']) == {'data', 'alternative'}
    assert 'time of a step | 1 | 1.012' in page.read_text()
    for name in ('evidence_gains.png', 'evidence_curves.png'):
        assert (docs / name).stat().st_size > 5000

    # Again from what lies in the docs alone: nothing changes.
    before = {path.name: path.read_bytes() for path in docs.iterdir()}
    write[2] = docs / 'evidence_runs.jsonl'
    assert run_tool(*write) == 0
    assert {path.name: path.read_bytes() for path in docs.iterdir()} == before


def test_what_is_wrong_is_said_and_how_to_go_on(experiment, run_tool, grid, tmp_path, monkeypatch):
    out = tmp_path / 'out'
    code, said, _, commands = experiment(grid, out, '--dry-run', '--groups', 'main')
    assert code == 0 and commands == [] and not out.exists()
    assert said.splitlines() == ['baseline, seed 0', 'oc, seed 0']
    code, _, errors, _ = experiment(grid, out, '--groups', 'all')
    assert code == 1 and "['all'] are none of main, data, alternative" in errors

    monkeypatch.setenv('PYTHONPATH', '')
    log = tmp_path / 'log.txt'
    started = _START(['sh', '-c', 'echo no luck; exit 3'], log, 1, 0)
    assert started.wait() == 3
    assert log.read_text().splitlines()[-2:] == ["$ sh -c 'echo no luck; exit 3'", 'no luck']
    fails = ['sh', '-c', 'exit 3']
    monkeypatch.setattr(drive, 'start', lambda command, log, *_: _START(fails, log, 1, 0))
    code, _, errors, _ = experiment(grid, out, '--groups', 'main')
    assert code == 1
    assert 'pipeline: failed with exit code 3' in errors and str(out / 'pipeline.log') in errors
    assert 'to go on when it is mended: python' in errors
