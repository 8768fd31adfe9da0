# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Part of a dataset, whose items may turn out unreadable without ending the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import Dataset


@dataclass(frozen=True)
class UnreadableImage:
    """Stands for an item whose file could not be loaded."""

    path: str
    reason: str


class ReadableItems(Dataset):
    """The items ``indices`` of a dataset; one that fails to load is an ``UnreadableImage``.

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
        info = self.dataset.get_data_info(self.indices[position])
        path = info['img_path']
        try:
            return self.dataset.pipeline(info)
        # Readers fail in many ways on foreign bytes, with an AttributeError on None too.
        except Exception as error:
            return UnreadableImage(path, f'{type(error).__name__}: {error}')
