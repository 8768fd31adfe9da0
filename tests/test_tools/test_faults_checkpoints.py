# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Checkpoints that are cut off, of another network, or that would run code."""

import os

import pytest
import torch
from fault_cases import Fault

PLACE = '--data-root {root} --work-dir {work} '
TEST = 'test {seam} {weights} ' + PLACE + '--cfg-options {small}'
LOAD = 'train {seam} ' + PLACE + '--cfg-options {small} load_from={weights}'
RESUME = 'train {seam} ' + PLACE + '--resume --cfg-options {small}'
PREDICT = 'predict {seam} {weights} {photo} --out {out} --cfg-options {model}'
ONNX = 'model_converters/export_onnx {seam} {weights} {out}.onnx --size 64 64 --cfg-options {model}'
REPORT = 'analysis/oc_report {seam} {weights} ' + PLACE + '--cfg-options {small}'
SHIFT = 'analysis/background_shift {seam} --group a {weights} ' + PLACE + '--cfg-options {small}'
CONVERT = 'model_converters/convert {weights} {out}.pth --from '
INITIAL = (
    'train {seam} ' + PLACE + '--cfg-options {initial} model.backbone.init_cfg.checkpoint={weights}'
)


class Attack:
    """Would make a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def cut(world):
    """The first half of the file, as a killed writer or a full disk leaves it."""
    content = world['weights'].read_bytes()
    world['weights'].write_bytes(content[: len(content) // 2])


def empty(world):
    world['weights'].write_bytes(b'')


def attack(world):
    torch.save(dict(state_dict=Attack(world['folder'] / 'ran')), world['weights'])


def remade(change):
    """Change the dict of tensors in the file."""

    def spoil(world):
        found = torch.load(world['weights'], weights_only=True)
        torch.save(dict(state_dict=change(found['state_dict'])), world['weights'])

    return spoil


def without_head(state):
    return {name: value for name, value in state.items() if 'conv_seg' not in name}


def fewer_classes(state):
    return {name: value[:3] if 'conv_seg' in name else value for name, value in state.items()}


def prefixed(state):
    return {f'net.{name}': value for name, value in state.items()}


def broken_latest(world):
    """A work folder whose last checkpoint is cut off, and the only one."""
    cut(world)
    world['work'].mkdir()
    world['weights'].rename(world['work'] / 'iter_1.pth')
    (world['work'] / 'last_checkpoint').write_text(str(world['work'] / 'iter_1.pth'))


def no_state(world):
    """Weights alone, to resume from."""
    world['work'].mkdir()
    world['weights'].rename(world['work'] / 'iter_1.pth')
    (world['work'] / 'last_checkpoint').write_text(str(world['work'] / 'iter_1.pth'))


CUT = ('weights.pth', 'cannot be read as a checkpoint')
CODE = ('weights.pth is refused', 'nothing that runs code', 'asks for posix.mkdir')
MISFIT = ('weights.pth does not fit the model of the config', 'num_classes')

READERS = [
    ('test', TEST),
    ('load_from', LOAD),
    ('predict', PREDICT),
    ('onnx', ONNX),
    ('report', REPORT),
    ('shift', SHIFT),
]

FAULTS = [
    *(Fault(f'{name}: cut off', command, CUT, cut) for name, command in READERS),
    *(Fault(f'{name}: code', command, CODE, attack) for name, command in READERS),
    Fault(
        'init_cfg: cut off',
        INITIAL,
        ('model.backbone.init_cfg.checkpoint', 'weights.pth', 'convert.py'),
        cut,
    ),
    Fault(
        'init_cfg: code',
        INITIAL,
        ('model.backbone.init_cfg.checkpoint', 'weights.pth', 'read safely'),
        attack,
    ),
    Fault('test: empty', TEST, CUT, empty),
    Fault('convert: cut off', CONVERT + 'r38', ('weights.pth', 'not a PyTorch weight file'), cut),
    Fault('convert: code', CONVERT + 'r38', ('weights.pth', 'read safely'), attack),
    Fault(
        'convert: other kind',
        CONVERT + 'deit_s',
        ('weights.pth: not a file of the kind', 'missing'),
    ),
    Fault('convert: no parameters', CONVERT + 'r38_mxnet', ('weights.pth', 'MXNet')),
    Fault('convert: gone', 'model_converters/convert gone.pth {out}.pth --from r38', ('gone.pth',)),
    *(
        Fault(f'{name}: {what}', command, (*MISFIT, *said), remade(change))
        for name, command in READERS
        if name in ('test', 'predict', 'onnx', 'report', 'shift')
        for what, change, said in (
            ('no head', without_head, ('missing tensor', 'conv_seg')),
            ('fewer classes', fewer_classes, ('another shape', 'conv_seg', '21')),
        )
    ),
    Fault(
        'test: other names', TEST, (*MISFIT, 'unexpected tensor', 'net.backbone'), remade(prefixed)
    ),
    Fault('load_from: other names', LOAD, ('weights.pth', 'no tensor'), remade(prefixed)),
    Fault(
        'init_cfg: other names',
        INITIAL,
        ('model.backbone.init_cfg.checkpoint', 'weights.pth lacks'),
        remade(prefixed),
    ),
    Fault('test: of the classifier', 'test {cam_config} {weights} ' + PLACE, MISFIT),
    Fault(
        'resume: cut off',
        RESUME,
        ('last_checkpoint', 'iter_1.pth', 'cut off', 'load_from=PATH'),
        broken_latest,
    ),
    Fault('resume: weights alone', RESUME, ('iter_1.pth', 'training state', 'load_from'), no_state),
    Fault(
        'test: a tensor',
        TEST,
        ('weights.pth', 'must be a dict of tensors', 'Tensor'),
        lambda world: torch.save(torch.zeros(2), world['weights']),
    ),
    Fault(
        'test at several scales: no head',
        'test {seam} {weights} --tta ' + PLACE + '--cfg-options {small} tta_model.dense_crf=None',
        (*MISFIT, 'missing tensor'),
        remade(without_head),
    ),
    Fault(
        'test: folder',
        'test {seam} {root} ' + PLACE,
        ('checkpoint: there is no checkpoint', 'data'),
    ),
]


@pytest.mark.parametrize('fault', FAULTS, ids=lambda fault: fault.name)
def test_wrong_checkpoint(fault, is_told, world):
    is_told(fault)
    assert not (world['folder'] / 'ran').exists()
