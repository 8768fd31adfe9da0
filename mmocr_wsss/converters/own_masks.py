# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""True masks that come with images of one's own: found, checked, written under flat ids."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from mmocr_wsss.artifacts import Offenders, sha256_of_file, write_png
from mmocr_wsss.converters.own_photos import MALFORMED, find_images, nfc
from mmocr_wsss.datasets.mask_files import map_files, mask_size_and_ids, out_of_range_ids
from mmocr_wsss.labels import BACKGROUND_ID, palette
from mmocr_wsss.stage_files import image_file, open_stage_folder, require_same_stage
from mmocr_wsss.stages.file_jobs import make_files


def find_masks(
    folder: str | os.PathLike, copies: Mapping[str, list[str]], bad: Offenders
) -> dict[str, str]:
    """The mask file of each image that has one: {image path: mask path}, both relative.

    A mask has the path of its image, with any suffix. Of what is left then, a mask has the
    stem of its image, in whatever folder, if no other image and no other mask has it.

    Args:
        folder: of the masks.
        copies: image path -> paths of files of the same content, itself among them.
        bad: gets names that fit several files.
    """
    masks, _ = find_images(folder)
    found = _match(copies, masks, lambda path: nfc(os.path.splitext(path)[0]), folder, bad)
    copies = {image: paths for image, paths in copies.items() if image not in found}
    masks = sorted({*masks} - {*found.values()})
    return found | _match(copies, masks, lambda path: nfc(Path(path).stem), folder, bad)


def _match(copies, masks, key: Callable[[str], str], folder, bad: Offenders) -> dict[str, str]:
    """{image: mask} of the same key; the first copy that has a mask counts."""
    by_key = defaultdict(list)
    for mask in masks:
        by_key[key(mask)].append(mask)
    owners, found = defaultdict(list), {}
    for image, paths in copies.items():
        fitting = next((by_key[key(path)] for path in paths if key(path) in by_key), [])
        if len(fitting) > 1:
            bad.add('image that several masks fit', f'{image}: {", ".join(fitting[:5])}')
        elif fitting:
            found[image] = fitting[0]
            owners[fitting[0]].append(image)
    for mask, images in owners.items():
        if len(images) > 1:
            text = f'{os.path.join(folder, mask)}: {", ".join(images[:5])}'
            bad.add('mask that fits several images', text)
    return found


def check_masks(
    folder: str | os.PathLike,
    masks: Mapping[str, str],
    sizes: Mapping[str, tuple[int, int]],
    *,
    num_classes: int,
    background: bool,
    bad: Offenders,
) -> None:
    """Note masks in ``bad`` that do not belong to their photo or hold other ids.

    Args:
        folder: of the masks.
        masks: image path -> mask path, relative to ``folder``.
        sizes: image path -> (height, width) that its photo is stored with.
        num_classes: K foreground classes; ids are 0..K and 255.
        background: whether id 0 may occur.
        bad: gets what is wrong.
    """

    def look(item):
        try:
            return mask_size_and_ids(os.path.join(folder, item[1]))
        except MALFORMED as error:
            return error

    for (image, name), found in zip(masks.items(), map_files(look, masks.items()), strict=True):
        path = os.path.join(folder, name)
        if isinstance(found, Exception):
            text = str(found) if path in str(found) else f'{path}: {found}'
            bad.add('mask that cannot be read as 8-bit class ids', text)
            continue
        size, ids = found
        if size != sizes[image]:
            text = f'{path}: {size}, {image} has {sizes[image]}'
            bad.add('mask whose (height, width) differ from those of its upright photo', text)
        if extra := out_of_range_ids(ids, num_classes + 1):
            bad.add(f'mask with ids other than 0..{num_classes} and 255', f'{path}: {extra[:5]}')
        if not background and BACKGROUND_ID in ids:
            bad.add('mask with id 0, which --no-background rules out', path)


def write_masks(
    folder: str | os.PathLike,
    sources: Mapping[str, str],
    target: str | os.PathLike,
    *,
    jobs: int,
) -> None:
    """Write masks as palette PNG ``target/ID.png``; those that are there are kept.

    Args:
        folder: of the masks.
        sources: id -> mask path, relative to ``folder``.
        target: folder to write to.
        jobs: processes.

    Raises:
        ValueError: ``target`` holds masks of another content, or one cannot be read.
    """
    paths = {image_id: os.path.join(folder, name) for image_id, name in sources.items()}
    digests = map_files(sha256_of_file, paths.values())
    facts = dict(
        stage='own_masks',
        sources=dict(zip(paths, digests, strict=True)),
        background_threshold=None,
    )
    require_same_stage(target, facts, option='--out FOLDER', suffix='.png')
    open_stage_folder(target, facts)
    one, file_of = partial(_write_mask, Path(target), paths), partial(_mask_file, Path(target))
    make_files(one, file_of, list(paths), where=folder, overwrite=False, jobs=jobs)


def _mask_file(folder: Path, image_id: str) -> Path:
    return image_file(folder, image_id, '.png')


def _write_mask(folder: Path, paths: Mapping[str, str], image_id: str) -> None:
    with Image.open(paths[image_id]) as image:
        mask = np.asarray(image)
    write_png(_mask_file(folder, image_id), mask, palette(256))
