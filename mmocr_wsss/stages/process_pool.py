# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""One function over many files, in several processes."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import torch
from mmengine.utils import ProgressBar

Item = TypeVar('Item')
Result = TypeVar('Result')

_MAX_CHUNK = 32  # images that a process takes at once; the bar moves by as many


def map_chunks(
    function: Callable[[Sequence[Item]], Result], ids: Sequence[Item], *, jobs: int
) -> Iterator[Result]:
    """``function(chunk)`` for consecutive chunks of ``ids``, in their order.

    A bar with the time left goes to the error stream. The results do not depend on
    ``jobs`` if they are merged by an operation that does not care about the cuts.

    Args:
        function: must be picklable if ``jobs`` > 1.
        ids: image ids.
        jobs: processes; 1 works in this one.

    Raises:
        ValueError: ``jobs`` is not positive, or one of the processes was killed.
    """
    if jobs < 1:
        raise ValueError(f'jobs must be >= 1, got {jobs}.')
    size = max(1, min(_MAX_CHUNK, len(ids) // (4 * jobs)))
    chunks = [ids[start : start + size] for start in range(0, len(ids), size)]
    bar = ProgressBar(len(ids), file=sys.stderr)
    try:
        for chunk, result in zip(chunks, _map(function, chunks, jobs), strict=True):
            bar.update(len(chunk))
            yield result
    finally:
        sys.stderr.write('\n')  # an error message begins a line


def _map(function, chunks, jobs):
    if jobs == 1:
        yield from map(function, chunks)
        return
    # One thread per process: more would fight for the cores, and OpenMP's do not survive a fork.
    with ProcessPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield from pool.map(function, chunks)
        except BrokenProcessPool as error:
            raise ValueError(
                f'one of the {jobs} processes (--jobs) was killed from outside, mostly by the '
                'system for want of memory (`dmesg` says so). Run the same command again with '
                'fewer; files that are finished are kept.'
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
