# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Images of one's own with tags, in any folder and format, as a data set for the configs."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.converters import own_lists
from mmocr_wsss.converters.own_lists import Plan, Tags
from mmocr_wsss.converters.own_masks import check_masks, find_masks, write_masks
from mmocr_wsss.converters.own_photos import (
    ENCODER,
    find_images,
    flat_ids,
    photo_size,
    write_photo,
)
from mmocr_wsss.converters.own_tags import (
    FORMS,
    read_class_list,
    read_tag_table,
    tags_from_folders,
)
from mmocr_wsss.datasets.mask_files import map_files
from mmocr_wsss.stage_files import image_file, open_stage_folder, require_same_stage
from mmocr_wsss.stages.process_pool import map_chunks

_PHOTOS, _MASKS, _SUFFIX = 'images', 'true_masks', '.jpg'


def convert_own_data(
    images: str | os.PathLike,
    out: str | os.PathLike,
    *,
    tags: str | os.PathLike | None = None,
    classes: str | os.PathLike,
    masks: str | os.PathLike | None = None,
    val_share: float = 0.1,
    background: bool = True,
    min_per_class: int = 5,
    skip_unusable: bool = False,
    jobs: int = 1,
) -> dict[str, Any]:
    """Write photos, tags, lists, masks, ``report.json`` and ``dataset.json`` to ``out``.

    Everything is checked first, the photos by their headers. Photos that are there are kept,
    so that a killed run goes on. Files of the same content are one image. Images without tags
    are left out and reported.

    Args:
        images: folder of images at any depth.
        out: folder to write to.
        tags: table, see :func:`~mmocr_wsss.converters.own_tags.read_tag_table`; None: the
            first folder below ``images`` is the class.
        classes: text file with a foreground class per line.
        masks: folder of true masks, 8-bit grey or palette with ids 0..K and 255; every image
            of the validation list needs one. None: there are none.
        val_share: part of the images that goes to the validation list, 0 <= share < 1; see
            :func:`~mmocr_wsss.converters.own_lists.split_ids`.
        background: whether pixels may show none of the classes; without, every image needs a
            tag, and masks have no 0.
        min_per_class: classes with fewer training, or validation, images are reported as rare.
        skip_unusable: leave out images that cannot be read and tags of images that are not
            there, and report them.
        jobs: processes.

    Returns:
        The content of ``report.json``.

    Raises:
        FileNotFoundError: a folder, the tag table or the class list is not there.
        ValueError: anything else is wrong: one error for all, before a photo is written; only
            what decoding shows comes when all other photos are written.
    """
    images, out = Path(images), Path(out)
    if not 0 <= val_share < 1:
        raise ValueError(f'val_share (--val-share) must be in 0 <= share < 1, got {val_share}.')
    _require_apart(images, out, masks)
    names = read_class_list(classes)
    files, other_files = find_images(images)
    if not files:
        raise ValueError(
            f'{images}: must hold files with the suffix of an image, got {other_files} other '
            'files. Give the folder of your images.'
        )
    bad = Offenders(str(images) if tags is None else f'{tags} for {images}')
    _note_undecodable_names(files, bad)
    table, report = _read_tags(files, tags, names, bad, skip_unusable=skip_unusable)
    report |= {'without_tags': [file for file in files if not table.get(file)]}
    if not background:
        for file in report['without_tags'] if tags is not None else ():
            bad.add('image without tags, which --no-background rules out', file)
    sizes, unreadable = _usable(images, [file for file in files if table.get(file)])
    if not skip_unusable:
        for fault in unreadable:
            bad.add('file that is no usable photo', fault)
    copies = own_lists.copies_of(images, sizes)
    kept, found = own_lists.merge_copies(copies, table, names, by_folder=tags is None)
    mask_files = {} if masks is None else find_masks(masks, copies, bad)
    if masks is not None:
        check_masks(
            masks, mask_files, sizes, num_classes=len(names), background=background, bad=bad
        )
    plan = own_lists.make_plan(kept, mask_files, flat_ids(files))
    _note_what_lacks(plan, val_share, masks, bad)
    named = 'The first folder below IMAGES must be a name of the class list.'
    if tags is not None:
        named = (
            f'{FORMS} An image is named by its path in {images}, or by a file name that occurs '
            f'once; both with or without suffix. Tags are names of {classes}.'
        )
    if masks is not None:
        named += (
            f' Masks have the path of their image, or its file name if that occurs once; ids are '
            f'0..{len(names)} in the order of {classes}, and 255.'
        )
    bad.raise_if_any(f'{named} --skip-unusable leaves out images that are missing or unusable.')
    faults = _write_photos(images, out / _PHOTOS, plan.sources, jobs)
    for fault in () if skip_unusable else faults.values():
        bad.add('file that is no usable photo', fault)
    bad.raise_if_any(
        'All others are done; mend these and run the same command again, or leave them out with '
        '--skip-unusable.',
        show_all=True,
    )
    plan = plan.without(faults)
    _note_what_lacks(plan, val_share, masks, bad)
    bad.raise_if_any('Add images or masks, or change --val-share.')
    if masks is not None:
        write_masks(masks, plan.masks, out / _MASKS, jobs=jobs)
    own_lists.unfinish(out)
    own_lists.write_lists(out, plan, names, val_share)
    report = {
        **own_lists.count_images(plan, names, val_share, min_per_class),
        **report,
        'unreadable': sorted([*unreadable, *faults.values()]),
        **found,
        'other_files': other_files,
        'sources': plan.sources,
    }
    own_lists.finish(
        out,
        report,
        names,
        background=background,
        images=_PHOTOS,
        masks=None if masks is None else _MASKS,
    )
    return report


