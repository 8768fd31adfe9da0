# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""PASCAL VOC 2012 with SBD: the list of 10,582 training images and their true masks."""

import os
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from mmocr_wsss.artifacts import Offenders, atomic_path, write_png
from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.datasets.mask_files import mask_size_and_ids, out_of_range_ids
from mmocr_wsss.labels import CLASS_SETS, palette
from mmocr_wsss.stage_files import open_stage_folder, require_same_stage
from mmocr_wsss.stages.file_jobs import make_files

_LISTS = Path('ImageSets', 'Segmentation')
_MASKS = 'SegmentationClassAug'
#: Official sizes of the lists that the converter reads and writes.
COUNTS = {'train': 1464, 'val': 1449, 'train_aug': 10582}
_NUM_CLASSES = len(CLASS_SETS['voc']) + 1
_MALFORMED = (
    KeyError, IndexError, TypeError, ValueError, AttributeError, EOFError, OSError, zlib.error,
)  # fmt: skip


def convert_voc12(
    voc: str | os.PathLike,
    sbd: str | os.PathLike,
    out: str | os.PathLike | None = None,
    *,
    jobs: int,
    any_count: bool,
) -> dict[str, int]:
    """Write the list ``train_aug`` and ``SegmentationClassAug`` from the official archives.

    ``train_aug`` has the images of VOC's train list and of both lists of SBD, without
    those of VOC's val list, sorted. Masks are made for it and for val: VOC's own where there is
    one, else SBD's. Masks that are there are kept.

    Args:
        voc: ``VOCdevkit/VOC2012``, with ``ImageSets/Segmentation/{train,val}.txt``,
            ``SegmentationClass/ID.png``.
        sbd: ``benchmark_RELEASE/dataset``, with ``{train,val}.txt`` and ``cls/ID.mat``.
        out: folder to write to; None: ``voc``.
        jobs: processes.
        any_count: take lists of other sizes than :data:`COUNTS`, for a part of the data.

    Returns:
        Sizes of the lists, by name, and numbers of masks ``written`` and ``there``.

    Raises:
        FileNotFoundError: a list is not there.
        ImportError: scipy, which reads ``.mat`` files, is not installed.
        ValueError: a list has another size, masks are missing or malformed, or the
            output folder holds masks of another origin: one error for all.

    Reference: Hariharan et al., Semantic Contours from Inverse Detectors, ICCV 2011.
    """
    _require_scipy()
    voc, sbd = Path(voc), Path(sbd)
    out = voc if out is None else Path(out)
    lists = _read_lists(voc, sbd)
    if not any_count:
        _check_counts(lists, voc, sbd)
    ids = sorted({*lists['train_aug'], *lists['val']})
    official = {*lists['train'], *lists['val']}
    _require_masks(ids, official, voc, sbd)
    facts = dict(
        stage='voc12',
        classes=list(CLASS_SETS['voc']),
        sources=['VOC 2012 SegmentationClass', 'SBD GTcls'],
        background_threshold=None,
    )
    folder = out / _MASKS
    require_same_stage(folder, facts, option='--out FOLDER', suffix='.png')
    open_stage_folder(folder, facts)
    target = partial(_mask_file, folder)
    one = partial(_write_mask, folder, partial(_source, voc, sbd, frozenset(official)))
    written, there = make_files(one, target, ids, where=sbd, overwrite=False, jobs=jobs)
    for name in COUNTS:
        _write_list(out / _LISTS / f'{name}.txt', lists[name])
    return {name: len(lists[name]) for name in COUNTS} | {'written': written, 'there': there}


def read_sbd_mask(path: str | os.PathLike) -> np.ndarray:
    """(H, W) uint8 class ids of an SBD file ``cls/ID.mat``: 0..20, no "ignore".

    Raises:
        ValueError: the file is truncated, has no ``GTcls.Segmentation``, or that is no
            (H, W) array of such ids.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path, squeeze_me=True, variable_names=['GTcls'])
        mask = np.asarray(content['GTcls']['Segmentation'].item())
    except (*_MALFORMED, NotImplementedError, MatReadError) as error:
        raise ValueError(
            f'{path}: no SBD mask with GTcls.Segmentation ({type(error).__name__}: {error}). '
            'Unpack the archive of SBD again.'
        ) from error
    if mask.ndim != 2 or mask.dtype.kind not in 'iu' or mask.min() < 0 or mask.max() > 255:
        raise ValueError(
            f'{path}: GTcls.Segmentation must be a (H, W) array of class ids, got {mask.dtype} '
            f'{mask.shape}.'
        )
    return mask.astype(np.uint8)


def _require_scipy() -> None:
    try:
        import scipy.io  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'scipy reads the .mat files of SBD and is not installed: '
            'pip install -r requirements/converters.txt'
        ) from error


def _read_lists(voc: Path, sbd: Path) -> dict[str, tuple[str, ...]]:
    train, val = (read_id_list(voc / _LISTS / f'{name}.txt') for name in ('train', 'val'))
    more = [image_id for name in ('train', 'val') for image_id in read_id_list(sbd / f'{name}.txt')]
    train_aug = tuple(sorted({*train, *more} - set(val)))
    return {'train': train, 'val': val, 'train_aug': train_aug}


def _check_counts(lists: dict[str, tuple[str, ...]], voc: Path, sbd: Path) -> None:
    bad = Offenders(f'{voc} and {sbd}')
    for name, count in COUNTS.items():
        if len(lists[name]) != count:
            bad.add('list of another size', f'{name} has {len(lists[name]):,} ids, not {count:,}')
    bad.raise_if_any(
        'Give VOCdevkit/VOC2012 of the 2012 archive and benchmark_RELEASE/dataset of SBD; '
        '--any-count takes a part of them.'
    )


def _source(voc: Path, sbd: Path, official: frozenset[str], image_id: str) -> Path:
    """VOC's mask of an image of its own lists, SBD's of the others."""
    if image_id in official:
        return voc / 'SegmentationClass' / f'{image_id}.png'
    return sbd / 'cls' / f'{image_id}.mat'


def _require_masks(ids: list[str], official: set[str], voc: Path, sbd: Path) -> None:
    source = partial(_source, voc, sbd, frozenset(official))
    bad = Offenders(f'{voc} and {sbd}')
    for path in map(source, ids):
        if not path.is_file():
            bad.add('missing mask', path)
    bad.raise_if_any('Unpack both archives whole; lists and masks belong together.')


def _mask_file(folder: Path, image_id: str) -> Path:
    return folder / f'{image_id}.png'


def _write_mask(folder: Path, source: Callable[[str], Path], image_id: str) -> None:
    path = source(image_id)
    if path.suffix == '.mat':
        mask = read_sbd_mask(path)
        ids = np.unique(mask)
    else:
        _, ids = mask_size_and_ids(str(path))
        with Image.open(path) as image:
            mask = np.asarray(image)
    if extra := out_of_range_ids(ids, _NUM_CLASSES):
        raise ValueError(f'{path}: ids must be 0..{_NUM_CLASSES - 1} or 255, found {extra[:5]}.')
    write_png(_mask_file(folder, image_id), mask, palette(256))


def _write_list(path: Path, ids: tuple[str, ...]) -> None:
    """A line per id; a list that holds them already is left alone, in its own order."""
    if path.is_file() and read_id_list(path) == ids:
        return
    with atomic_path(path) as temporary:
        Path(temporary).write_text(''.join(f'{image_id}\n' for image_id in ids), encoding='utf-8')
