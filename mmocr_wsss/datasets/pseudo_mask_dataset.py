# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Photos from one folder, masks made by some weakly supervised method from another."""

import logging
import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmengine import fileio
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset

from mmocr_wsss.artifacts import Offenders
from mmocr_wsss.datasets.id_lists import read_id_list
from mmocr_wsss.datasets.mask_files import (
    image_size,
    map_files,
    mask_size_and_ids,
    out_of_range_ids,
    require_data_folder,
)
from mmocr_wsss.datasets.true_masks import refuse_true_masks
from mmocr_wsss.labels import BACKGROUND_NAME, foreground_classes, palette
from mmocr_wsss.registry import DATASETS


@DATASETS.register_module()
class PseudoMaskDataset(BaseSegDataset):
    """Images and pseudo masks from two folders, checked before training starts.

    Convention: masks are 8-bit grey or palette PNGs of class ids: 0 background,
    1..K the classes in the order of ``classes``, 255 ignore.

    Args:
        classes: ``'voc'``, ``'coco14'`` or the K foreground names in id order.
        ann_file: list of image ids (see
            :func:`~mmocr_wsss.datasets.id_lists.read_id_list`; the path style of
            PSA is understood, its mask column is not used). Empty: all images.
        data_root: folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: folders ``img_path`` and ``seg_map_path``. With ``test_mode`` the second
            may be missing: there are photos alone, and the pipeline loads no masks.
        check_masks: also read all masks and all image headers: class ids in range,
            and mask and image of one size. That the files exist is always checked.
        allow_true_masks: train on true masks on purpose; else folders that hold those of
            the dataset are refused unless ``test_mode`` is set
            (:func:`~mmocr_wsss.datasets.true_masks.refuse_true_masks`).
        metainfo: further entries; not ``classes``.
        reduce_zero_label: must be false, 0 is the background.
        **kwargs: as for mmseg's ``BaseSegDataset`` (``img_suffix='.jpg'``,
            ``seg_map_suffix='.png'``, ``pipeline``, ``indices``, ...).

    Raises:
        FileNotFoundError: there is no ``ann_file`` or no such folder.
        ValueError: at full initialisation, one error with counts and first
            examples: missing images, missing or unreadable masks, ids out of
            range, other size than the image.
        TrueMasksError: the masks are the true ones of the dataset.
    """

    _fully_initialized: bool

    def __init__(
        self,
        classes: str | Sequence[str],
        ann_file: str = '',
        data_root: str | None = None,
        data_prefix: dict | None = None,
        check_masks: bool = True,
        allow_true_masks: bool = False,
        metainfo: dict | None = None,
        reduce_zero_label: bool = False,
        **kwargs: Any,
    ) -> None:
        if reduce_zero_label:
            raise ValueError('reduce_zero_label=True would drop the background, class id 0.')
        if metainfo and {'classes', 'palette'} & set(metainfo):
            raise ValueError('name the classes by `classes`; metainfo gets them from there.')
        self._blind = bool(kwargs.get('test_mode')) and 'seg_map_path' not in (data_prefix or {})
        needed = {'img_path'} if self._blind else {'img_path', 'seg_map_path'}
        missing = needed - set(data_prefix or {})
        if missing:
            raise ValueError(
                'data_prefix must name the folders img_path and seg_map_path, '
                f'{sorted(missing)} is missing.'
            )
        names = (BACKGROUND_NAME, *foreground_classes(classes))
        self.check_masks, self.allow_true_masks = check_masks, allow_true_masks
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix,
            metainfo={**(metainfo or {}), 'classes': names, 'palette': palette(len(names))},
            reduce_zero_label=False,
            **kwargs,
        )

    def full_init(self) -> None:
        """Load the list and check the files of the images that are used."""
        if self._fully_initialized:
            return
        super().full_init()
        try:
            self._check_files()
            self._check_origin()
        except ValueError:
            self._fully_initialized = False
            raise

    def load_data_list(self) -> list[dict]:
        """Data infos of all ids, in the order of the list file.

        Raises:
            FileNotFoundError: a folder is not there.
            ValueError: there is no list, and no photo with the suffix.
        """
        for key in ('img_path',) if self._blind else ('img_path', 'seg_map_path'):
            require_data_folder(self.data_prefix, key, self.data_root, self.backend_args)
        if not self.ann_file:
            infos = super().load_data_list()
            if not infos:
                raise ValueError(
                    f'{self.data_prefix["img_path"]}: no file ends with {self.img_suffix!r}. '
                    'Check data_prefix and img_suffix.'
                )
            return infos
        return [self._data_info(image_id) for image_id in read_id_list(self.ann_file)]

    def _data_info(self, image_id: str) -> dict:
        folders = self.data_prefix
        info = {
            'img_path': osp.join(folders['img_path'], image_id + self.img_suffix),
            'label_map': self.label_map,
            'reduce_zero_label': False,
            'seg_fields': [],
        }
        if not self._blind:
            mask = osp.join(folders['seg_map_path'], image_id + self.seg_map_suffix)
            info['seg_map_path'] = mask
        return info

    def _check_files(self) -> None:
        infos = [self.get_data_info(index) for index in range(len(self))]
        bad = Offenders(f'{type(self).__name__} {self.ann_file or self.data_prefix["img_path"]}')
        for problems in map_files(self._problems_of, infos):
            for rule, example in problems:
                bad.add(rule, example)
        bad.raise_if_any(
            f'Every image needs a mask of its size with ids 0..{len(self.metainfo["classes"]) - 1}'
            ' or 255. Check data_root, data_prefix, img_suffix, seg_map_suffix and classes, or '
            'take the ids out of the list.'
        )

    def _check_origin(self) -> None:
        if self.test_mode or self.backend_args is not None:
            return
        folder = self.data_prefix['seg_map_path']
        if self.allow_true_masks:
            print_log(f'allow_true_masks: {folder} is not checked', 'current', logging.WARNING)
            return
        infos = (self.get_data_info(index) for index in range(len(self)))
        names = [osp.relpath(info['seg_map_path'], folder) for info in infos]
        refuse_true_masks(folder, self.data_root, names)

    def _problems_of(self, info: dict) -> list[tuple[str, str]]:
        image, mask = info['img_path'], info.get('seg_map_path')
        problems = []
        if not fileio.exists(image, self.backend_args):
            problems.append(('missing image', image))
        if mask is not None and not fileio.exists(mask, self.backend_args):
            problems.append(('missing mask', mask))
        if problems or mask is None or not self.check_masks:
            return problems
        try:
            size, ids = mask_size_and_ids(mask, self.backend_args)
        except (OSError, ValueError) as error:
            return [('mask that cannot be read as 8-bit class ids', f'{mask} ({error})')]
        extra = out_of_range_ids(ids, len(self._metainfo['classes']))
        if extra:
            problems.append(('mask with class ids out of range', f'{mask} {extra}'))
        try:
            shown = image_size(image, self.backend_args)
        except OSError as error:
            return [*problems, ('image that cannot be read', f'{image} ({error})')]
        if shown != size:
            problems.append(('mask of another size than its image', f'{mask} {size} not {shown}'))
        return problems
