# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Augmentation that is the same whichever process loads the sample, and after a restart."""

from mmcv.transforms import BaseTransform

from mmocr_wsss.registry import TRANSFORMS
from mmocr_wsss.seeding import SeededIndex, seed_generators


@TRANSFORMS.register_module()
class SeedTransforms(BaseTransform):
    """Seed Python, numpy and torch for the transforms that follow; first in the pipeline.

    The transforms of mmcv, mmseg, mmpretrain and this package draw from the global
    generators. With ``mmocr_wsss.SeededInfiniteSampler`` every draw of a sample has a
    seed of its own, so its augmentation depends neither on the number of workers
    nor on where the training was resumed. In the main process (``num_workers=0``)
    the model's generators are seeded too; ``mmocr_wsss.IterationSeedHook`` seeds
    them anew before the step.

    Required key: ``sample_idx``, as set by MMEngine's datasets; becomes an ordinary int.
    """

    def transform(self, results: dict) -> dict:
        """Seed the generators from ``sample_idx``.

        Raises:
            ValueError: the index carries no seed.
        """
        index = results.get('sample_idx')
        if not isinstance(index, SeededIndex):
            raise ValueError(
                f'{results.get("img_path", "sample")}: SeedTransforms got the index {index!r}, '
                'which carries no seed. Use train_dataloader.sampler='
                "dict(type='mmocr_wsss.SeededInfiniteSampler') and leave SeedTransforms out of "
                'pipelines for validation and test. Where a transform gives None, the dataset '
                'draws another sample, without a seed: mend or remove that file.'
            )
        seed_generators(index.seed)
        results['sample_idx'] = int(index)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
