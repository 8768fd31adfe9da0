# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""How the C library treats the memory that training on a CPU frees after every operator."""

import ctypes

#: ``mallopt`` parameters of glibc (malloc.h).
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_TOP_PAD = 64 * 2**20  # bytes that the heap grows by


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, for its next allocation.

    glibc gives large blocks back to the system at once. PyTorch's CPU allocator asks it for
    every tensor, so each operator gets new pages, which the system clears and maps one by
    one. Kept blocks make training steps faster (``benchmarks/heap.py``); the process holds its
    peak to its end. Results are the same to the last bit.

    Returns:
        whether it was done; it is on Linux with glibc, elsewhere nothing changes.
    """
    try:
        mallopt = ctypes.CDLL('libc.so.6').mallopt
    except (OSError, AttributeError):
        return False
    never = ctypes.c_int(2**31 - 1)
    return bool(
        mallopt(_M_MMAP_MAX, 0)
        and mallopt(_M_TRIM_THRESHOLD, never)
        and mallopt(_M_TOP_PAD, _TOP_PAD)
    )
