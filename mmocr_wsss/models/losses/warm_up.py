# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""When in a training a term begins to count, and how much."""

from mmengine.logging import MessageHub


def check_schedule(start_iter: int | float, loss_weight: float) -> None:
    """Raise a ValueError unless ``start_iter`` is an int >= 0 or a float in [0, 1), weight >= 0."""
    if not loss_weight >= 0:
        raise ValueError(f'loss_weight must be >= 0, got {loss_weight}.')
    if start_iter < 0 or (isinstance(start_iter, float) and start_iter >= 1):
        raise ValueError(
            'start_iter must be a number of iterations (int >= 0) or a share of the '
            f'schedule (float in [0, 1)), got {start_iter!r}.'
        )


def has_started(start_iter: int | float) -> bool:
    """Whether a warm-up is over, by the progress that the runner publishes.

    Args:
        start_iter: iterations (int), or a share of the schedule (float in [0, 1)).

    Raises:
        ValueError: there is a warm-up, and no runner is running.
    """
    if not start_iter:
        return True
    hub = MessageHub.get_current_instance()
    done, planned = hub.get_info('iter'), hub.get_info('max_iters')
    if done is None or planned is None:
        raise ValueError(
            f'start_iter={start_iter!r} needs the progress of an MMEngine runner, and '
            'none is running. Use start_iter=0 in a training loop of your own.'
        )
    return done >= (start_iter * planned if isinstance(start_iter, float) else start_iter)
