# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""A guard against training on the true masks that a dataset was published with."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmocr_wsss.labels import IGNORE_ID

#: Folders of true masks, below the root of a dataset, in the layouts that we read.
TRUE_MASK_FOLDERS = (
    'SegmentationClass', 'SegmentationClassAug', 'SegmentationObject', 'masks/train2014',
    'masks/val2014', 'true_masks',
)  # fmt: skip
_SAMPLE = 20
_FEWEST = 3
#: Share of equal pixels, among those that both label, from which a mask is a copy. Masks
#: made from tags stay below on each of several photos.
_EQUAL = 0.995


class TrueMasksError(ValueError):
    """The masks to train on are the true masks of the dataset."""


def refuse_true_masks(masks: str, data_root: str | None, names: Sequence[str]) -> None:
    """Raise if a folder of pseudo masks holds the true masks of the dataset.

    It does if it is, links included, a folder known to hold true masks, or if each of up to
    20 masks, taken evenly, equals the one in such a folder of ``data_root``.

    Args:
        masks: folder of the pseudo masks.
        data_root: folder of the dataset; None: only the name is looked at.
        names: file names of the masks, relative to ``masks``.

    Raises:
        TrueMasksError: names the folder and the way out.
    """
    place = Path(os.path.realpath(masks)).as_posix()
    for known in TRUE_MASK_FOLDERS:
        if place.endswith(f'/{known}'):
            raise TrueMasksError(_message(masks, f'{place} is a folder of true masks'))
    if not data_root:
        return
    for known in TRUE_MASK_FOLDERS:
        folder = Path(data_root, known)
        pairs = [(Path(masks, n), folder / n) for n in names if (folder / n).is_file()]
        sample = pairs[:: max(len(pairs) // _SAMPLE, 1)][:_SAMPLE]
        if len(sample) >= _FEWEST and all(_same(*pair) for pair in sample):
            reason = f'{len(sample)} masks compared with {folder} are the same'
            raise TrueMasksError(_message(masks, reason))


def _message(masks: str, reason: str) -> str:
    return (
        f'{masks}: these are the true masks of the dataset, not pseudo masks: {reason}. A '
        'weakly supervised result from them is void. Set data_prefix.seg_map_path to the folder '
        'of your pseudo masks. To evaluate on true masks: test_mode=True. To train on them on '
        'purpose: allow_true_masks=True in the PseudoMaskDataset (train_dataloader.dataset.'
        'dataset in our configs).'
    )


def _same(pseudo: Path, true: Path) -> bool:
    with Image.open(pseudo) as first, Image.open(true) as second:
        if first.size != second.size:
            return False
        one, other = np.asarray(first), np.asarray(second)
    if one.shape != other.shape:
        return False
    both = (one != IGNORE_ID) & (other != IGNORE_ID)
    return bool(both.any()) and float((one == other)[both].mean()) >= _EQUAL
