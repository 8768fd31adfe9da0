# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Pictures of what a config's dataset gives to training: photos, tags, masks."""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.registry import DATASETS, init_default_scope
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmocr_wsss.artifacts import Offenders, atomic_path, require_file
from mmocr_wsss.datasets.transforms import LoadPhoto
from mmocr_wsss.engine.config_checks import read_config, set_options
from mmocr_wsss.engine.config_edits import set_data_root
from mmocr_wsss.engine.dataset_edits import follow_dataset_file
from mmocr_wsss.engine.launch import parse_options
from mmocr_wsss.labels import BACKGROUND_NAME, candidates_from_tags
from mmocr_wsss.seeding import SeededIndex, derive_seed, seed_generators
from mmocr_wsss.stages.process_pool import map_chunks
from mmocr_wsss.visualization.tagged_photo import TaggedPhoto, contact_sheet, draw_tagged_photo

#: ``transformed`` is after the pipeline, as in training; ``original`` is as the files are.
MODES = ('transformed', 'original')
SPLITS = ('train', 'val', 'test')
_ON_A_SHEET = 20


def browse_dataset(
    config: str | os.PathLike,
    out: str | os.PathLike,
    *,
    data_root: str | None,
    cfg_options: Sequence[str],
    split: str,
    mode: str,
    ids: Sequence[str] | None,
    number: int | None,
    seed: int,
    grid: bool,
) -> int:
    """Write ``OUT/ID.png`` for some images of a dataset, or ``OUT/contact_sheet_N.png``.

    The samples are those of the dataset, with the checks that training makes of its
    files. An id is the path below the folder of the photos without suffix; an image
    that comes up several times (RepeatDataset) counts once.

    Args:
        config: of segmentation with tags, or of a CAM classifier.
        out: folder to write to.
        data_root: replaces that of the config; None: as in the config.
        cfg_options: ``KEY=VALUE`` overrides of the config.
        split: one of :data:`SPLITS`, whose dataloader is meant.
        mode: one of :data:`MODES`.
        ids: images to draw; None: ``number`` of them.
        number: taken evenly from the dataset; None: all.
        seed: of the augmentation, >= 0; every image has random numbers of its own.
        grid: contact sheets of 20 images each, in place of a file per image.

    Returns:
        Number of images drawn.

    Raises:
        FileNotFoundError: config, list, folder or tag table are not there.
        ValueError: an option does not fit the config, the dataset has no tags or its
            files have faults, or images cannot be drawn: one error for all, the others
            are drawn.
    """
    dataset = _dataset(config, data_root, parse_options(cfg_options), split)
    index_of = _index_of_ids(dataset)
    chosen = _chosen(index_of, ids, number, f'--ids: {split} dataset of {config}')
    bad = Offenders(f'{split} dataset of {config}')
    with closing(_drawn(dataset, {i: index_of[i] for i in chosen}, mode, seed, bad)) as drawn:
        if grid:
            _write_sheets(drawn, out)
        else:
            for image_id, picture in drawn:
                _write(picture, out, image_id)
    bad.raise_if_any('All others are drawn. Check these files, the pipeline and the class list.')
    return len(chosen)


def _dataset(config, data_root, options, split):
    require_file(config)
    cfg = read_config(config)
    follow_dataset_file(cfg, data_root)
    set_options(cfg, options)
    if data_root is not None:
        set_data_root(cfg, data_root)
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        raise ValueError(f'--split {split}: {config} has no {split}_dataloader.')
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    dataset = DATASETS.build(loader['dataset'])
    if not {'candidates', 'gt_score'} & set(dataset.get_data_info(0)):
        raise ValueError(
            f'--split {split}: the items of {type(dataset).__name__} in {config} have no tags. '
            "Give a config whose dataset is 'mmocr_wsss.ImageTagDataset' (configs/segmentation, "
            "configs/ocr) or 'mmocr_wsss.TaggedImageDataset' (configs/cam)."
        )
    return dataset


def _index_of_ids(dataset: Any) -> dict[str, int]:
    """{image id: index of its first item}, in the order of the dataset."""
    folders = list(_photo_folders(dataset))
    paths, index_of = {}, {}
    bad = Offenders(type(dataset).__name__)
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        image_id = info.get('img_id') or _image_id(info['img_path'], folders)
        if paths.setdefault(image_id, info['img_path']) != info['img_path']:
            bad.add('id of several photos', f'{image_id} ({info["img_path"]})')
        index_of.setdefault(image_id, index)
    bad.raise_if_any('Pictures are named by the ids; browse these folders one by one.')
    return index_of


def _photo_folders(dataset: Any) -> Iterator[str]:
    """Folders of the photos of all datasets inside wrappers."""
    if folder := getattr(dataset, 'data_prefix', {}).get('img_path'):
        yield folder
    for inner in (getattr(dataset, 'dataset', None), *getattr(dataset, 'datasets', ())):
        if inner is not None:
            yield from _photo_folders(inner)


