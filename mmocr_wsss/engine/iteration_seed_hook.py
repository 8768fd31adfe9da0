# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Dropout that a resumed training draws as an undisturbed one does."""

import logging
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmocr_wsss.registry import HOOKS
from mmocr_wsss.seeding import derive_seed, seed_generators

#: First number of the keys, so that samples and iterations never share a seed.
ITERATIONS = 2
#: Key in the ``meta`` of a checkpoint.
DATA_ORDER = 'data_order'


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
        self.seed_of_data, self.trained_with = runner.seed, {}

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note what the order of the data depends on, beside the seed."""
        checkpoint['meta'][DATA_ORDER] = _data_order(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep it for :meth:`before_train`; files of others have none."""
        self.trained_with = checkpoint.get('meta', {}).get(DATA_ORDER, {})

    def before_train(self, runner: Runner) -> None:
        """Refuse a resumed training that shuffles with another seed.

        Where only the number of processes, the batch or the dataset changed, on
        purpose perhaps, a warning says that the order of the data differs.

        Raises:
            ValueError: the checkpoint was trained with another seed.
        """
        if runner.seed != self.seed_of_data:
            raise ValueError(
                f'the checkpoint was trained with the seed {runner.seed}, this run shuffles with '
                f'{self.seed_of_data}. To go on exactly, use the same: --cfg-options '
                f'randomness.seed={runner.seed} (a fixed seed in the config spares you this).'
            )
        if runner.iter == 0 or not self.trained_with:
            return
        now = _data_order(runner)
        changes = [
            f'{name} {then}, now {now.get(name)}'
            for name, then in self.trained_with.items()
            if then != now.get(name)
        ]
        if changes:
            print_log(
                f'the checkpoint was trained with {"; ".join(changes)}: the data come in another '
                'order, and the result is not that of an undisturbed training',
                'current',
                logging.WARNING,
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seed the generators of this process."""
        seed_generators(derive_seed(ITERATIONS, runner.seed, runner.rank, runner.iter))


def _data_order(runner: Runner) -> dict[str, int]:
    loader = runner.train_dataloader
    return {
        'processes': runner.world_size,
        'images per process and step': loader.batch_size,
        'images in the dataset': len(loader.dataset),
    }
