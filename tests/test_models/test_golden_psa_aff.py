# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""AffinityNet against the official one: network, pairs, labels, losses, gradients."""

import numpy as np
import pytest
import torch
from golden import load_golden
from mmpretrain.structures import DataSample
from official_networks import RGB_MEAN_STD, check_gradients, load_official

from mmocr_wsss.functional.affinity import (
    affinity_label_map,
    fitting_radius,
    inner_grid,
    pair_affinities,
    pair_labels,
    pair_offsets,
    pooled,
    shifted_grid,
)

RADIUS = 5
CONFIG = dict(
    type='mmocr_wsss.AffinityNet',
    data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', **RGB_MEAN_STD),
    backbone=dict(
        type='mmocr_wsss.WideResNet38', out_features=('conv4', 'conv5', 'conv6'), frozen_stages=1
    ),
    head=dict(type='mmocr_wsss.AffinityHead'),
)


@pytest.fixture(scope='module')
def golden():
    return load_golden('psa_aff.npz')


@pytest.fixture(scope='module')
def model(golden, tmp_path_factory):
    return load_official(CONFIG, 'psa_aff', tmp_path_factory.mktemp('psa_aff'))


def check_pairs(golden, prefix, labels):
    names = ('bg', 'fg', 'neg')
    for name, pairs in zip(names, labels, strict=True):
        golden.check(f'{prefix}.{name}', pairs.flatten(-2).to(torch.uint8))


def test_features_and_affinities_of_pairs(golden, model):
    x = golden.input('x_pairs')
    embedded = {}
    handle = model.head.embed.register_forward_hook(lambda *args: embedded.update(f9=args[2]))
    with torch.no_grad():
        features = model(x)
    handle.remove()
    golden.check('pairs.f9_out', embedded['f9'])
    golden.check('pairs.aff', pair_affinities(features, RADIUS).flatten(2))
    grid = torch.arange(16 * 16).view(16, 16)
    origin = inner_grid(grid, RADIUS)
    golden.check('pairs.ind_from', origin.flatten())
    targets = [shifted_grid(grid, RADIUS, offset).flatten() for offset in pair_offsets(RADIUS)]
    golden.check('pairs.ind_to', torch.cat(targets))


def test_labels_losses_and_gradients(golden, model):
    """Gradients in float64, see test_golden_psa_cls.py."""
    maps = golden.input('label_maps')
    labels = pair_labels(maps, RADIUS)
    check_pairs(golden, 'label', labels)
    eps = 1e-5  # the published counts have it added
    for name, pairs in zip(('bg', 'fg', 'neg'), labels, strict=True):
        golden.check(f'loss.{name}_count', np.float32(int(pairs.sum()) + eps))
    samples = [DataSample() for _ in maps]
    for sample, label_map in zip(samples, maps, strict=True):
        sample.set_data(dict(affinity_label=label_map))
    model.double()
    losses = model(golden.input('x_pairs').double(), samples, mode='loss')
    for name, key, weight in (
        ('bg', 'loss_background', 1 / 4),
        ('fg', 'loss_foreground', 1 / 4),
        ('neg', 'loss_negative', 1 / 2),
    ):
        golden.check(f'loss.{name}_loss', losses[key] / weight)
    total = sum(losses.values())
    golden.check('loss.loss', total)
    total.backward()
    check_gradients(golden, model, 'psa_aff')
    model.float().zero_grad()


def test_dense_matrix(golden, model):
    with torch.no_grad():
        features = model(golden.input('x_dense'))
    height, width = features.shape[-2:]
    affinities = pair_affinities(features, RADIUS)[0]
    dense, index = torch.eye(height * width), torch.arange(height * width).view(height, width)
    start = inner_grid(index, RADIUS).flatten()
    for offset, values in zip(pair_offsets(RADIUS), affinities, strict=True):
        end = shifted_grid(index, RADIUS, offset).flatten()
        dense[start, end] = dense[end, start] = values.flatten()
    golden.check('dense.aff_mat', dense)


def test_small_grids(golden, model):
    with torch.no_grad():
        features = model(golden.input('x_small'))
        found, radius = model.affinities(golden.input('x_small'))
    golden.check('small.aff', pair_affinities(features, RADIUS).flatten(2))
    golden.check('seam_small.radius', np.int64(radius))
    golden.check('seam_small.aff', found.flatten(1)[None])
    assert fitting_radius(features.shape[-2:], RADIUS) == radius


def test_label_map_from_crf_scores(golden):
    low, high = (pooled(golden.input(name)[None], 8)[0] for name in ('la', 'ha'))
    label_map = affinity_label_map(low, high)
    golden.check('pipe.label_map', label_map)
    labels = pair_labels(label_map[None], RADIUS)
    check_pairs(golden, 'pipe', [pairs[0] for pairs in labels])


def test_every_array_was_compared(golden, request):
    """Runs last in this file."""
    golden.assert_file_checked(request)
