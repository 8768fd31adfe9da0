# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Part of a dataset, whose items may turn out unreadable without ending the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import Dataset


@dataclass(frozen=True)
class FailedImage:
    """Stands for an item that no result can be made of; ``rule`` is what is wrong with it."""

    path: str
    rule: str
    reason: str

    @classmethod
    def of(cls, path: str, rule: str, error: Exception) -> 'FailedImage':
        """The reason is the error, named."""
        return cls(path, rule, f'{type(error).__name__}: {error}')


class ReadableItems(Dataset):
    """The items ``indices`` of a dataset; one that fails to load is a ``FailedImage``.

    Only loading may fail: errors of later transforms are those of the pipeline and
    end the run, with the path of the image.

    Args:
        dataset: an mmengine dataset whose data infos have an ``img_path``.
        indices: positions in it.
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, list(indices)
        self.metainfo = dataset.metainfo

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> Any:
        item = self.dataset.get_data_info(self.indices[position])
        path = item['img_path']
        for step in self.dataset.pipeline.transforms:
            loaded = 'img' in item
            try:
                item = step(item)
            # Readers fail in many ways on foreign bytes, with an AttributeError on None too.
            except Exception as error:
                if not loaded:
                    return FailedImage.of(path, 'unreadable image', error)
                name = type(step).__name__
                raise RuntimeError(f'{path}: {name} of the pipeline fails ({error})') from error
        return item
