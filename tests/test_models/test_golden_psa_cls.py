# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""PSA's classifier against the official one: network, loss, gradients, CAMs of a photo."""

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

from mmocr_wsss.functional.cam import background_score, normalise_max, seed_from_cam
from mmocr_wsss.functional.dense_crf import DENSE_CRF_SETTINGS, dense_crf

CONFIG = dict(
    type='mmocr_wsss.CAMClassifier',
    data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', **RGB_MEAN_STD),
    backbone=dict(
        type='mmocr_wsss.WideResNet38', out_features=('conv4', 'conv5', 'conv6'), frozen_stages=1
    ),
    head=dict(type='mmocr_wsss.CAMHead', num_classes=20, in_channels=4096),
)


@pytest.fixture(scope='module')
def golden():
    return load_golden('psa_cls.npz')


@pytest.fixture(scope='module')
def model(golden, tmp_path_factory):
    return load_official(CONFIG, 'psa_cls', tmp_path_factory.mktemp('psa_cls'))


@pytest.fixture(scope='module')
def all_cams(golden, model):
    """(20, H, W) merged maps of all classes."""
    views = photo_views(model, golden.photo(), golden.config['scales'])
    check_sizes(golden, views)
    return merged(model, golden, views, range(20))


def test_network_and_loss(golden, model):
    x, tags = golden.input('x'), golden.input('label')
    feats = model.extract_feat(x)
    for name, feature in zip(('conv4', 'conv5', 'conv6'), feats, strict=True):
        golden.check(name, feature)
    with torch.no_grad():
        golden.check('logits', model(x))
        golden.check('forward_cam', model.cams(x))
    golden.check('loss_cls', model.head.loss(feats, samples(tags))['loss'])


def test_gradients(golden, model):
    """In float64: some processors' float32 convolutions miss the tolerance, 1e-8 in places."""
    model.double()
    losses = model.loss(golden.input('x').double(), samples(golden.input('label').double()))
    losses['loss'].backward()
    check_gradients(golden, model, 'psa_cls')
    model.float().zero_grad()


@pytest.mark.parametrize(('tags', 'prefix'), [('tags', 'ms'), ('tags2', 'ms2')])
def test_cams_of_the_photo(golden, all_cams, tags, prefix):
    tags = golden.input(tags).long().sort().values
    for k, cam in zip(tags, normalise_max(all_cams[tags]), strict=True):
        golden.check(f'{prefix}.cam.{k}', cam)
    golden.check(f'{prefix}.sum_cam_max', _only(all_cams, tags).amax(dim=(1, 2)))
    threshold = golden.config['pred_background']
    seed = seed_from_cam(normalise_max(all_cams[tags]), tags + 1, threshold)
    golden.check(f'{prefix}.pred_bg{threshold}', seed)


def _only(cams, tags):
    """Maps of absent classes set to 0, as the official code multiplies with the tags."""
    present = torch.zeros(len(cams), 1, 1)
    present[tags] = 1
    return cams * present


@pytest.mark.parametrize(('tags', 'prefix'), [('tags', 'ms'), ('tags2', 'ms2')])
def test_crf_of_the_cams(golden, all_cams, tags, prefix):
    pytest.importorskip('pydensecrf.densecrf')
    tags = golden.input(tags).long().sort().values
    cam = normalise_max(all_cams[tags])
    for name, key in (('la', 'low_alpha'), ('ha', 'high_alpha')):
        background = background_score(cam, power=golden.config[key])
        scores = torch.cat([background[None], cam]).numpy()
        refined = dense_crf(scores, np.array(golden.photo()), **DENSE_CRF_SETTINGS['cam'])
        for label, map_ in zip([0, *(tags + 1).tolist()], refined, strict=True):
            golden.check(f'{prefix}.crf_{name}.{label}', map_)


def test_every_array_was_compared(golden, request):
    """Runs last in this file."""
    golden.assert_file_checked(request, crf=[name for name in golden.facts if '.crf_' in name])
