# Copyright (c) mmocr_wsss contributors. All rights reserved.
import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from mmocr_wsss.models import CAMHead, MultiLabelSoftMarginLoss


@pytest.fixture
def feats():
    """One image, two channels on a 1 x 2 grid."""
    return (torch.tensor([[[[1.0, 3.0]], [[2.0, 0.0]]]]),)


def head(**kwargs):
    module = CAMHead(num_classes=2, in_channels=2, **kwargs).eval()
    module.classifier.weight.data = torch.tensor([[1.0, -1.0], [0.0, 2.0]])[..., None, None]
    return module


def test_logits_and_cams_by_hand(feats):
    # class 0: 1 - 2 = -1 and 3 - 0 = 3, mean 1; class 1: 4 and 0, mean 2
    assert head()(feats).tolist() == [[1.0, 2.0]]
    assert head().cams(feats).tolist() == [[[[0.0, 3.0]], [[4.0, 0.0]]]]
    assert head().cams(feats, torch.tensor([1])).tolist() == [[[[4.0, 0.0]]]]


def test_generalised_mean_by_hand(feats):
    # p = 3: ((1 + 27) / 2)^(1/3) and (8 / 2)^(1/3)
    first, second = 14 ** (1 / 3), 4 ** (1 / 3)
    expected = torch.tensor([[first - second, 2 * second]])
    torch.testing.assert_close(head(pooling='gem', gem_power=3.0)(feats), expected)
    mean = head(pooling='gem', gem_power=1.0)(feats)
    torch.testing.assert_close(mean, head()(feats), atol=1e-5, rtol=0)


def test_dropout_drops_whole_channels_in_training_only(feats):
    module = head(dropout_ratio=0.5)
    outputs = {tuple(module.train()(feats)[0].tolist()) for _ in range(40)}
    # Channels kept are doubled: both, the first, the second, none.
    assert outputs == {(2.0, 4.0), (4.0, 0.0), (-2.0, 4.0), (0.0, 0.0)}
    assert head(dropout_ratio=0.0).train()(feats).tolist() == [[1.0, 2.0]]


def test_soft_margin_is_the_mean_over_classes_too():
    logits, tags = torch.zeros(3, 4), torch.ones(3, 4)
    value = torch.log(torch.tensor(2.0))
    torch.testing.assert_close(MultiLabelSoftMarginLoss()(logits, tags), value)
    weighted = MultiLabelSoftMarginLoss(loss_weight=2.0)(logits, tags, avg_factor=3)
    torch.testing.assert_close(weighted, 2 * value)
    bfloat16 = MultiLabelSoftMarginLoss()(logits.bfloat16(), tags)
    assert bfloat16.dtype == torch.float32


def test_other_classes_than_the_network_has_are_refused():
    message = r'scores 4 classes, the dataset has 1. Set model.head.num_classes=1'
    with pytest.raises(ValueError, match=message):  # torch would broadcast
        MultiLabelSoftMarginLoss()(torch.zeros(3, 4), torch.ones(3, 1))


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [(dict(pooling='max'), "'avg' or 'gem', got 'max'"), (dict(gem_power=0.5), '>= 1, got 0.5')],
)
def test_bad_settings(kwargs, message):
    with pytest.raises(ValueError, match=message):
        CAMHead(2, 2, **kwargs)


def test_pooled_features_are_refused(feats):
    with pytest.raises(ValueError, match='Take the neck out'):
        head()((feats[0].mean(dim=(2, 3)),))


BACKBONES = {
    'resnet50': (dict(type='ResNet', depth=50, out_indices=(3,), base_channels=8,
                      stem_channels=8), 256),
    'lite0': (dict(type='TIMMBackbone', model_name='tf_efficientnet_lite0', features_only=True,
                   out_indices=(4,), output_stride=16), 320),
    'r38': (dict(type='mmocr_wsss.WideResNet38', width_mult=1 / 16), 256),
}  # fmt: skip


@pytest.mark.parametrize('name', BACKBONES)
def test_any_backbone_becomes_a_cam_classifier_by_config(name):
    if name == 'lite0':
        pytest.importorskip('timm')
    backbone, channels = BACKBONES[name]
    model = MODELS.build(
        dict(
            type='mmocr_wsss.CAMClassifier',
            backbone=dict(_scope_='mmpretrain', **backbone),
            head=dict(type='mmocr_wsss.CAMHead', num_classes=5, in_channels=channels),
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
        )
    )
    images = torch.randn(2, 3, 64, 96)
    samples = [DataSample().set_gt_score(torch.tensor([1.0, 0, 0, 0, 1])) for _ in images]
    model.loss(images, samples)['loss'].backward()
    assert model.head.classifier.weight.grad.abs().sum() > 0
    stride = 8 if name == 'r38' else 32 if name == 'resnet50' else 16
    cams = model.eval().cams(images, torch.tensor([0, 4]))
    assert cams.shape == (2, 2, 64 // stride, 96 // stride) and cams.min() >= 0
    (first, _) = model.predict(images, samples)
    assert first.pred_score.shape == (5,) and 0 <= first.pred_score.min() <= 1
