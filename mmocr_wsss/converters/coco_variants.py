# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Which variant of MS COCO masks is it? Masks made elsewhere against the instance annotations.

A variant is a numbering of the classes, a treatment of crowd regions and a rule for
overlaps. All combinations are drawn for a sample of images and compared pixel by pixel.
"""

import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.converters.coco14 import indexed, require_pycocotools
from mmocr_wsss.converters.coco_instances import CATEGORY_IDS, CocoImage, read_instances
from mmocr_wsss.converters.coco_masks import CROWDS, OVERLAPS, compose_mask, instance_pixels
from mmocr_wsss.datasets.mask_files import mask_size_and_ids
from mmocr_wsss.labels import CLASS_SETS, IGNORE_ID
from mmocr_wsss.stages.process_pool import map_chunks

_NUM_CLASSES = len(CATEGORY_IDS)
#: Share of equal pixels from which a variant is said to be the one.
MATCH = 0.999


def _numberings() -> dict[str, tuple[int, np.ndarray]]:
    names = CLASS_SETS['coco14']
    in_order = np.arange(1, _NUM_CLASSES + 1)
    categories = np.array(CATEGORY_IDS)
    alphabet = np.argsort(np.argsort(np.array(names))) + 1
    swapped = np.where(in_order == 1, 0, in_order)
    return {
        'sorted': (0, in_order),
        'category_ids': (0, categories),
        'alphabetical': (0, alphabet),
        'person_background_swapped': (1, swapped),
        'from_zero': (IGNORE_ID, in_order - 1),
        'from_zero_background_last': (_NUM_CLASSES, in_order - 1),
        'category_ids_from_zero': (IGNORE_ID, categories - 1),
    }


#: Name -> value of the background, and of the 80 categories in the order of their ids.
NUMBERINGS = _numberings()
NUMBERING_TEXTS = {
    'sorted': '0 background, 1..80 by sorted category id (ours)',
    'category_ids': '0 background, the category ids 1..90',
    'alphabetical': '0 background, 1..80 by name',
    'person_background_swapped': '0 person, 1 background, then as ours',
    'from_zero': '0..79 by sorted category id, background 255',
    'from_zero_background_last': '0..79 by sorted category id, background 80',
    'category_ids_from_zero': 'category id - 1 (0..89), background 255',
}


class Variant(NamedTuple):
    """A way to make masks; each field is a key of NUMBERINGS, CROWDS or OVERLAPS."""

    numbering: str
    crowd: str
    overlap: str


VARIANTS = tuple(
    Variant(numbering, crowd, overlap)
    for numbering in NUMBERINGS
    for crowd in CROWDS
    for overlap in OVERLAPS
)


class Comparison(NamedTuple):
    """What was found.

    shares: equal pixels of all pixels, in 0..1, per variant, the best first. images: number
    compared. values: that occur in the masks. crowds, overlaps: numbers of pixels where the
    treatments of crowd regions, and the rules for overlaps, differ from each other.
    """

    shares: list[tuple[Variant, float]]
    images: int
    values: list[int]
    crowds: int
    overlaps: int


def compare_masks(
    folder: str | os.PathLike,
    annotations: str | os.PathLike,
    *,
    number: int = 200,
    jobs: int = 1,
) -> Comparison:
    """Compare masks made elsewhere with every variant.

    Args:
        folder: masks as 8-bit grey or palette PNGs, named by the stem of the image
            (``COCO_val2014_000000000042.png``) or its number, with or without zeros in front.
        annotations: ``instances_SPLIT.json`` of the same images.
        number: images to compare, taken evenly from those with crowd regions or the most
            objects first, since these tell variants apart.
        jobs: processes.

    Raises:
        FileNotFoundError: the folder is not there.
        ImportError: ijson or pycocotools is not installed.
        ValueError: the JSON is malformed, no mask is named as one of its images, or masks
            cannot be read or have another size than their image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder}: no such folder of masks.')
    require_pycocotools()
    with (
        tempfile.TemporaryDirectory() as temporary,
        indexed(Path(annotations), Path(temporary)) as (database, found),
    ):
        files = {path.stem: path for path in sorted(folder.rglob('[!.]*.png'))}
        pairs = {image.stem: _mask_of(image, files) for image in found.images}
        masks = {stem: path for stem, path in pairs.items() if path is not None}
        if not masks:
            raise ValueError(
                f'{folder}: no mask is named as an image of {annotations}, among {len(files):,} '
                f'PNG files ({", ".join(sorted(files)[:3])}, ...). Expected names such as '
                f'{found.images[0].stem}.png or {found.images[0].number}.png.'
            )
        chosen = _most_telling(database, sorted(masks), number)
        one = partial(_compare_chunk, database, masks)
        return _merge(map_chunks(one, chosen, jobs=jobs), folder, len(chosen))


def _mask_of(image: CocoImage, files: dict[str, Path]) -> Path | None:
    names = (image.stem, str(image.number), f'{image.number:012d}')
    return next((files[name] for name in names if name in files), None)


def _most_telling(database: Path, stems: Sequence[str], number: int) -> list[str]:
    """Images with crowd regions first, then those with the most objects."""

    def rank(stem: str) -> tuple[int, int]:
        _, instances = read_instances(database, stem)
        return -sum(instance.crowd for instance in instances), -len(instances)

    return sorted(sorted(stems, key=rank)[:number])


