# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Samples that carry the seed of their augmentation."""

from collections.abc import Iterator

from mmengine.dataset import InfiniteSampler

from mmocr_wsss.registry import DATA_SAMPLERS
from mmocr_wsss.seeding import SeededIndex

#: First number of the keys, so that samples and iterations never share a seed.
SAMPLES = 1


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """MMEngine's InfiniteSampler, same order; every index carries a seed for its transforms.

    The seed follows from the sampler's seed, the rank and the position in the
    stream of this rank. ``mmocr_wsss.SeedTransforms``, first in the pipeline, uses
    it. Resuming skips the indices that were used, so positions go on as well.

    Args: those of InfiniteSampler.
    """

    def _indices_of_rank(self) -> Iterator[SeededIndex]:
        for position, index in enumerate(super()._indices_of_rank()):
            yield SeededIndex(index, (SAMPLES, self.seed, self.rank, position))
