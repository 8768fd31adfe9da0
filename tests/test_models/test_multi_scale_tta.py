# Copyright (c) mmocr_wsss contributors. All rights reserved.
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmocr_wsss.functional.dense_crf import DENSE_CRF_SETTINGS, dense_crf, dense_crf_settings
from mmocr_wsss.functional.multi_scale import resize_opencv_cubic, resize_torch_bilinear
from mmocr_wsss.models import MultiScaleTTA

CLASSES = 4


def config(variant: str, **preprocessor) -> dict:
    return dict(
        type='mmseg.EncoderDecoder',
        data_preprocessor=dict(
            type='mmseg.SegDataPreProcessor',
            mean=[120.0, 110.0, 100.0],
            std=[60.0, 50.0, 40.0],
            bgr_to_rgb=True,
            **preprocessor,
        ),
        backbone=dict(
            type='mmocr_wsss.WideResNet38',
            width_mult=1 / 16,
            norm_cfg=dict(type='BN', momentum=1.0),
            norm_eval=False,
        ),
        decode_head=dict(
            type='mmocr_wsss.LargeFOVHead',
            variant=variant,
            in_channels=256,
            channels=16,
            num_classes=CLASSES,
            loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
        ),
        test_cfg=dict(mode='whole'),
    )


def segmentor(variant: str, **preprocessor):
    """Random weights, fitted to one photo: every class has logits of mean 0 and std 1."""
    torch.manual_seed(0)
    model = MODELS.build(config(variant, **preprocessor))
    model.init_weights()
    with torch.no_grad():
        image = normalised(photo())
        model.train()(image.repeat(2, 1, 1, 1), mode='tensor')
        logits = model.eval()(image, mode='tensor')
        std, mean = torch.std_mean(logits, dim=(0, 2, 3))
        classifier = model.decode_head.conv_seg
        classifier.bias.copy_((classifier.bias - mean) / std)
        classifier.weight.div_(std[:, None, None, None])
    return model


