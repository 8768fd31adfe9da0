# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Find transforms that mix images, whose samples have no single image id."""

import re
from collections.abc import Iterator
from typing import Any

_MIXING_NAMES = re.compile(r'mosaic|mixup|cutmix|copypaste', re.IGNORECASE)


def refuse_mixing(dataset: Any) -> None:
    """Refuse a dataset that shows several images in one sample.

    Raises:
        ValueError: the dataset or one inside it mixes images; names the type.
    """
    found = next(_mixing_types(dataset), None)
    if found is not None:
        raise ValueError(
            f'ImageTagDataset cannot wrap {found}: its samples show several images, but the '
            'tags would be those of one. Turn it around: MultiImageMixDataset(dataset='
            "dict(type='mmocr_wsss.ImageTagDataset', ...), pipeline=[...]) with "
            "'mmocr_wsss.CandidateMosaic' as the mosaic and 'mmocr_wsss.PackCandidateInputs' "
            'as the packer.'
        )


def _mixing_types(dataset: Any) -> Iterator[str]:
    if any(base.__name__ == 'MultiImageMixDataset' for base in type(dataset).__mro__):
        yield type(dataset).__name__
    for transform in _transforms(getattr(dataset, 'pipeline', None)):
        name = type(transform).__name__
        if hasattr(transform, 'get_indices') or _MIXING_NAMES.search(name):
            yield name
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    for one in inner:
        if one is not None:
            yield from _mixing_types(one)


def _transforms(node: Any) -> Iterator[Any]:
    """All transforms below a pipeline, Compose, RandomChoice, RandomApply and so on."""
    if isinstance(node, (list, tuple)):
        for child in node:
            yield from _transforms(child)
    elif node is not None:
        yield node
        yield from _transforms(getattr(node, 'transforms', None))
