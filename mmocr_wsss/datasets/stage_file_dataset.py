# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Photos with one file each that an earlier stage made of them."""

import os.path as osp
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.cam_files import cam_path
from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.labels import foreground_classes
from mmocr_wsss.registry import DATASETS
from mmocr_wsss.stage_files import STAGE_FILE, read_stage


@DATASETS.register_module()
class StageFileDataset(BaseDataset):
    """Photos and the ``.npz`` files of a stage: CAMs, or CRF scores for AffinityNet.

    Item: ``img_path``, ``img_id``, ``stage_file`` and ``sample_idx``. Metainfo
    ``classes``: the K foreground names of the folder's ``stage.json``.

    Args:
        stage_dir: folder of the files, relative to the working directory, not to
            ``data_root``: it is made here and does not belong to the data.
        ann_file: list of image ids (see
            :func:`~mmocr_wsss.datasets.id_lists.read_id_list`); empty: all files of
            ``stage_dir``, sorted.
        data_root: folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``dict(img_path=FOLDER)``.
        classes: None: those of ``stage.json``; else as for ``TaggedImageDataset``.
        img_suffix: suffix of the photos.
        **kwargs: as for mmengine's ``BaseDataset`` (``pipeline``, ``indices``, ...).

    Raises:
        FileNotFoundError: a list or folder is not there.
        ValueError: photos or files are missing: one error with counts and examples.
    """

    def __init__(
        self,
        stage_dir: str,
        ann_file: str = '',
        data_root: str = '',
        data_prefix: dict = dict(img_path=''),  # noqa: B006
        classes: Any = None,
        img_suffix: str = '.jpg',
        **kwargs: Any,
    ) -> None:
        if not osp.isdir(stage_dir):
            raise FileNotFoundError(
                f'{stage_dir}: no such folder (stage_dir, looked at {osp.abspath(stage_dir)}). '
                'It is what the stage before this one writes.'
            )
        self.stage_dir, self.img_suffix = stage_dir, img_suffix
        if classes is None:
            classes = read_stage(stage_dir).get('classes')
            if classes is None:
                raise ValueError(f'{stage_dir}/{STAGE_FILE} names no classes; set classes.')
        super().__init__(
            ann_file=ann_file,
            metainfo=dict(classes=foreground_classes(classes)),
            data_root=data_root,
            data_prefix=data_prefix,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """One dict per image, in the order of the list."""
        ids = read_id_list(self.ann_file) if self.ann_file else self._ids()
        bad = Offenders(f'{self.stage_dir} for {self.ann_file or "all its files"}')
        items = []
        for image_id in ids:
            photo = osp.join(self.data_prefix['img_path'], image_id + self.img_suffix)
            file = cam_path(self.stage_dir, image_id)
            if not osp.isfile(photo):
                bad.add('missing photo', photo)
            if not file.is_file():
                bad.add('missing file', file)
            items.append(dict(img_path=photo, img_id=image_id, stage_file=str(file)))
        bad.raise_if_any(
            'Every image needs a photo and a file of the stage before. Run that stage to its end, '
            'check data_root, data_prefix and img_suffix, or take the ids out of the list.'
        )
        return items

    def _ids(self) -> list[str]:
        paths = Path(self.stage_dir).rglob('[!.]*.npz')
        names = (path.relative_to(self.stage_dir).as_posix() for path in paths)
        ids = sorted(name.removesuffix('.npz') for name in names)
        if not ids:
            raise ValueError(
                f'{self.stage_dir}: holds no .npz file. Run the stage before this one, or set '
                'stage_dir.'
            )
        return ids
