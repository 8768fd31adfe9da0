# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Random numbers that depend on the place in a training, not on what ran before.

The state of a random generator would have to be saved and restored, in every
data worker too. A seed computed from where the training stands needs neither:
a resumed run computes the same one.
"""

import random

import numpy as np
import torch


def derive_seed(*key: int) -> int:
    """A seed in 0..2**64 - 1 for a tuple of integers >= 0.

    Different keys give unrelated seeds, the same key gives the same one with every
    version and on every machine (numpy's ``SeedSequence``). Keys of different
    length may coincide: trailing zeros do not count.
    """
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch (all devices).

    Each gets a seed of its own: numpy and torch run the same algorithm, with one
    seed they would draw the same numbers.

    Args:
        seed: integer >= 0.
    """
    for_python, for_numpy, for_torch = map(int, np.random.SeedSequence(seed).generate_state(3))
    random.seed(for_python)
    np.random.seed(for_numpy)
    torch.manual_seed(for_torch)


class SeededIndex(int):
    """Index of a sample that also tells which draw of the training it is.

    An ordinary integer to everybody else. Keeps its key in pickles (so in data
    workers) and under ``- n`` and ``% n``, by which MMEngine's ``ConcatDataset``
    and ``RepeatDataset`` find the dataset and the sample behind an index.

    Args:
        value: index in the dataset.
        key: integers >= 0 that name the draw, see :func:`derive_seed`.
    """

    key: tuple[int, ...]

    def __new__(cls, value: int, key: tuple[int, ...]) -> 'SeededIndex':
        self = super().__new__(cls, value)
        self.key = key
        return self

    @property
    def seed(self) -> int:
        """Computed when asked for, since most indices are skipped when a training is resumed."""
        return derive_seed(*self.key)

    def __getnewargs__(self) -> tuple[int, tuple[int, ...]]:  # type: ignore[override]
        return int(self), self.key

    def __sub__(self, other: int) -> 'SeededIndex':
        return SeededIndex(int(self) - other, self.key)

    def __mod__(self, other: int) -> 'SeededIndex':
        return SeededIndex(int(self) % other, self.key)
