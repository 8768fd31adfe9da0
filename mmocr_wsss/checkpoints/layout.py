# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Convert a state dict between an official naming and ours, by a table of tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_COUNTER = 'num_batches_tracked'
#: A side that the table leaves open, such as the number of classes.
ANY = -1


@dataclass(frozen=True)
class Layout:
    """Tensors of one kind of official file.

    Counters ``num_batches_tracked`` are never listed: they are optional in files
    (old PyTorch did not write them) and set to 0 where absent.

    Args:
        name: what the file is, for messages.
        shapes: official key -> shape; ``ANY`` matches every size.
        targets: official key -> our key; None drops the tensor.
    """

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    targets: Mapping[str, str | None]

    @property
    def inverse(self) -> 'Layout':
        """The table from our names back to the official ones.

        Raises:
            ValueError: the conversion drops tensors, so there is no way back.
        """
        dropped = [key for key, target in self.targets.items() if target is None]
        if dropped:
            raise ValueError(
                f'{self.name}: the conversion drops {dropped[:5]}, so an official file cannot '
                'be made from ours.'
            )
        kept = {key: target for key, target in self.targets.items() if target is not None}
        return Layout(
            f'{self.name} converted',
            {kept[key]: shape for key, shape in self.shapes.items()},
            {target: key for key, target in kept.items()},
        )

    def distance(self, state: Mapping[str, Tensor]) -> int:
        """How many keys a file has too many or too few."""
        return len(set(self.shapes) ^ _without_counters(state))


def _without_counters(state: Mapping[str, Tensor]) -> set[str]:
    return {key for key in state if not key.endswith(_COUNTER)}


def closest_layout(state: Mapping[str, Tensor], layouts: Sequence[Layout]) -> Layout:
    """The layout whose keys fit best; the first one on a tie."""
    return min(layouts, key=lambda layout: layout.distance(state))


def convert_state_dict(
    state: Mapping[str, Tensor], layout: Layout, *, where: str
) -> dict[str, Tensor]:
    """Rename the tensors of a file.

    Args:
        state: official key -> tensor.
        layout: the table to apply.
        where: path of the file, for messages.

    Returns:
        our key -> tensor in the order of the table, with all counters.

    Raises:
        ValueError: keys are missing or unexpected, or shapes are wrong; one
            error with all three counts and the first examples.
    """
    present = _without_counters(state)
    missing = [key for key in layout.shapes if key not in present]
    unexpected = sorted(present - set(layout.shapes))
    wrong = [
        f'{key} {tuple(state[key].shape)} instead of {tuple(shape)}'
        for key, shape in layout.shapes.items()
        if key in present and not _fits(tuple(state[key].shape), shape)
    ]
    problems = [
        f'  {len(found)} {kind}: {", ".join(found[:5])}{", ..." if len(found) > 5 else ""}'
        for kind, found in (('missing', missing), ('unexpected', unexpected),
                            ('of wrong shape', wrong))
        if found
    ]  # fmt: skip
    if problems:
        raise ValueError(
            '\n'.join([f'{where}: not a file of the kind "{layout.name}":', *problems])
        )
    converted = {}
    for key, target in layout.targets.items():
        if target is None:
            continue
        converted[target] = state[key]
        if key.endswith('running_var'):
            zero = torch.zeros((), dtype=torch.int64)
            counter = state.get(key.replace('running_var', _COUNTER), zero)
            converted[target.replace('running_var', _COUNTER)] = counter
    return converted


def _fits(shape: tuple[int, ...], rule: tuple[int, ...]) -> bool:
    return len(shape) == len(rule) and all(r in (ANY, s) for s, r in zip(shape, rule, strict=True))
