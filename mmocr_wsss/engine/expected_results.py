# Copyright (c) mmocr_wsss contributors. All rights reserved.
import math
from collections.abc import Sequence


def check_expected_results(
    metrics: dict[str, float], expected: Sequence[tuple[str, float, float]]
) -> list[str]:
    """Compare measured metrics with ``expected_results`` of a config.

    Args:
        metrics: {name: value} as the evaluators return them.
        expected: (name, value, tolerance) triples; the tolerance is absolute,
            two-sided and inclusive.

    Returns:
        One line per triple that is not met; empty when all are.
    """
    faults = []
    for name, value, tolerance in expected:
        if name not in metrics:
            faults.append(f'{name} was not measured; there are {sorted(metrics)}')
        # Written so that NaN is a fault.
        elif not math.fabs(metrics[name] - value) <= tolerance:
            faults.append(f'{name} is {metrics[name]:g}, expected {value:g} +- {tolerance:g}')
    return faults
