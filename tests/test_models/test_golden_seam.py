# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""SEAM against the official one: network, pixel correlation, every loss, CAMs of a photo."""

import numpy as np
import pytest
import torch
from golden import load_golden
from official_networks import (
    RGB_MEAN_STD,
    check_gradients,
    check_sizes,
    load_official,
    merged,
    photo_views,
    samples,
)

from mmocr_wsss.functional import seam
from mmocr_wsss.functional.cam import background_score, normalise_seam, seed_from_cam
from mmocr_wsss.functional.dense_crf import DENSE_CRF_SETTINGS, dense_crf

CONFIG = dict(
    type='mmocr_wsss.SEAMClassifier',
    data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', **RGB_MEAN_STD),
    backbone=dict(
        type='mmocr_wsss.WideResNet38', out_features=('conv4', 'conv5', 'conv6'), frozen_stages=1
    ),
    head=dict(type='mmocr_wsss.SEAMHead', num_classes=20),
)


@pytest.fixture(scope='module')
def golden():
    return load_golden('seam.npz')


@pytest.fixture(scope='module')
def model(golden, tmp_path_factory):
    return load_official(CONFIG, 'seam', tmp_path_factory.mktemp('seam'))


def test_network(golden, model):
    x = golden.input('x')
    with torch.no_grad():
        cam, refined = model.views(x)
        feats = model.extract_feat(x)
        features = model.head.correlation.features(x, *feats[:2])
        logits, grid = model.head.maps(feats, x)
    golden.check('fwd.cam', cam)
    golden.check('fwd.cam_rv', refined)
    golden.check('fwd.pcm_in_cam', seam.correlation_scores(logits))
    golden.check('fwd.pcm_in_f', features)
    golden.check('fwd.pcm_out', grid)
    torch.testing.assert_close(model.cams(x, torch.tensor([3, 7])), refined[:, [4, 8]])


@pytest.mark.parametrize('columns', [512, 31])
def test_pixel_correlation(golden, model, columns, monkeypatch):
    correlation = model.head.correlation
    monkeypatch.setattr(correlation, 'columns', columns)
    features = torch.cat([golden.input('pcm_f_img'), golden.input('pcm_f_feat').relu()], dim=1)
    with torch.no_grad():
        golden.check('pcm.out', correlation(golden.input('pcm_cam').relu(), features))
        golden.check('pcm2.out', correlation(golden.input('pcm2_cam').relu(), features))


def test_losses(golden, model):
    x, tags = golden.input('x_loss'), golden.input('loss_label')
    check_intermediates(golden, model, x, tags)
    losses = model.loss(x, samples(tags))
    # The official 'loss_cls' holds the adaptive minimum pooling too.
    golden.check('loss.loss_cls', losses['loss_cls'] + losses['loss_rv'])
    golden.check('loss.loss_er', losses['loss_er'])
    golden.check('loss.loss_ecr', losses['loss_ecr'])
    golden.check('loss.loss', sum(losses.values()))


def test_gradients(golden, model):
    """In float64: some processors' float32 convolutions miss the tolerance, 1e-8 in places."""
    model.double()
    x, tags = golden.input('x_loss').double(), golden.input('loss_label').double()
    sum(model.loss(x, samples(tags)).values()).backward()
    check_gradients(golden, model, 'seam')
    model.float().zero_grad()


@torch.no_grad()
def check_intermediates(golden, model, x, tags):
    """Each step of ``SEAMClassifier.losses`` by its own functions."""
    small = seam.resize(x, seam.scaled_size(x.shape[-2:], golden.config['scale_factor']))
    golden.check('loss.img2', small)
    present = torch.cat([torch.ones(len(tags), 1), tags], dim=1)[..., None, None]
    names = ('cam1', 'cam_rv1', 'cam2', 'cam_rv2')
    maps = dict(zip(names, (*model.views(x), *model.views(small)), strict=True))
    for number in (1, 2):
        pooled = maps[f'cam{number}'].mean(dim=(-2, -1), keepdim=True)
        golden.check(f'loss.label{number}', pooled)  # the logits, under this name
        golden.check(f'loss.loss_cls{number}', model._tag_loss(maps[f'cam{number}'], tags))
        refined = maps[f'cam_rv{number}'] * present
        golden.check(f'loss.loss_rvmin{number}', model._min_pooling(refined))
    size = small.shape[-2:]
    steps = {}
    for name, value in maps.items():
        golden.check(f'loss.{name}.step0', value)
        steps[name] = seam.resize(seam.max_norm(value), size) * present
        golden.check(f'loss.{name}.step1', steps[name])
    cams = [seam.with_background(steps[name]) for name in ('cam1', 'cam2')]
    for name, cam in zip(('cam1', 'cam2'), cams, strict=True):
        golden.check(f'loss.{name}.step2', cam)
        golden.check(f'loss.{name}.final', seam.keep_best_foreground(cam))
    errors = seam.equivariant_cross_terms(*cams, steps['cam_rv1'], steps['cam_rv2'])
    for number, error in enumerate(errors, 1):
        golden.check(f'loss.tensor_ecr{number}', error)
        mean = seam.largest_mean(error, ratio=golden.config['ecr_topk'])
        golden.check(f'loss.loss_ecr{number}', mean)


@pytest.fixture(scope='module')
def cam(golden, model):
    """(k, H, W) normalised maps of the photo's tags."""
    views = photo_views(model, golden.photo(), golden.config['scales'])
    check_sizes(golden, views)
    return normalise_seam(merged(model, golden, views, tags_of(golden)))


def tags_of(golden):
    return golden.input('tags').long().sort().values


def test_cams_of_the_photo(golden, cam):
    tags = tags_of(golden)
    for k, map_ in zip(tags, cam, strict=True):
        golden.check(f'ms.cam.{k}', map_)
    threshold = golden.config['pred_alpha']
    golden.check(f'ms.pred_alpha{threshold}', seed_from_cam(cam, tags + 1, threshold))


def test_crf_of_the_cams(golden, cam):
    pytest.importorskip('pydensecrf.densecrf')
    for power in golden.config['crf_alpha']:
        scores = torch.cat([background_score(cam, power=power)[None], cam]).numpy()
        photo = np.array(golden.photo())
        refined = dense_crf(scores, photo, **DENSE_CRF_SETTINGS['cam'])
        for label, map_ in zip([0, *(tags_of(golden) + 1).tolist()], refined, strict=True):
            golden.check(f'ms.crf_{power}.{label}', map_)


def test_every_array_was_compared(golden, request):
    """Runs last in this file."""
    golden.assert_file_checked(request, crf=[name for name in golden.facts if '.crf_' in name])