def photo(height: int = 40, width: int = 56, seed: int = 0) -> torch.Tensor:
    """(3, H, W) uint8 BGR, smooth."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 7, generator=generator)
    return (255 * F.interpolate(coarse, size=(height, width), mode='bilinear'))[0].byte()


def batch(*images: torch.Tensor) -> dict:
    samples = [
        SegDataSample(
            metainfo=dict(ori_shape=tuple(x.shape[-2:]), img_path=f'{k}.jpg'),
            gt_sem_seg=PixelData(data=torch.zeros(1, *x.shape[-2:], dtype=torch.long)),
            candidates=torch.tensor([True] * CLASSES),
        )
        for k, x in enumerate(images)
    ]
    return dict(inputs=list(images), data_samples=samples)


def normalised(image: torch.Tensor) -> torch.Tensor:
    mean, std = torch.tensor([120.0, 110.0, 100.0]), torch.tensor([60.0, 50.0, 40.0])
    return ((image.flip(0).float() - mean[:, None, None]) / std[:, None, None])[None]


def upsample(x, size, align_corners):
    return F.interpolate(x, size=size, mode='bilinear', align_corners=align_corners)


@torch.no_grad()
def test_seam_by_hand():
    """Mean of logits over scales and mirrors, each resized twice with aligned corners."""
    model, image = segmentor('seam'), photo()
    size = image.shape[-2:]
    logits = []
    for scale in (0.5, 1.25):
        x = resize_opencv_cubic(normalised(image), scale=scale)
        for flip in (False, True):
            low = model(x.flip(-1) if flip else x, mode='tensor')
            full = upsample(upsample(low, x.shape[-2:], True), size, True)
            logits.append(full.flip(-1) if flip else full)
    expected = torch.stack(logits).mean(0).softmax(1)[0]
    (result,) = MultiScaleTTA(model, 'seam', scales=(0.5, 1.25)).test_step(batch(image))
    torch.testing.assert_close(result.seg_logits.data, expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(result.pred_sem_seg.data[0], result.seg_logits.data.argmax(0))
    assert expected.argmax(0).unique().numel() > 1


@torch.no_grad()
def test_mctformer_by_hand():
    """Maximum of softmaxes over scales, resized once without aligned corners."""
    model, image = segmentor('mctformer'), photo()
    expected = torch.zeros(CLASSES, *image.shape[-2:])
    for scale in (0.5, 1.25):
        x = resize_torch_bilinear(normalised(image), scale=scale)
        full = upsample(model(x, mode='tensor'), image.shape[-2:], False)
        expected = torch.maximum(expected, full.softmax(1)[0])
    (result,) = MultiScaleTTA(model, 'mctformer', scales=(0.5, 1.25)).test_step(batch(image))
    torch.testing.assert_close(result.seg_logits.data, expected, atol=1e-5, rtol=1e-4)
    assert result.seg_logits.data.sum(0).max() > 1.001  # not renormalised


@pytest.mark.parametrize('variant', ['seam', 'mctformer'])
def test_flip_makes_the_prediction_of_a_mirrored_photo_the_mirrored_prediction(variant):
    tta = MultiScaleTTA(segmentor(variant), variant, scales=(1.0, 1.5), flip=True)
    image = photo()
    plain, mirrored = tta.test_step(batch(image, image.flip(-1)))
    scores = mirrored.seg_logits.data.flip(-1)
    torch.testing.assert_close(plain.seg_logits.data, scores, atol=1e-4, rtol=1e-3)
    (without,) = MultiScaleTTA(tta.module, variant, scales=(1.0, 1.5), flip=False).test_step(
        batch(image)
    )
    assert (without.seg_logits.data - plain.seg_logits.data).abs().max() > 1e-3


def test_images_of_a_batch_may_differ_in_size_and_keep_their_annotations():
    tta = MultiScaleTTA(segmentor('seam'), 'seam', scales=(0.5, 1.0))
    images = [photo(), photo(33, 47, seed=1)]
    results = tta.test_step(batch(*images))
    for image, result in zip(images, results, strict=True):
        assert result.pred_sem_seg.data.shape == (1, *image.shape[-2:])
        assert result.gt_sem_seg.data.shape == (1, *image.shape[-2:])
        assert result.candidates.all()
        (alone,) = tta.test_step(batch(image))
        torch.testing.assert_close(alone.seg_logits.data, result.seg_logits.data)
    assert [r.img_path for r in results] == ['0.jpg', '1.jpg']


def test_padding_of_the_preprocessor_is_cut_off():
    image = photo(33, 47)
    plain = MultiScaleTTA(segmentor('seam'), 'seam', scales=(1.0,))
    padded = MultiScaleTTA(segmentor('seam', test_cfg=dict(size_divisor=32)), 'seam', scales=(1.0,))
    (expected,), (result,) = plain.test_step(batch(image)), padded.test_step(batch(image))
    torch.testing.assert_close(result.seg_logits.data, expected.seg_logits.data)


def test_dense_crf_gets_the_original_image_in_the_order_of_the_network():
    pytest.importorskip('pydensecrf.densecrf')
    model, image = segmentor('seam'), photo()
    (plain,) = MultiScaleTTA(model, 'seam', scales=(1.0,)).test_step(batch(image))
    (refined,) = MultiScaleTTA(model, 'seam', scales=(1.0,), dense_crf='cam').test_step(
        batch(image)
    )
    rgb = np.ascontiguousarray(image.numpy()[::-1].transpose(1, 2, 0))
    expected = dense_crf(plain.seg_logits.data.numpy(), rgb, **DENSE_CRF_SETTINGS['cam'])
    np.testing.assert_allclose(refined.seg_logits.data.numpy(), expected, atol=1e-6)
    assert torch.equal(refined.pred_sem_seg.data[0], torch.from_numpy(expected).argmax(0))
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    other = dense_crf(plain.seg_logits.data.numpy(), bgr, **DENSE_CRF_SETTINGS['cam'])
    assert np.abs(other - expected).max() > 1e-5  # the order does matter


def test_builds_from_a_config_in_the_scope_of_the_host():
    tta = MODELS.build(
        dict(type='mmocr_wsss.MultiScaleTTA', variant='mctformer', module=config('mctformer'))
    )
    assert tta.scales == (0.5, 0.75, 1.0, 1.25, 1.5) and tta.flip is False
    assert tta.crf_settings is None


def test_wrong_arguments():
    model = segmentor('seam')
    with pytest.raises(ValueError, match=r"variant must be one of .* got 'psa'"):
        MultiScaleTTA(model, 'psa')
    for scales in ((), (1.0, 0.0)):
        with pytest.raises(ValueError, match='scales must be positive, at least one'):
            MultiScaleTTA(model, 'seam', scales=scales)
    with pytest.raises(ValueError, match=r"crf='strong' must be one of"):
        MultiScaleTTA(model, 'seam', dense_crf='strong')
    model.out_channels = 1
    with pytest.raises(ValueError, match='out_channels=1; set out_channels=2'):
        MultiScaleTTA(model, 'seam')


def test_a_resized_sample_is_refused():
    data = batch(photo())
    data['data_samples'][0].set_metainfo(dict(ori_shape=(80, 112)))
    tta = MultiScaleTTA(segmentor('seam'), 'seam', scales=(1.0,))
    with pytest.raises(ValueError, match=r'0.jpg: .*native size \(80, 112\), got \(40, 56\)'):
        tta.test_step(data)


def test_arguments_in_the_configs(repo_root):
    configs = [
        Config.fromfile(path) for path in sorted((repo_root / 'configs/_base_/models').glob('*.py'))
    ]
    configs = [c for c in configs if 'tta_model' in c]
    variants = {
        MODELS.build(dict(c.tta_model, module=segmentor('seam'), dense_crf=None)).resize_twice
        for c in configs
    }
    assert variants == {True, False}  # one of each kind
    assert all(dense_crf_settings(c.tta_model.dense_crf) for c in configs)
