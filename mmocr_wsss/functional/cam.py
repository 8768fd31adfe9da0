# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Class activation maps: merge scales and flips, normalise, add a background.

Shapes: k classes of one image, H x W its size. Maps of several classes are
(k, H, W); a row belongs to one tagged class, so absent classes never appear.
"""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmocr_wsss.functional.precision import at_least_float32
from mmocr_wsss.labels import BACKGROUND_ID

_EPS = 1e-5  # PSA and SEAM
_EPS_MIN_MAX = 1e-8  # MCTformer


def merge_views(
    cams: Callable[[Tensor, Tensor], Tensor],
    views: Iterable[Tensor],
    class_index: Tensor,
    *,
    size: tuple[int, int],
    flip: bool,
) -> Tensor:
    """Sum the maps of an image over its scaled versions and their mirrors.

    Each map is resized to ``size`` (bilinear, corners not aligned) and, if
    mirrored, turned back after that. An image and its mirror are one batch.

    Args:
        cams: (images (n, 3, h, w), class_index) -> maps (n, k, h', w').
        views: the image at each scale, (1, 3, h, w) normalised.
        class_index: (k,) int64, the tag indices to make maps of.
        size: (H, W) of the result.
        flip: add the mirrored views.

    Returns:
        (k, H, W) float32, not normalised.

    Raises:
        ValueError: there is no view.

    Reference: ``infer_cls.py`` of jiwoon-ahn/psa, ``infer_SEAM.py`` of YudeWang/SEAM,
    ``engine.py`` of xulianuwa/MCTformer; they differ in the normalisation only.
    """
    total = None
    for view in views:
        images = torch.cat([view, view.flip(-1)]) if flip else view
        maps = at_least_float32(cams(images, class_index))
        maps = F.interpolate(maps, size=size, mode='bilinear', align_corners=False)
        for index, one in enumerate(maps):
            one = one.flip(-1) if index else one
            total = one.clone() if total is None else total.add_(one)
    if total is None:
        raise ValueError('merge_views needs at least one view of the image.')
    return total


def normalise_max(maps: Tensor) -> Tensor:
    """Divide every (H, W) map of (k, H, W) by its maximum + 1e-5 (PSA); range [0, 1)."""
    return maps / (maps.amax(dim=(-2, -1), keepdim=True) + _EPS)


def normalise_seam(maps: Tensor) -> Tensor:
    """SEAM's normalisation of merged maps (k, H, W).

    Negative values become 0, then values below ``min + 1e-5`` become 0, then the
    *old* minimum is subtracted: where it is above 0, the smallest pixels come out
    negative. Kept as published; the maximum is just below 1.
    """
    maps = maps.clamp_min(0)
    low = maps.amin(dim=(-2, -1), keepdim=True)
    high = maps.amax(dim=(-2, -1), keepdim=True)
    maps = torch.where(maps < low + _EPS, 0, maps)
    return (maps - low - _EPS) / (high - low + _EPS)


def normalise_min_max(maps: Tensor) -> Tensor:
    """Bring every map of (k, H, W) to [0, 1] (MCTformer)."""
    low = maps.amin(dim=(-2, -1), keepdim=True)
    high = maps.amax(dim=(-2, -1), keepdim=True)
    return (maps - low) / (high - low + _EPS_MIN_MAX)


#: By the names that configs use.
NORMALISATIONS = {'max': normalise_max, 'seam': normalise_seam, 'min_max': normalise_min_max}


def background_score(cam: Tensor, *, power: float) -> Tensor:
    """``(1 - max over the classes) ** power``.

    Args:
        cam: (k, H, W) normalised maps; with k = 0 all is background.
        power: "alpha" in the published code; a small one means a strong background.

    Returns:
        (H, W), about [0, 1].
    """
    if not len(cam):
        return cam.new_ones(cam.shape[1:])
    return (1 - cam.amax(dim=0)).pow(power)


def seed_from_cam(cam: Tensor, class_ids: Tensor, background: float | Tensor) -> Tensor:
    """Label map: the class with the highest score, or the background.

    Ties go to the background, then to the lower class id, as an argmax over
    [background, maps] does.

    Args:
        cam: (k, H, W) normalised maps.
        class_ids: (k,) ids in 1..254, ascending.
        background: a constant threshold, or an (H, W) background score.

    Returns:
        (H, W) uint8 class ids.
    """
    background = torch.as_tensor(background, dtype=cam.dtype, device=cam.device)
    scores = torch.cat([background.expand(cam.shape[1:])[None], cam])
    ids = torch.cat([class_ids.new_tensor([BACKGROUND_ID]), class_ids])
    return ids[scores.argmax(dim=0)].to(torch.uint8)
