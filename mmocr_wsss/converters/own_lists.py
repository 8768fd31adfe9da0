# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Which images of one's own are kept and in which list; tags, lists and the report as files."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmocr_wsss.artifacts import atomic_path, sha256_of_file, write_json
from mmocr_wsss.converters.own_tags import in_id_order
from mmocr_wsss.dataset_file import DATASET_FILE, DatasetFacts, Split, write_dataset_file
from mmocr_wsss.datasets.mask_files import map_files

REPORT_FILE = 'report.json'
_TAGS = 'image_tags.json'
Tags = dict[str, tuple[str, ...]]


class Plan(NamedTuple):
    """The images of a data set.

    Attributes:
        sources: id -> path of the image in its folder, sorted by id.
        tags: id -> class names in id order.
        masks: id -> path of the mask in its folder, for images that have one.
    """

    sources: dict[str, str]
    tags: Tags
    masks: dict[str, str]

    def without(self, ids: Iterable[str]) -> 'Plan':
        """The plan for all other images."""
        left_out = frozenset(ids)

        def rest(part: dict[str, Any]) -> dict[str, Any]:
            return {key: value for key, value in part.items() if key not in left_out}

        return Plan(rest(self.sources), rest(self.tags), rest(self.masks))


def make_plan(tags: Tags, masks: Mapping[str, str], ids: Mapping[str, str]) -> Plan:
    """Plan from tags and masks by path of the image, and the ids of these paths."""
    order = sorted(tags, key=ids.__getitem__)
    return Plan(
        {ids[path]: path for path in order},
        {ids[path]: tags[path] for path in order},
        {ids[path]: masks[path] for path in order if path in masks},
    )


def split_ids(ids: Iterable[str], val_share: float) -> tuple[list[str], list[str]]:
    """Sorted ids of the training and of the validation list.

    An id is in the latter if its SHA-1, as a number in [0, 1), is below ``val_share``. A share
    above 0 gives at least one, and at least one stays for training.
    """
    order = sorted(ids, key=lambda image_id: (_hash(image_id), image_id))
    count = sum(_hash(image_id) < val_share for image_id in order)
    if val_share > 0:
        count = max(count, 1)
    count = min(count, max(len(order) - 1, 0))
    return sorted(order[count:]), sorted(order[:count])


def _hash(image_id: str) -> float:
    return int(hashlib.sha1(image_id.encode()).hexdigest(), 16) / 2**160


def copies_of(images: Path, files: Iterable[str]) -> dict[str, list[str]]:
    """{first path: paths of all files with the same bytes}, in the order of ``files``."""
    files = list(files)
    by_size = defaultdict(list)
    for file in files:
        by_size[(images / file).stat().st_size].append(file)
    unsure = [file for group in by_size.values() if len(group) > 1 for file in group]
    digests = map_files(lambda file: sha256_of_file(images / file), unsure)
    digest = dict(zip(unsure, digests, strict=True))
    groups = defaultdict(list)
    for file in files:
        groups[digest.get(file, file)].append(file)
    return {group[0]: group for group in groups.values()}


def merge_copies(
    copies: Mapping[str, Sequence[str]], tags: Tags, classes: Sequence[str], *, by_folder: bool
) -> tuple[Tags, dict[str, Any]]:
    """Files of the same content as one image with the tags of all.

    Args:
        copies: see :func:`copies_of`.
        tags: path -> class names.
        classes: foreground names in id order.
        by_folder: the folder is the tag, so that copies with other tags are meant.

    Returns:
        class names in id order by first path, and the entries ``duplicates``,
        ``duplicates_with_other_tags`` and ``merged_copies`` of the report.
    """
    same, other, merged, kept = [], [], 0, {}
    for first, paths in copies.items():
        rows = {tags[path] for path in paths}
        kept[first] = in_id_order((name for row in rows for name in row), classes)
        if len(rows) > 1 and by_folder:
            merged += len(paths) - 1
        elif len(paths) > 1:
            (other if len(rows) > 1 else same).append(list(paths))
    return kept, {
        'duplicates': same, 'duplicates_with_other_tags': other, 'merged_copies': merged,
    }  # fmt: skip


def count_images(
    plan: Plan, classes: Sequence[str], val_share: float, min_per_class: int
) -> dict[str, Any]:
    """The numbers of the report: of images, of images per class, and rare classes.

    ``rare_in_val`` is empty where no image was to be held out.
    """
    train, val = split_ids(plan.sources, val_share)
    per_class = {
        name: {
            part: sum(name in plan.tags[image_id] for image_id in ids)
            for part, ids in (('train', train), ('val', val))
        }
        for name in classes
    }
    return {
        'num_images': len(plan.sources),
        'num_train': len(train),
        'num_val': len(val),
        'num_masks': len(plan.masks),
        'per_class': per_class,
        'rare_classes': [name for name in classes if per_class[name]['train'] < min_per_class],
        'rare_in_val': [
            name for name in classes if val_share and per_class[name]['val'] < min_per_class
        ],
        'unused_classes': [name for name in classes if not any(per_class[name].values())],
    }


def write_lists(out: Path, plan: Plan, classes: Sequence[str], val_share: float) -> None:
    """Write ``image_tags.json``, ``classes.txt`` and ``lists/{train,val,scored}.txt``.

    The last names the training images with masks. There is no list that would be empty.
    """
    write_json(out / _TAGS, {image_id: list(names) for image_id, names in plan.tags.items()})
    _write_lines(out / 'classes.txt', classes)
    train, val = split_ids(plan.sources, val_share)
    scored = [image_id for image_id in train if image_id in plan.masks]
    for name, ids in (('train', train), ('val', val), ('scored', scored)):
        path = out / f'lists/{name}.txt'
        if ids:
            _write_lines(path, ids)
        else:
            path.unlink(missing_ok=True)


def finish(
    out: Path,
    report: dict[str, Any],
    classes: Sequence[str],
    *,
    background: bool,
    images: str,
    masks: str | None,
) -> None:
    """Write ``report.json`` and, as the sign that all is there, ``dataset.json``."""
    write_json(out / REPORT_FILE, report)
    scored = 'lists/scored.txt' if (out / 'lists/scored.txt').is_file() else None
    train = Split('lists/train.txt', images, masks if scored else None, scored)
    val = Split('lists/val.txt', images, masks) if report['num_val'] else None
    facts = DatasetFacts(tuple(classes), background, '.jpg', _TAGS, train, val)
    write_dataset_file(out, facts)


def unfinish(out: Path) -> None:
    """Remove ``dataset.json`` of an earlier run before its other files change."""
    (out / DATASET_FILE).unlink(missing_ok=True)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with atomic_path(path) as temporary:
        Path(temporary).write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')
