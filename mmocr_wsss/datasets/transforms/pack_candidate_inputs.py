# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""mmseg's packer, with candidates."""

from collections.abc import Sequence

import numpy as np
import torch
from mmseg.datasets.transforms import PackSegInputs

from mmocr_wsss.registry import TRANSFORMS

META_KEYS = (
    'img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape', 'scale_factor', 'flip',
    'flip_direction', 'reduce_zero_label', 'valid_box',
)  # fmt: skip


@TRANSFORMS.register_module()
class PackCandidateInputs(PackSegInputs):
    """mmseg's PackSegInputs; also packs ``candidates`` as a data field.

    Only needed where candidates are in the results before packing, that is for
    mosaics; otherwise ``mmocr_wsss.ImageTagDataset`` attaches them to what the
    stock packer gives. A data field, unlike metainfo, moves with ``.to(device)``.

    Required key: ``candidates``, bool (C,). Added: ``data_samples.candidates``,
    torch.bool (C,).

    Args:
        meta_keys: as for PackSegInputs; its defaults and ``valid_box``.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        super().__init__(meta_keys=meta_keys)

    def transform(self, results: dict) -> dict:
        """Give ``inputs`` and ``data_samples`` in place of the results.

        Raises:
            ValueError: there are no candidates in them.
        """
        if 'candidates' not in results:
            raise ValueError(
                'PackCandidateInputs finds no `candidates` in the results. Wrap the dataset in '
                'mmocr_wsss.ImageTagDataset inside MultiImageMixDataset, or pack with '
                'PackSegInputs and wrap it outside.'
            )
        packed = super().transform(results)
        candidates = torch.from_numpy(np.array(results['candidates'], dtype=bool))
        packed['data_samples'].set_data({'candidates': candidates})
        return packed
