# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""MS COCO 2014: image-level tags, masks of 81 classes and lists from the instance annotations."""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mmocr_wsss.artifacts import (
    Offenders,
    atomic_path,
    read_json,
    sha256_of_file,
    write_json,
    write_png,
)
from mmocr_wsss.converters.coco_instances import Annotations, index_annotations, read_instances
from mmocr_wsss.converters.coco_masks import CROWDS, OVERLAPS, draw_mask
from mmocr_wsss.dataset_file import DatasetFacts, Split, write_dataset_file
from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.datasets.mask_files import image_size
from mmocr_wsss.labels import CLASS_SETS, palette
from mmocr_wsss.stage_files import open_stage_folder, require_same_stage
from mmocr_wsss.stages.file_jobs import make_files
from mmocr_wsss.stages.process_pool import map_chunks

SPLITS = ('train2014', 'val2014')
_PALETTE = palette(256)


def convert_coco14(
    root: str | os.PathLike,
    out: str | os.PathLike,
    *,
    crowd: str = 'ignore',
    overlap: str = 'smaller',
    splits: Sequence[str] = SPLITS,
    check_photos: bool = True,
    jobs: int = 1,
) -> dict[str, dict[str, int]]:
    """Write what the configs read of MS COCO 2014; masks that are there are kept.

    Writes ``OUT/masks/SPLIT/STEM.png`` (palette PNG: 0 background, 1..80 the categories in the
    order of their ids, 255 ignore), ``OUT/image_tags.json`` {stem: [class names]} with the
    categories of all objects of an image, crowd regions included,
    ``OUT/lists/SPLIT.txt`` with all images, those without any object too, and
    ``OUT/dataset.json``, with which configs of other data run here. Where ``out`` has
    no ``images/SPLIT``, a link leads to the photos of ``root``.

    Args:
        root: folder with ``annotations/instances_SPLIT.json`` and the photos in
            ``images/SPLIT`` or ``SPLIT``.
        out: folder to write to; may be ``root``.
        crowd: crowd regions, one of :data:`~mmocr_wsss.converters.coco_masks.CROWDS`.
        overlap: one of :data:`~mmocr_wsss.converters.coco_masks.OVERLAPS`.
        splits: of :data:`SPLITS`.
        check_photos: look whether each photo is there and has the size of the JSON.
        jobs: processes.

    Returns:
        per split the numbers of ``images``, ``without objects``, ``objects``, ``crowd regions``,
        ``objects without area``, and of masks ``written`` and ``there``.

    Raises:
        FileNotFoundError: a JSON or folder of photos is not there.
        ImportError: ijson or pycocotools is not installed.
        ValueError: an option is unknown, a JSON is malformed, photos are missing or of
            another size, or ``out`` holds masks that were made in another way.
    """
    root, out = Path(root), Path(out)
    _check_options(crowd, overlap, splits)
    require_pycocotools()
    report, tags = {}, {}
    for split in splits:
        facts = _facts(annotation_file(root, split), crowd, overlap)
        require_same_stage(out / 'masks' / split, facts, option='--out OUT', suffix='.png')
        photos = _photo_folder(root, split) if check_photos else None
        with indexed(annotation_file(root, split), out) as (database, annotations):
            if photos:
                _require_photos(photos, annotations, jobs)
                _link_photos(photos, out / 'images' / split)
            report[split] = _counts(annotations)
            report[split] |= _write_masks(out / 'masks' / split, facts, database, annotations, jobs)
        _write_list(out / 'lists' / f'{split}.txt', annotations)
        tags |= annotations.class_ids
    _write_tags(out / 'image_tags.json', tags)
    _write_dataset_file(out)
    return report


def require_pycocotools() -> None:
    """Raise an ImportError that says how to install it, if it is not."""
    try:
        import pycocotools.mask  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'pycocotools draws the objects of MS COCO and is not installed: '
            'pip install -r requirements/converters.txt'
        ) from error


