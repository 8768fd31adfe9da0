# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Wide ResNet-38 against the official feature maps, through both converters."""

import os

import pytest
import torch
from golden import load_golden, official_state_dict
from mxnet_fixture import write_mxnet_params

from mmocr_wsss.checkpoints import official
from mmocr_wsss.checkpoints.convert import convert_file
from mmocr_wsss.models import WideResNet38


def write_official(path, source: str, state: dict[str, torch.Tensor]) -> None:
    if source == 'r38':
        torch.save(state, path)
        return
    layout = official.resnet38_mxnet()
    arrays = {
        name: torch.zeros(shape).numpy() if key is None else state[key].numpy()
        for (name, key), shape in zip(layout.targets.items(), layout.shapes.values(), strict=True)
    }
    write_mxnet_params(path, arrays)


@pytest.mark.parametrize('source', ['r38', 'r38_mxnet'])
def test_feature_maps_equal_the_official_ones(source, tmp_path):
    golden = load_golden('resnet38d.npz')
    state = official_state_dict('resnet38d')
    write_official(tmp_path / 'official', source, state)
    convert_file(tmp_path / 'official', tmp_path / 'ours.pth', source=source)
    os.remove(tmp_path / 'official')

    names = golden.names(kinds=('out',))
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'ours.pth'))
    model = WideResNet38(out_features=names, init_cfg=init_cfg)
    converted = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    model.load_state_dict(converted, strict=True)
    os.remove(tmp_path / 'ours.pth')

    with torch.no_grad():
        outputs = model.eval()(golden.input('x'))
    for name, output in zip(names, outputs, strict=True):
        golden.check(name, output)
    golden.assert_all_checked()
