# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Freed memory is kept where glibc is the C library."""

import ctypes
import sys

import pytest

from mmocr_wsss.engine import heap

FAULTS = """
import resource, sys, torch
from mmocr_wsss.engine.heap import keep_freed_memory
if sys.argv[1] == 'keep':
    assert keep_freed_memory()
total = torch.zeros(())
for number in range(20):
    if number == 5:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    total += torch.full((100 * 2**18,), float(number)).sum()  # 100 MiB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, total.item())
"""


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='glibc is asked')
def test_a_freed_tensor_is_used_again(run_process):
    found = {}
    for mode in ('default', 'keep'):
        done = run_process(sys.executable, '-c', FAULTS, mode)
        assert done.returncode == 0, done.stderr
        found[mode] = done.stdout.split()
    assert int(found['keep'][0]) < 1000 < int(found['default'][0])
    assert found['keep'][1] == found['default'][1]


def test_another_c_library_is_left_alone(monkeypatch):
    def missing(name):
        raise OSError(f'{name}: cannot open shared object file')

    monkeypatch.setattr(ctypes, 'CDLL', missing)
    assert not heap.keep_freed_memory()