@contextmanager
def indexed(path: Path, folder: Path) -> Iterator[tuple[Path, Annotations]]:
    """A temporary index of a JSON below ``folder``, gone at the end; see
    :func:`~mmocr_wsss.converters.coco_instances.index_annotations`."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f'.{path.stem}.*.sqlite'):  # of killed runs
        left.unlink()
    database = folder / f'.{path.stem}.{uuid.uuid4().hex}.sqlite'
    try:
        yield database, index_annotations(path, database)
    finally:
        database.unlink(missing_ok=True)


def _check_options(crowd: str, overlap: str, splits: Sequence[str]) -> None:
    for name, value, known in (('crowd', crowd, CROWDS), ('overlap', overlap, OVERLAPS)):
        if value not in known:
            raise ValueError(f'{name}={value!r} must be one of {", ".join(known)}.')
    if not splits or not set(splits) <= set(SPLITS):
        raise ValueError(f'splits={list(splits)} must name one or more of {", ".join(SPLITS)}.')


def _facts(path: Path, crowd: str, overlap: str) -> dict:
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: no such file (looked at {path.absolute()}). Unpack '
            'annotations_trainval2014.zip in ROOT, or choose --splits.'
        )
    return dict(
        stage='coco14',
        classes=list(CLASS_SETS['coco14']),
        annotations=sha256_of_file(path),
        crowd=crowd,
        overlap=overlap,
        background_threshold=None,
    )


def annotation_file(root: str | os.PathLike, split: str) -> Path:
    """The JSON of a split below the folder of MS COCO."""
    return Path(root, 'annotations', f'instances_{split}.json')


def _photo_folder(root: Path, split: str) -> Path:
    for folder in (root / 'images' / split, root / split):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f'{root / "images" / split}: no such folder, nor {root / split}. Unpack {split}.zip in '
        'ROOT, or write masks without looking at photos: --no-photos.'
    )


def _require_photos(folder: Path, annotations: Annotations, jobs: int) -> None:
    sizes = {image.stem: (image.height, image.width) for image in annotations.images}
    bad = Offenders(str(folder))
    check = partial(_photo_sizes, folder)
    for chunk in map_chunks(check, list(sizes), jobs=jobs):
        for stem, found in chunk:
            if isinstance(found, str):
                bad.add(found, f'{stem}.jpg')
            elif found != sizes[stem]:
                (height, width), (there_h, there_w) = sizes[stem], found
                bad.add(
                    'photo of another size than the JSON says (as shown, EXIF turns included)',
                    f'{stem}.jpg {there_w} x {there_h}, not {width} x {height}',
                )
    bad.raise_if_any(
        'Unpack the archive of photos again; masks without looking at photos: --no-photos.'
    )


def _photo_sizes(folder: Path, stems: Sequence[str]) -> list[tuple[str, tuple[int, int] | str]]:
    """(height, width) of each photo, or what is wrong with it."""
    found = []
    for stem in stems:
        path = folder / f'{stem}.jpg'
        try:
            found.append((stem, image_size(str(path)) if path.is_file() else 'missing photo'))
        except OSError:
            found.append((stem, 'photo that cannot be read'))
    return found


def _link_photos(photos: Path, place: Path) -> None:
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(os.path.relpath(photos.resolve(), place.parent.resolve()))


def _write_masks(
    folder: Path, facts: dict, database: Path, annotations: Annotations, jobs: int
) -> dict[str, int]:
    open_stage_folder(folder, facts)
    stems = [image.stem for image in annotations.images]
    one = partial(_write_mask, folder, database, facts['crowd'], facts['overlap'])
    written, there = make_files(
        one, partial(_mask_file, folder), stems, where=folder, overwrite=False, jobs=jobs
    )
    return {'written': written, 'there': there}


def _mask_file(folder: Path, stem: str) -> Path:
    return folder / f'{stem}.png'


def _write_mask(folder: Path, database: Path, crowd: str, overlap: str, stem: str) -> None:
    image, instances = read_instances(database, stem)
    mask = draw_mask(image.height, image.width, instances, crowd, overlap)
    write_png(_mask_file(folder, stem), mask, _PALETTE)


def _counts(annotations: Annotations) -> dict[str, int]:
    return {
        'images': len(annotations.images),
        'without objects': sum(not ids for ids in annotations.class_ids.values()),
        'objects': annotations.objects,
        'crowd regions': annotations.crowds,
        'objects without area': annotations.flat,
    }


def _write_list(path: Path, annotations: Annotations) -> None:
    """A line per stem; a list that holds the same ids in an order of its own is left alone."""
    stems = [image.stem for image in annotations.images]
    if path.is_file() and sorted(read_id_list(path)) == stems:
        return
    with atomic_path(path) as temporary:
        Path(temporary).write_text(''.join(f'{stem}\n' for stem in stems), encoding='utf-8')


def _write_tags(path: Path, class_ids: dict[str, list[int]]) -> None:
    """Tags of other images, such as those of the other split, stay in the file."""
    names = CLASS_SETS['coco14']
    table = read_json(path) if path.is_file() else {}
    table |= {stem: [names[k - 1] for k in ids] for stem, ids in class_ids.items()}
    write_json(path, dict(sorted(table.items())))


def _write_dataset_file(out: Path) -> None:
    """For the splits that are there; validation images alone are no data set."""
    there = {
        split: Split(f'lists/{split}.txt', f'images/{split}', f'masks/{split}')
        for split in SPLITS
        if (out / 'lists' / f'{split}.txt').is_file()
    }
    train, val = map(there.get, SPLITS)
    if train is None:
        return
    facts = DatasetFacts(
        classes=CLASS_SETS['coco14'],
        background=True,
        img_suffix='.jpg',
        tags='image_tags.json',
        train=train._replace(scored_list=train.list),
        val=val,
    )
    write_dataset_file(out, facts)
