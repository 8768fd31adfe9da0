# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Photos and their image-level tags: what a CAM classifier is trained on."""

import os
import os.path as osp
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine import fileio
from mmengine.dataset import BaseDataset

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.datasets.mask_files import map_files, require_data_folder
from mmocr_wsss.datasets.tag_tables import collect_tags, describe
from mmocr_wsss.labels import foreground_classes
from mmocr_wsss.registry import DATASETS


@DATASETS.register_module()
class TaggedImageDataset(BaseDataset):
    """A list of images with a multi-hot vector of tags each.

    The items are what mmpretrain's multi-label classifiers expect. There are no
    masks here: nothing that is trained or made from this dataset sees any.

    Item: ``img_path``, ``img_id``, ``gt_score`` float32 (K,) in {0, 1} and
    ``sample_idx``. Metainfo ``classes``: the K foreground names, without background.

    Args:
        classes: ``'voc'``, ``'coco14'`` or the K foreground names in id order.
        tags: tag table (see :func:`~mmocr_wsss.datasets.tag_tables.read_tags`); a
            relative path lies in ``data_root``. Entries of other images are allowed.
        ann_file: list of image ids (see
            :func:`~mmocr_wsss.datasets.id_lists.read_id_list`); empty: all images of
            the folder, sorted.
        data_root: folder that ``ann_file``, ``tags`` and ``data_prefix`` are relative to.
        data_prefix: ``dict(img_path=FOLDER)``.
        img_suffix: suffix of the image files behind the id.
        backend_args: as for mmengine's file backends.
        background: False for data whose pixels all belong to a class: every image needs a
            tag, and the CAMs note it for the stages after them.
        **kwargs: as for mmengine's ``BaseDataset`` (``pipeline``, ``indices``, ...).

    Raises:
        FileNotFoundError: a list, folder or tag table is not there.
        ValueError: images are missing or without tags, or the tag table is
            malformed: one error with counts and first examples.
    """

    def __init__(
        self,
        classes: str | Sequence[str],
        tags: Any,
        ann_file: str = '',
        data_root: str = '',
        data_prefix: dict = dict(img_path=''),  # noqa: B006
        img_suffix: str = '.jpg',
        backend_args: dict | None = None,
        background: bool = True,
        **kwargs: Any,
    ) -> None:
        self.classes = foreground_classes(classes)
        self.tags, self.img_suffix, self.backend_args = tags, img_suffix, backend_args
        self.background = background
        super().__init__(
            ann_file=ann_file,
            metainfo=dict(classes=self.classes),
            data_root=data_root,
            data_prefix=data_prefix,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """One dict per image, in the order of the list.

        Raises:
            FileNotFoundError: the folder of the photos is not there.
            ValueError: photos or tags are missing or malformed: one error for all.
        """
        folder = self.data_prefix['img_path']
        require_data_folder(self.data_prefix, 'img_path', self.data_root, self.backend_args)
        ids = read_id_list(self.ann_file) if self.ann_file else self._ids_in(folder)
        source = self._tag_source()
        bad = Offenders(f'{describe(source)} for {self.ann_file or folder}')
        table = collect_tags(source, self.classes, bad)
        paths = [osp.join(folder, image_id + self.img_suffix) for image_id in ids]
        there = map_files(lambda path: fileio.exists(path, self.backend_args), paths)
        for image_id, path, exists in zip(ids, paths, there, strict=True):
            if not exists:
                bad.add('missing image', path)
            if image_id not in table:
                bad.add('id without tags', image_id)
            elif not self.background and not table[image_id].any():
                bad.add('id with no tag at all, which background=False rules out', image_id)
        bad.raise_if_any(
            'Every listed image needs a file and an entry {id: [class names]} with names among '
            f'{list(self.classes)}. Check data_root, data_prefix, img_suffix, tags and classes, or '
            'take the ids out of the list.'
        )
        return [
            dict(img_path=path, img_id=image_id, gt_score=table[image_id].astype(np.float32))
            for image_id, path in zip(ids, paths, strict=True)
        ]

    @property
    def tag_matrix(self) -> np.ndarray:
        """(len, K) bool tags in the order of the items."""
        self.full_init()
        rows = [self.get_data_info(index)['gt_score'] for index in range(len(self))]
        return np.array(rows, bool).reshape(-1, len(self.classes))

    def _ids_in(self, folder: str) -> list[str]:
        names = fileio.list_dir_or_file(
            folder, list_dir=False, suffix=self.img_suffix, recursive=True,
            backend_args=self.backend_args,
        )  # fmt: skip
        ids = sorted(name.removesuffix(self.img_suffix) for name in names)
        if not ids:
            there = Counter(osp.splitext(name)[1] for name in fileio.list_dir_or_file(
                folder, list_dir=False, recursive=True, backend_args=self.backend_args
            ))  # fmt: skip
            raise ValueError(
                f'{folder}: no file ends with {self.img_suffix!r}, there are '
                f'{dict(there.most_common(5)) or "none at all"}. Set img_suffix or data_prefix.'
            )
        return ids

    def _tag_source(self) -> Any:
        if not isinstance(self.tags, (str, os.PathLike)):
            return self.tags
        return osp.join(self.data_root, os.fspath(self.tags))
