# Copyright (c) mmocr_wsss contributors. All rights reserved.
import pytest
import torch
import torch.nn.functional as F

from mmocr_wsss.functional.cam import (
    NORMALISATIONS,
    background_score,
    merge_views,
    normalise_max,
    normalise_min_max,
    normalise_seam,
    seed_from_cam,
)

SIZE = (8, 12)


def toy_cams(images, class_index):
    """A network that is not symmetric: brightness times a ramp from left to right, halved grid."""
    ramp = torch.linspace(0, 1, images.shape[-1])
    maps = F.avg_pool2d(images.mean(dim=1, keepdim=True) * ramp, 2)
    return torch.cat([maps * (k + 1) for k in class_index.tolist()], dim=1)


def views_of(image):
    return [F.interpolate(image, scale_factor=s, mode='bilinear') for s in (1.0, 0.5)]


def merge(image, flip, classes=(0, 3)):
    index = torch.tensor(classes)
    return merge_views(toy_cams, views_of(image), index, size=SIZE, flip=flip)


@pytest.fixture
def image():
    return torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))


def test_the_map_of_the_mirrored_image_is_the_mirrored_map(image):
    torch.testing.assert_close(merge(image.flip(-1), True), merge(image, True).flip(-1))
    assert not torch.allclose(merge(image.flip(-1), False), merge(image, False).flip(-1))


def test_views_are_summed_after_resizing(image):
    index = torch.tensor([0, 3])
    parts = [merge_views(toy_cams, [v], index, size=SIZE, flip=False) for v in views_of(image)]
    torch.testing.assert_close(merge(image, False), parts[0] + parts[1])
    assert merge(image, False).shape == (2, *SIZE)


def test_classes_are_those_of_the_index(image):
    torch.testing.assert_close(merge(image, True, (3,))[0], merge(image, True)[1])


def test_no_view_is_an_error():
    with pytest.raises(ValueError, match='at least one view'):
        merge_views(toy_cams, [], torch.tensor([0]), size=SIZE, flip=True)


def test_normalise_max_by_hand():
    maps = torch.tensor([[[0.0, 1.0], [2.0, 4.0]]])
    expected = torch.tensor([[[0.0, 1.0], [2.0, 4.0]]]) / 4.00001
    torch.testing.assert_close(normalise_max(maps), expected)
    assert not normalise_max(torch.zeros(1, 2, 2)).any()


def test_normalise_min_max_by_hand():
    maps = torch.tensor([[[-1.0, 0.0], [1.0, 3.0]]])
    torch.testing.assert_close(
        normalise_min_max(maps), torch.tensor([[[0.0, 0.25], [0.5, 1.0]]]), atol=1e-6, rtol=0
    )


def test_convention_normalise_seam_subtracts_the_old_minimum():
    # The smallest value 1 becomes 0 first; then 1 + 1e-5 is subtracted of all.
    value = normalise_seam(torch.tensor([[[1.0, 2.0], [3.0, 5.0]]]))[0]
    assert value[0, 0] == pytest.approx(-1.00001 / 4.00001, abs=1e-6)
    assert value[1, 0] == pytest.approx((3 - 1.00001) / 4.00001, abs=1e-6)
    # Negative scores count as 0 and stay about 0.
    value = normalise_seam(torch.tensor([[[-7.0, 0.0], [1.0, 2.0]]]))[0]
    assert value[0].abs().max() < 1e-5 and value[1, 1] == pytest.approx(1, abs=2e-5)


@pytest.mark.parametrize('normalise', NORMALISATIONS.values(), ids=list(NORMALISATIONS))
def test_normalisation_is_per_class(normalise):
    maps = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(normalise(maps)[1], normalise(maps[1:2])[0])


def test_background_score_by_hand():
    cam = torch.tensor([[[0.5, 0.1]], [[0.2, 0.9]]])
    torch.testing.assert_close(background_score(cam, power=2), torch.tensor([[0.25, 0.01]]))
    assert background_score(torch.zeros(0, 2, 3), power=2).eq(1).all()


def test_convention_seed_ties_go_to_background_then_to_the_lower_id():
    cam = torch.tensor([[[0.3, 0.4, 0.2, 0.5]], [[0.1, 0.4, 0.2, 0.6]]])
    ids = torch.tensor([4, 9])
    assert seed_from_cam(cam, ids, 0.3).tolist() == [[0, 4, 0, 9]]
    per_pixel = torch.tensor([[0.0, 0.4, 0.1, 0.7]])
    assert seed_from_cam(cam, ids, per_pixel).tolist() == [[4, 0, 4, 0]]
    assert seed_from_cam(torch.zeros(0, 1, 2), torch.zeros(0, dtype=torch.long), 0.5).eq(0).all()