def _compare_chunk(
    database: Path, masks: dict[str, Path], stems: Sequence[str]
) -> list[tuple[Any, ...]]:
    return [_compare_one(database, masks[stem], stem) for stem in stems]


def _compare_one(database: Path, path: Path, stem: str) -> tuple[Any, ...]:
    """(problem, None) or (None, (equal pixels per variant, pixels, values, crowds, overlaps))."""
    image, instances = read_instances(database, stem)
    size = (image.height, image.width)
    try:
        there, values = mask_size_and_ids(str(path))
    except (OSError, ValueError) as error:
        return ('mask that cannot be read as 8-bit ids', f'{path} ({error})'), None
    if there != size:
        return ('mask of another size than its image', f'{path} {there} not {size}'), None
    with Image.open(path) as opened:
        mask = np.asarray(opened)
    drawn = [(item, instance_pixels(*size, item)) for item in instances]
    ours = {
        (crowd, overlap): compose_mask(*size, drawn, crowd, overlap)
        for crowd in CROWDS
        for overlap in OVERLAPS
    }
    # Equal pixels of each variant from how often which pair of values meets.
    equal = np.zeros(len(VARIANTS), np.int64)
    met = {}
    for key, drawing in ours.items():
        pairs = drawing.astype(np.int64) * 256 + mask
        met[key] = np.bincount(pairs.ravel(), minlength=65536).reshape(256, 256)
    tables = {name: _table(name) for name in NUMBERINGS}
    for index, (numbering, crowd, overlap) in enumerate(VARIANTS):
        equal[index] = met[crowd, overlap][np.arange(256), tables[numbering]].sum()
    crowds = max(int((ours[crowd, 'smaller'] != ours['ignore', 'smaller']).sum())
                 for crowd in CROWDS)  # fmt: skip
    overlaps = max(int((ours['skip', rule] != ours['skip', 'smaller']).sum())
                   for rule in OVERLAPS)  # fmt: skip
    return None, (equal, mask.size, values, crowds, overlaps)


def _table(numbering: str) -> np.ndarray:
    """(256,) value of a variant for each of our class ids."""
    background, values = NUMBERINGS[numbering]
    table = np.full(256, IGNORE_ID)
    table[0], table[1 : _NUM_CLASSES + 1] = background, values
    return table


def _merge(chunks, folder: Path, images: int) -> Comparison:
    bad = Offenders(str(folder))
    equal, pixels, seen, crowds, overlaps = 0, 0, set(), 0, 0
    for chunk in chunks:
        for problem, counts in chunk:
            if problem:
                bad.add(*problem)
                continue
            equal = equal + counts[0]
            pixels += counts[1]
            seen.update(counts[2].tolist())
            crowds += counts[3]
            overlaps += counts[4]
    bad.raise_if_any(
        'Masks must be 8-bit grey or palette PNGs of ids, of the size of the images (not resized, '
        'not coloured). Is it the folder of the split that --splits names?'
    )
    shares = zip(VARIANTS, np.divide(equal, pixels).tolist(), strict=True)
    ranked = sorted(shares, key=lambda item: -item[1])
    return Comparison(ranked, images, sorted(seen), crowds, overlaps)


def describe_comparison(found: Comparison) -> str:
    """The verdict as text: best variants, and what the sample cannot tell."""
    (best, share), lines = found.shares[0], []
    lines.append(f'{found.images:,} masks compared, values {_ranges(found.values)}')
    lines.append(f'{"equal pixels":>14}  {"numbering":<26} {"crowd":<7} overlap')
    for variant, value in found.shares[:6]:
        lines.append(f'{100 * value:>12.3f} %  {variant.numbering:<26} {variant.crowd:<7} '
                     f'{variant.overlap}')  # fmt: skip
    if share < MATCH:
        lines.append(
            f'none of the variants: the nearest has {100 * share:.3f} % of equal pixels, a match '
            f'has {100 * MATCH:g} %. Other images, polygons drawn in another way, or resized masks?'
        )
        return '\n'.join(lines)
    lines.append(f'numbering: {best.numbering}: {NUMBERING_TEXTS[best.numbering]}')
    for field, what in (('crowd', 'crowd regions'), ('overlap', 'overlaps')):
        same = {getattr(variant, field) for variant, value in found.shares
                if value == share and variant.numbering == best.numbering}  # fmt: skip
        differing = found.crowds if field == 'crowd' else found.overlaps
        if len(same) > 1:
            lines.append(f'{what}: cannot be told, the same for {", ".join(sorted(same))} '
                         f'({differing:,} pixels of the sample could tell)')  # fmt: skip
        else:
            lines.append(f'{what}: {getattr(best, field)}')
    if best == Variant('sorted', 'ignore', 'smaller'):
        lines.append('these are the masks that coco14.py makes by default')
    elif best.numbering == 'sorted':
        lines.append(f'coco14.py makes them with --crowd {best.crowd} --overlap {best.overlap}')
    else:
        lines.append('its ids are not those of the configs: make the masks with coco14.py '
                     f'--crowd {best.crowd} --overlap {best.overlap}')  # fmt: skip
    return '\n'.join(lines)


def _ranges(values: Sequence[int]) -> str:
    """Such as ``0..80, 255``."""
    groups: list[list[int]] = []
    for value in values:
        if groups and value == groups[-1][-1] + 1:
            groups[-1].append(value)
        else:
            groups.append([value])
    return ', '.join(str(g[0]) if len(g) == 1 else f'{g[0]}..{g[-1]}' for g in groups)
