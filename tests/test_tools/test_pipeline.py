# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""All stages of all methods on a tiny dataset; what is skipped, made anew and refused."""

import json
import os
import shutil
import sys
from pathlib import Path

import pipeline_recipes
import pytest
from mmengine.config import Config

from mmocr_wsss.pipeline.folder_lock import only_one
from mmocr_wsss.pipeline.plan import STAGES

ROOT = Path(__file__).resolve().parents[2]
METHODS = ('affinitynet', 'seam', 'mctformer')
MADE = [name for name in STAGES if name not in ('tags', 'weights')]


@pytest.fixture(scope='module')
def configs(tmp_path_factory, voc_root):
    """Tiny pipelines of all methods on VOC: method -> config."""
    folder = tmp_path_factory.mktemp('tiny')
    source = ROOT / 'configs' / 'pipelines'
    return {
        method: pipeline_recipes.write_tiny_pipeline(
            source / f'{method}_voc.py', folder / 'configs', voc_root
        )
        for method in METHODS
    }


@pytest.fixture
def pipeline(run_tool, commands_of_pipeline, capfd, voc_root):
    """Run ``tools/pipeline.py`` with its commands in this process; gives code, output, errors."""
    commands = commands_of_pipeline

    def run(config, out, *options):
        commands.clear()
        where = ['--data-root', voc_root, '--out', out, '--jobs', 1, '--device', 'cpu']
        code = run_tool('pipeline', config, *where, *options)
        return code, *capfd.readouterr(), list(commands)

    return run


def contents(folder, suffix):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob(f'*{suffix}'))}


@pytest.mark.parametrize('method', METHODS)
def test_all_stages_with_one_process(method, configs, pipeline, tmp_path):
    out = tmp_path / 'out'
    code, text, errors, commands = pipeline(configs[method], out)
    assert code == 0, errors
    assert [name for name, _ in commands] == [
        'cam', 'cams', 'affinity_labels', 'affinity', 'pseudo_masks', 'baseline', 'oc',
        *['evaluation'] * 10,
    ]  # fmt: skip
    assert len(contents(out / 'pseudo_masks' / 'files', '.png')) == 8
    report = (out / 'report.md').read_text()
    for row in ('CAMs at threshold', 'oracle', 'pseudo masks', 'baseline, val', 'OC loss, val'):
        assert row in report
    numbers = json.loads((out / 'report.json').read_text())
    assert numbers['pseudo_masks']['oc_rate'] == 0
    assert 0 <= numbers['baseline_val']['oc_rate'] <= 100
    assert (out / 'report.png').stat().st_size > 10000
    # The masks of the random walk are those that the segmenters were trained on.
    config = Config.fromfile(next((out / 'oc').glob('*.py')))
    masks = config.train_dataloader.dataset.dataset.data_prefix.seg_map_path
    assert Path(masks) == (out / 'pseudo_masks' / 'files').resolve()

    before = contents(out, '.*')
    code, text, errors, commands = pipeline(configs[method], out)
    assert code == 0 and commands == []
    assert text.count('not changed, skipped') == len(MADE)
    after = contents(out, '.*')
    assert {p for p in after if after[p] != before.get(p)} == set()