def _require_apart(images: Path, out: Path, masks: str | os.PathLike | None) -> None:
    """What is written must not be read as input, nor masks as images."""
    below = (out / _PHOTOS, out / _MASKS)
    inputs = [images] if masks is None else [images, Path(masks)]
    pairs = [(source, folder) for source in inputs for folder in (out, *below)]
    pairs += [(folder, source) for source in inputs for folder in below]
    if masks is not None:
        pairs += [(images, Path(masks)), (Path(masks), images)]
    for outer, inner in pairs:
        if outer.resolve() in (inner.resolve(), *inner.resolve().parents):
            raise ValueError(
                f'{inner}: must lie outside of {outer}, or files would be taken for what they '
                'are not. Use separate folders.'
            )


def _note_undecodable_names(files: Sequence[str], bad: Offenders) -> None:
    for file in files:
        try:
            file.encode()
        except UnicodeEncodeError:
            bad.add('file name that is not UTF-8; rename the file', ascii(file))


def _read_tags(files, tags, names, bad, *, skip_unusable) -> tuple[Tags, dict[str, Any]]:
    if tags is None:
        table, missing, merged_rows, duplicate_rows = (
            tags_from_folders(files, names, bad), [], 0, [],
        )  # fmt: skip
    else:
        table, missing, merged_rows, duplicate_rows = read_tag_table(tags, files, names, bad)
    for text in () if skip_unusable else missing:
        bad.add('image missing', text)
    return table, {
        'merged_rows': merged_rows,
        'duplicate_rows': duplicate_rows,
        'missing_images': missing,
    }


def _usable(images: Path, files: Sequence[str]) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """{path: (height, width)} of the readable files, by their headers, and the faults."""

    def look(file):
        try:
            return photo_size(images / file)
        except ValueError as error:
            return str(error)

    found = dict(zip(files, map_files(look, files), strict=True))
    sizes = {file: size for file, size in found.items() if not isinstance(size, str)}
    return sizes, [fault for fault in found.values() if isinstance(fault, str)]


def _note_what_lacks(plan: Plan, val_share: float, masks, bad: Offenders) -> None:
    if not plan.sources and not bad:
        bad.add('must have at least one readable image with a tag, got', 'none')
    for image_id in own_lists.split_ids(plan.sources, val_share)[1] if masks is not None else ():
        if image_id not in plan.masks:
            bad.add(
                f'image of the validation list without a mask in {masks}', plan.sources[image_id]
            )


def _write_photos(
    images: Path, folder: Path, sources: Mapping[str, str], jobs: int
) -> dict[str, str]:
    """Write the photos that are not there; gives {id: fault} of those that cannot be decoded."""
    facts = dict(
        stage='own_photos',
        encoder=ENCODER,
        sources=_digest(images, sources),
        background_threshold=None,
    )
    require_same_stage(folder, facts, option='--out FOLDER', suffix=_SUFFIX)
    open_stage_folder(folder, facts)
    todo = [item for item in sources.items() if not _photo_file(folder, item[0]).is_file()]
    faults: dict[str, str] = {}
    for found in map_chunks(partial(_write_chunk, images, folder), todo, jobs=jobs) if todo else ():
        faults |= found
    return faults


def _write_chunk(images: Path, folder: Path, items: Sequence[tuple[str, str]]) -> dict[str, str]:
    faults = {}
    for image_id, source in items:
        try:
            write_photo(images / source, _photo_file(folder, image_id))
        except ValueError as error:
            faults[image_id] = str(error)
    return faults


def _photo_file(folder: Path, image_id: str) -> Path:
    return image_file(folder, image_id, _SUFFIX)


def _digest(images: Path, sources: Mapping[str, str]) -> str:
    """SHA-256 of ids, paths and sizes in bytes: what an earlier run must have had, too."""
    digest = hashlib.sha256()
    for image_id, source in sources.items():
        size = (images / source).stat().st_size
        digest.update(f'{image_id}\n{source}\n{size}\n'.encode())
    return digest.hexdigest()
