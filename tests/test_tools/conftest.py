# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Ways to run the tools."""

import importlib.util
import logging
import sys
from pathlib import Path

import pytest
import torch
from fault_cases import check, write_world
from mmengine.device import utils as device_utils
from mmengine.registry import DefaultScope
from mmengine.runner import CheckpointLoader
from mmengine.visualization import Visualizer
from mmseg.visualization import SegLocalVisualizer
from small_recipe import SMALL

ROOT = Path(__file__).resolve().parents[2]
SEAM = str(ROOT / 'configs' / 'ocr' / 'seam_r38_voc.py')


@pytest.fixture
def run_tool(monkeypatch):
    """Run a tool in this process, without the seconds that a new one takes to import."""
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    monkeypatch.setattr(device_utils, 'DEVICE', device_utils.DEVICE)
    for name in ('TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'CUDA_VISIBLE_DEVICES', 'LOCAL_RANK'):
        # Set, then deleted: what the tool leaves there goes when the test ends.
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)

    def run(name: str, *argv) -> int:
        path = ROOT / 'tools' / f'{name}.py'
        spec = importlib.util.spec_from_file_location(f'tool_{name}', path)
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        monkeypatch.setattr(sys, 'argv', [str(path), *map(str, argv)])
        if not hasattr(tool, 'call'):  # the converter of weights says its errors itself
            tool.main(list(map(str, argv)))
            return 0
        args = tool.parse_args()
        # MMEngine keeps one visualizer per process, which would log into the first run's folder.
        for kind in (Visualizer, SegLocalVisualizer):
            kind._instance_dict.clear()
        return tool.call(lambda: tool.main(args))

    return run


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory, voc_root):
    """Weights that predict many classes, so that no metric is trivially 0 or 1."""
    from mmengine.config import Config, DictAction
    from mmengine.registry import MODELS, init_default_scope

    cfg = Config.fromfile(SEAM)
    cfg.merge_from_dict(
        {k: DictAction._parse_iterable(v) for k, v in (item.split('=', 1) for item in SMALL)}
    )
    init_default_scope('mmseg')
    torch.manual_seed(3)  # one that is right on a seventh of the pixels; with 0 it was on one pixel
    model = MODELS.build(cfg.model)
    model.init_weights()
    for parameter in model.decode_head.parameters():
        if parameter.ndim == 4:
            torch.nn.init.normal_(parameter, std=10)
    torch.nn.init.zeros_(model.decode_head.conv_seg.bias)
    path = tmp_path_factory.mktemp('weights') / 'random.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture
def commands_of_pipeline(run_tool, monkeypatch):
    """Run the commands of pipelines in this process; gives the list of (stage, tool) so far."""
    from mmocr_wsss.pipeline import run as pipeline_run

    commands = []

    def stream(command, log, name, lock):
        tool = Path(command[1]).relative_to(ROOT / 'tools').with_suffix('')
        commands.append((name, tool.name))
        return run_tool(str(tool), *command[2:]), ''

    monkeypatch.setattr(pipeline_run, 'stream', stream)
    return commands


@pytest.fixture
def world(voc_root, checkpoint, tmp_path):
    """Files that a test may break, see ``fault_cases``."""
    return write_world(voc_root, checkpoint, tmp_path)


@pytest.fixture
def is_told(run_tool, world, tmp_path, capfd, monkeypatch):
    """Break the world as a row of a table says, run its command and look at what is said."""
    monkeypatch.chdir(tmp_path)
    # MMEngine's logger of an earlier test prints to a stream that pytest has closed since.
    monkeypatch.setattr(logging, 'raiseExceptions', False)
    DefaultScope._instance_dict.clear()  # as in a process of its own
    # Calls compilers, and formats the config for the log: most of the time of a row.
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, False))
    return lambda fault: check(fault, run_tool, world, capfd)
