# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Candidate classes for the samples of any segmentation dataset."""

import copy
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.dataset import RepeatDataset, force_full_init
from mmengine.structures import BaseDataElement

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.datasets.id_lists import possible_ids
from mmocr_wsss.datasets.mixing import refuse_mixing
from mmocr_wsss.datasets.tag_tables import Tags, collect_tags, describe
from mmocr_wsss.labels import BACKGROUND_NAME, candidates_from_tags, foreground_classes
from mmocr_wsss.registry import DATASETS


@DATASETS.register_module()
class ImageTagDataset:
    """Wrap a dataset and attach ``candidates`` to every sample it returns.

    The wrapped dataset keeps its own pipeline: the tags are attached to what the
    pipeline gives. They are image-level, so a crop keeps all of them. They are
    looked up by the ``img_path`` of the returned sample, not by index, because
    MMEngine's datasets return another sample when a pipeline rejects one.

    A packed sample gets the data field ``candidates``, torch.bool (C,); a plain
    results dict gets the key ``candidates``, ``numpy.bool_`` (C,). C = K + 1, index 0
    is the background and always true.

    Convention: the id of an image is its file stem (``2007_000032``). Where the
    table has no such entry, or images in different folders share a stem, folders
    are put in front (``aachen/0001``). No two image files may share one entry;
    the same file may come up several times (RepeatDataset, ConcatDataset).

    Args:
        dataset: config or instance of any dataset whose samples have an
            ``img_path`` and whose ``metainfo['classes']`` starts with 'background'.
        tags: a tag table (see :func:`~mmocr_wsss.datasets.tag_tables.read_tags`)
            or a dict {id: [class names]}. A relative path is taken from the
            ``data_root`` of the wrapped dataset (the first that has one). Entries of
            other images are allowed.
        lazy_init: put off reading the table and the checks until ``full_init``.
        background: False for data whose pixels all belong to a class: class id 0 is then no
            candidate of any image.

    Raises:
        FileNotFoundError: there is no tag table.
        ValueError: the classes do not start with the background; a transform mixes
            images; or the table lacks ids, names unknown classes or is ambiguous
            (one error with counts and first examples).
    """

    def __init__(
        self, dataset: Any, tags: Any, lazy_init: bool = False, background: bool = True
    ) -> None:
        if isinstance(dataset, Mapping):
            dataset = DATASETS.build(copy.deepcopy(dataset))
        self.dataset = dataset
        self.tags, self.background = tags, background
        refuse_mixing(dataset)
        self._metainfo = dataset.metainfo
        self.classes = _foreground_of(self._metainfo, type(dataset).__name__)
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    @property
    def metainfo(self) -> dict:
        """A copy of the wrapped dataset's metainfo."""
        return copy.deepcopy(self._metainfo)

    def full_init(self) -> None:
        """Read the wrapped dataset and the tag table, and check one against the other."""
        if self._fully_initialized:
            return
        self.dataset.full_init()
        source = self._tag_source()
        bad = Offenders(f'{describe(source)} for {type(self.dataset).__name__}')
        table = collect_tags(source, self.classes, bad)
        paths = _paths(self.dataset)
        self._tags_of_path = match_tags(set(paths), table, bad)
        for path, row in self._tags_of_path.items():
            if not self.background and not row.any():
                bad.add('image without tags, which background=False rules out', path)
        bad.raise_if_any(
            'Every image needs an entry {id: [class names]} whose id is its file stem, or '
            'its path without suffix where stems repeat (folder/stem), and names among '
            f'{list(self.classes)}.'
        )
        rows = {path: row for row, path in enumerate(self._tags_of_path)}
        matrix = np.array(list(self._tags_of_path.values()), bool).reshape(-1, len(self.classes))
        self._tag_matrix = matrix[[rows[path] for path in paths]]
        self._tag_matrix.flags.writeable = False
        self._fully_initialized = True

    @property
    def tag_matrix(self) -> np.ndarray:
        """(len, K) bool tags in the order of the items; read only."""
        self.full_init()
        return self._tag_matrix

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Data info of the wrapped dataset plus ``candidates``, ``numpy.bool_`` (C,)."""
        info = self.dataset.get_data_info(idx)
        info['candidates'] = self._candidates(info['img_path'])
        return info

    def __len__(self) -> int:
        return len(self.dataset)

    @force_full_init
    def __getitem__(self, idx: int) -> dict:
        return self._attach(self.dataset[idx])

    def get_subset_(self, indices: Any) -> None:
        """Refused, as by every MMEngine wrapper."""
        raise TypeError(
            'ImageTagDataset has no subsets of its own, since they would no longer agree with '
            'the wrapped dataset. Set `indices` in the config of the wrapped dataset.'
        )

    get_subset = get_subset_

    def _tag_source(self) -> Any:
        if isinstance(self.tags, Mapping):
            return self.tags
        path = os.fspath(self.tags)
        if os.path.isabs(path):
            return path
        roots = [root for leaf in _leaves(self.dataset) if (root := leaf.data_root)]
        return os.path.join(roots[0], path) if roots else path

    def _candidates(self, img_path: str) -> np.ndarray:
        if img_path not in self._tags_of_path:
            raise ValueError(
                f'the pipeline of {type(self.dataset).__name__} returned img_path={img_path!r}, '
                'which is no image of the dataset, so its tags are unknown. Keep `img_path` '
                'unchanged in the pipeline.'
            )
        return candidates_from_tags(self._tags_of_path[img_path], self.background)

    def _attach(self, sample: dict) -> dict:
        packed = sample.get('data_samples')
        if packed is None:
            sample['candidates'] = self._candidates(_img_path(sample))
            return sample
        for element in packed if isinstance(packed, (list, tuple)) else [packed]:
            candidates = self._candidates(_img_path(element))
            element.set_data({'candidates': torch.from_numpy(candidates)})
        return sample


def _img_path(sample: dict | BaseDataElement) -> str:
    path = sample.get('img_path')
    if path is None:
        raise ValueError(
            'ImageTagDataset finds the tags by the `img_path` of the sample, and the pipeline '
            "dropped it. List 'img_path' in the meta_keys of PackSegInputs."
        )
    return path


def _foreground_of(metainfo: dict, name: str) -> tuple[str, ...]:
    """The K foreground classes of a dataset whose class 0 is the background."""
    classes = list(metainfo.get('classes') or [])
    if classes[:1] != [BACKGROUND_NAME] or metainfo.get('reduce_zero_label'):
        raise ValueError(
            f'{name}: class id 0 must be {BACKGROUND_NAME!r} and stay it, since tags can only '
            f'rule out foreground classes; got classes {classes[:3]}... and reduce_zero_label='
            f'{metainfo.get("reduce_zero_label", False)}. Set metainfo=dict(classes=('
            f'{BACKGROUND_NAME!r}, ...)) for masks with 0 = background, and '
            'reduce_zero_label=False.'
        )
    return foreground_classes(classes[1:])


def _leaves(dataset: Any) -> Iterator[Any]:
    """The datasets with a ``data_root`` inside wrappers, in order."""
    if hasattr(dataset, 'data_root'):
        yield dataset
    for inner in getattr(dataset, 'datasets', [getattr(dataset, 'dataset', None)]):
        if inner is not None:
            yield from _leaves(inner)


def _paths(dataset: Any) -> list[str]:
    """``img_path`` of every item; a RepeatDataset is read once."""
    if isinstance(dataset, RepeatDataset):
        return _paths(dataset.dataset) * dataset.times
    return [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]


def match_tags(paths: set[str], table: Tags, bad: Offenders) -> Tags:
    """{img_path: tags} by the convention of :class:`ImageTagDataset`.

    Ids without tags and entries that several images share are noted in ``bad``.
    """
    ids_of = {path: possible_ids(path) for path in sorted(paths)}
    images = Counter(image_id for ids in ids_of.values() for image_id in ids)
    rows: Tags = {}
    for path, ids in ids_of.items():
        known = [image_id for image_id in ids if image_id in table]
        own = [image_id for image_id in known if images[image_id] == 1]
        if own:
            rows[path] = table[own[0]]
        elif known:
            bad.add('id that stands for several images', f'{known[0]} ({path})')
        else:
            bad.add('id without tags', f'{ids[0]} ({path})')
    return rows
