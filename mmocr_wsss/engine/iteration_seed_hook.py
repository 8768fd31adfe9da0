# Copyright (c) mmocr_wsss contributors. All rights reserved.
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmocr_wsss.registry import HOOKS
from mmocr_wsss.seeding import derive_seed, seed_generators

#: First number of the keys, so that samples and iterations never share a seed.
ITERATIONS = 2


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Makes dropout and stochastic depth depend on the iteration only.

    Before every training step the generators of Python, numpy and torch are seeded
    from the seed of the run, the rank and the iteration: a resumed training drops
    the units that an undisturbed one drops, each process others. Validation in
    between does not matter. The data come with seeds of their own, see
    ``mmocr_wsss.SeededInfiniteSampler``.
    """

    # The last word before the step: other hooks may draw numbers too.
    priority = 'LOWEST'

    def before_run(self, runner: Runner) -> None:
        """Note the seed that the data loader was built with."""
        self.seed_of_data = runner.seed

    def before_train(self, runner: Runner) -> None:
        """Refuse a resumed training whose data would come in another order.

        Raises:
            ValueError: the checkpoint was trained with another seed.
        """
        if runner.seed != self.seed_of_data:
            raise ValueError(
                f'the checkpoint was trained with the seed {runner.seed}, this run shuffles with '
                f'{self.seed_of_data}. To go on exactly, use the same: --cfg-options '
                f'randomness.seed={runner.seed} (a fixed seed in the config spares you this).'
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        seed_generators(derive_seed(ITERATIONS, runner.seed, runner.rank, runner.iter))