@pytest.mark.slow  # minutes: every training and test starts two processes
@pytest.mark.parametrize('method', METHODS)
def test_all_stages_with_two_processes(method, configs, run_process, tmp_path, voc_root):
    settings = dict(Config.fromfile(configs[method]).to_dict())
    settings['data']['scored_list'] = None
    config = configs[method].with_name(f'{method}_two.py')
    Config(settings).dump(config)
    done = run_process(
        sys.executable, ROOT / 'tools' / 'pipeline.py', config, '--data-root', voc_root,
        '--out', tmp_path / 'out', '--jobs', 2, '--gpus', 2, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'tools/dist_train.sh' in done.stdout and 'tools/dist_test.sh' in done.stdout
    assert len(contents(tmp_path / 'out' / 'pseudo_masks' / 'files', '.png')) == 8
    report = (tmp_path / 'out' / 'report.md').read_text()
    assert 'baseline, val' in report
    assert not any(row in report for row in ('| CAMs', '| pseudo masks', 'oracle'))
    assert 'Iter(train)' in (tmp_path / 'out' / 'logs' / 'oc.log').read_text()


def test_what_changed_is_made_anew_and_the_old_is_kept(configs, pipeline, tmp_path):
    out = tmp_path / 'out'
    config = configs['affinitynet']
    code, _, errors, commands = pipeline(config, out, '--to', 'affinity_labels')
    assert code == 0, errors
    assert [name for name, _ in commands] == ['cam', 'cams', 'affinity_labels']
    settings = dict(Config.fromfile(config).to_dict())
    settings['affinity_labels'] = dict(powers=(2, 8), crf='cam')
    changed = config.with_name('changed.py')
    Config(settings).dump(changed)
    labels = contents(out / 'affinity_labels', '.npz')
    code, text, errors, commands = pipeline(changed, out, '--to', 'affinity_labels')
    assert code == 0, errors
    assert [name for name, _ in commands] == ['affinity_labels']
    assert 'made anew, changed: commands' in text
    (old,) = (out / 'superseded').iterdir()
    assert contents(old, '.npz') == labels != contents(out / 'affinity_labels', '.npz')
    # Another folder of the data, another number of processes: nothing to do.
    code, _, _, commands = pipeline(changed, out, '--to', 'affinity_labels', '--jobs', 2)
    assert code == 0 and commands == []
    code, _, _, commands = pipeline(changed, out, '--only', 'cams', '--force')
    assert code == 0 and commands == [('cams', 'test')]
    code, _, errors, _ = pipeline(changed, out, '--only', 'baseline')
    assert code == 1
    assert 'stage baseline needs pseudo_masks, not finished with these settings' in errors


def test_a_failure_names_stage_log_and_command(configs, run_process, tmp_path, voc_root):
    data = tmp_path / 'data'
    shutil.copytree(voc_root, data)
    photo = next((data / 'JPEGImages').glob('*.jpg'))
    photo.write_bytes(photo.read_bytes()[:200])
    tool = ROOT / 'tools' / 'pipeline.py'
    done = run_process(
        sys.executable, tool, configs['affinitynet'], '--data-root', data, '--out', 'out',
        '--only', 'cam', 'cams',
    )  # fmt: skip
    assert done.returncode == 1
    assert 'stage cam' in done.stderr and 'log:     out/logs/cam' in done.stderr
    assert f'to go on when it is mended: python {tool} ' in done.stderr
    assert photo.stem in done.stderr
    assert 'Traceback' not in done.stderr.split('The log ends with')[0]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--from', 'cans'), "there is no stage 'cans'; the stages are tags, weights, cam,"),
        (('--from', 'oc', '--to', 'cam'), '--from oc comes after --to cam'),
        (('--cfg-options', 'cans.x=1'), "a stage of cam, cams, affinity, baseline, oc, got 'cans"),
        (('--data-root', 'nowhere'), 'nowhere: no such folder (data.root of'),
    ],
)
def test_wrong_options(options, message, configs, pipeline, tmp_path):
    code, _, errors, commands = pipeline(configs['seam'], tmp_path / 'out', *options)
    assert code == 1 and commands == []
    assert message in errors


def test_an_output_folder_that_settings_cannot_name(configs, pipeline, tmp_path):
    code, _, errors, commands = pipeline(configs['seam'], tmp_path / 'my out,1')
    assert code == 1 and commands == [] and not (tmp_path / 'my out,1').exists()
    assert 'my out,1: --out must be a path without any of' in errors and "found ' ' ','" in errors


def test_wrong_configs(configs, pipeline, tmp_path):
    settings = dict(Config.fromfile(configs['seam']).to_dict())
    target = configs['seam'].with_name('wrong.py')
    for change, message in (
        (dict(baseline='segmentation/no.py'), 'names the config segmentation/no.py; there is none'),
        (dict(affinty='x'), "unknown ['affinty']"),
        (dict(data=settings['data'] | dict(scored_list='no.txt')), 'no.txt: not there (data.sco'),
    ):
        Config(settings | change).dump(target)
        code, _, errors, commands = pipeline(target, tmp_path / 'out')
        assert code == 1 and commands == []
        assert message in errors