def _image_id(path: str, folders: Sequence[str]) -> str:
    photo = Path(path).with_suffix('')
    below = [photo.relative_to(folder) for folder in folders if photo.is_relative_to(folder)]
    return below[0].as_posix() if below else photo.name


def _chosen(index_of, ids, number, where) -> list[str]:
    """Ids that are asked for, or ``number`` of all, evenly spaced."""
    known = list(index_of)
    if ids is None:
        count = len(known) if number is None else min(number, len(known))
        return [known[k * len(known) // count] for k in range(count)]
    bad = Offenders(where)
    for image_id in ids:
        if image_id not in index_of:
            bad.add('id that it does not have', image_id)
    bad.raise_if_any(f'It has {len(known)} ids: {", ".join(known[:3])}, ...')
    return list(dict.fromkeys(ids))


def _drawn(dataset, index_of, mode, seed, bad) -> Generator[tuple[str, np.ndarray], None, None]:
    """(id, picture) of every image; those that fail are noted in ``bad``."""
    classes = tuple(dataset.metainfo['classes'])
    names = classes if classes[0] == BACKGROUND_NAME else (BACKGROUND_NAME, *classes)

    def draw(ids: Sequence[str]) -> list[tuple[str, np.ndarray]]:
        pictures = []
        for image_id in ids:
            try:
                photo, size = _photo_of(dataset, index_of[image_id], mode, seed)
                title = f'{image_id}, {size}, {mode}'
                pictures.append((image_id, draw_tagged_photo(photo, names, title=title)))
            # Readers and foreign transforms fail in many ways, with an AttributeError on None too.
            except Exception as error:
                bad.add(
                    'image that cannot be shown', f'{image_id} ({type(error).__name__}: {error})'
                )
        return pictures

    for pictures in map_chunks(draw, list(index_of), jobs=1):
        yield from pictures


def _photo_of(dataset: Any, index: int, mode: str, seed: int) -> tuple[TaggedPhoto, str]:
    """The sample, and the size that its photo has before it is fitted to the mask."""
    info = dataset.get_data_info(index)
    if mode == 'original':
        photo = _original(info)
        return photo, _size(photo.image)
    # For pipelines with SeedTransforms, and for those without.
    key = (seed, index)
    seed_generators(derive_seed(*key))
    sample = dataset[SeededIndex(index, key)]
    packed = sample['data_samples']
    if packed.get('img_path') != info['img_path']:
        raise ValueError(f'the pipeline gave another image, {packed.get("img_path")}')
    image, mask = _rgb(sample['inputs']), packed.get('gt_sem_seg')
    tags = packed.get('gt_score')
    candidates = packed.candidates.numpy() if tags is None else _candidates(tags.numpy())
    mask = None if mask is None else mask.data[0].numpy()
    return TaggedPhoto(_at_size_of(mask, image), candidates, mask), _size(image)


def _original(info: dict) -> TaggedPhoto:
    """From the files alone; the mask as the host reads it."""
    results = LoadPhoto().transform(dict(info))
    mask = None
    if info.get('seg_map_path'):
        mask = LoadAnnotations().transform(results)['gt_seg_map']
    candidates = info.get('candidates')
    candidates = _candidates(info['gt_score']) if candidates is None else candidates
    return TaggedPhoto(np.ascontiguousarray(results['img'][..., ::-1]), candidates, mask)


def _size(image: np.ndarray) -> str:
    return f'{image.shape[1]} x {image.shape[0]}'


def _candidates(tags: np.ndarray) -> np.ndarray:
    return candidates_from_tags(tags > 0)


def _rgb(inputs: Any) -> np.ndarray:
    """(H, W, 3) uint8 RGB of packed BGR values in 0..255; of several views the first."""
    view = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
    image = np.rint(view.numpy().transpose(1, 2, 0)[..., ::-1].clip(0, 255))
    return np.ascontiguousarray(image, np.uint8)


def _at_size_of(mask: np.ndarray | None, image: np.ndarray) -> np.ndarray:
    """Validation resizes the photo alone; it is brought back to the size of the mask."""
    if mask is None or mask.shape == image.shape[:2]:
        return image
    return cv2.resize(image, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _write(picture: np.ndarray, out: str | os.PathLike, name: str) -> None:
    with atomic_path(Path(out, f'{name}.png')) as temporary:
        Image.fromarray(picture).save(temporary)


def _write_sheets(drawn: Iterator[tuple[str, np.ndarray]], out: str | os.PathLike) -> None:
    pictures, sheets = [], 0
    for _, picture in drawn:
        pictures.append(picture)
        if len(pictures) == _ON_A_SHEET:
            sheets += 1
            _write(contact_sheet(pictures), out, f'contact_sheet_{sheets}')
            pictures = []
    if pictures:
        _write(contact_sheet(pictures), out, f'contact_sheet_{sheets + 1}')
