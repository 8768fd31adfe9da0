# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Peak memory of a measurement (Linux), each in a process of its own."""

import multiprocessing
import queue as queues
from collections.abc import Callable
from typing import Any


def reset_peak() -> int:
    """Reset the peak of this process's memory; returns the present value in KiB."""
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')
    return read_status('VmRSS')


def read_status(key: str) -> int:
    """A value of ``/proc/self/status`` in KiB: ``VmRSS`` (now) or ``VmHWM`` (peak)."""
    with open('/proc/self/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key))


def in_child(measure: Callable, *args: Any) -> Any:
    """What ``measure(*args, queue)`` puts into the queue, from a new process."""
    context = multiprocessing.get_context('spawn')
    queue = context.Queue()
    process = context.Process(target=measure, args=(*args, queue))
    process.start()
    while True:
        try:
            result = queue.get(timeout=5)
            break
        except queues.Empty:
            if not process.is_alive():
                raise RuntimeError(f'{measure.__name__}{args} failed, see above') from None
    process.join()
    return result