def test_missing_weights_are_said_before_anything_runs(pipeline, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = ROOT / 'configs' / 'pipelines' / 'seam_voc.py'
    code, _, errors, commands = pipeline(config, tmp_path / 'out', '--only', 'cam')
    assert code == 1 and commands == []
    assert "cam.model.backbone.init_cfg.checkpoint: there is no checkpoint 'pretrained/" in errors
    # The same place in the config of that stage, by option.
    code, _, errors, commands = pipeline(
        config, tmp_path / 'out', '--only', 'cam', '--cfg-options',
        'cam.model.backbone.init_cfg.checkpoint=no.pth',
    )  # fmt: skip
    assert code == 1 and commands == [] and "there is no checkpoint 'no.pth'" in errors


def test_dry_run_shows_all_and_makes_nothing(configs, pipeline, tmp_path):
    code, text, _, commands = pipeline(configs['seam'], tmp_path / 'out', '--dry-run')
    assert code == 0 and commands == [] and not (tmp_path / 'out').exists()
    for number, name in enumerate(STAGES, 1):
        assert f'[{number}/{len(STAGES)}] {name}: ' in text
    assert text.count('tools/test.py') == 6


def test_one_run_per_folder(configs, pipeline, tmp_path):
    out = tmp_path / 'out'
    with only_one(out):
        code, _, errors, commands = pipeline(configs['seam'], out)
    assert code == 1 and commands == []
    assert 'another run is at work in this folder' in errors


def test_tags_are_made_where_they_are_missing(configs, run_process, tmp_path, voc_root):
    data = tmp_path / 'data'
    shutil.copytree(voc_root, data)
    (data / 'image_tags.json').unlink()
    settings = dict(Config.fromfile(configs['seam']).to_dict())
    settings['data']['tag_source'] = 'SegmentationClassAug'
    config = configs['seam'].with_name('tags.py')
    Config(settings).dump(config)

    def run(*stages):
        tool = ROOT / 'tools' / 'pipeline.py'
        where = ['--data-root', data, '--out', 'out']
        return run_process(sys.executable, tool, config, *where, '--only', *stages)

    done = run('cam')
    assert done.returncode == 1
    assert 'image_tags.json: no such file (image-level tags)' in done.stderr
    done = run('tags')
    assert done.returncode == 0 and 'tools/prepare_tags.py' in done.stdout, done.stderr
    made = json.loads((data / 'image_tags.json').read_text())
    given = json.loads((voc_root / 'image_tags.json').read_text())
    assert {i: sorted(made[i]) for i in made} == {i: sorted(given[i]) for i in given}
    done = run('tags')
    assert done.returncode == 0 and 'prepare_tags' not in done.stdout


@pytest.mark.parametrize('path', pipeline_recipes.LEAVES, ids=lambda path: path.stem)
def test_every_pipeline_is_planned(path, run_tool, capfd, tmp_path):
    """The stages of each config in the layout of its data; nothing is run."""
    os.makedirs(tmp_path / 'data')
    code = run_tool(
        'pipeline', path, '--data-root', tmp_path / 'data', '--out', tmp_path / 'o', '--dry-run'
    )
    text = capfd.readouterr().out
    assert code == 0
    for stage in ('cam', 'affinity', 'baseline', 'oc'):
        assert f'--work-dir {tmp_path}/o/{stage} --resume' in text
    settings = Config.fromfile(path)
    assert ('coco' in path.stem) == (settings.data.classes == 'coco14')
    if path.stem == 'synthetic':
        return
    assert len({Path(settings[name]).stem for name in ('affinity', 'baseline', 'oc')}) == 1
    # The labels are made with the powers that the recipe of AffinityNet names.
    low, high = settings.affinity_labels.powers
    recipe = (ROOT / 'configs' / settings.affinity).read_text()
    assert f'--powers {low} {high}' in recipe
