# Copyright (c) mmocr_wsss contributors. All rights reserved.
"""Lines with the time left, in the manner of MMEngine's training log."""

import datetime
import time


class Progress:
    """Counts steps and prints about five lines on the way.

    Args:
        name: stands first in every line.
        total: number of steps, at least 1.
    """

    def __init__(self, name: str, total: int):
        self.name, self.total = name, total
        self.done, self.started = 0, time.time()

    def step(self) -> None:
        """Note that one more step is done."""
        self.done += 1
        if self.done % max(self.total // 5, 1) and self.done != self.total:
            return
        left = (time.time() - self.started) / self.done * (self.total - self.done)
        eta = datetime.timedelta(seconds=round(left))
        print(f'{self.name} [{self.done}/{self.total}]  eta: {eta}', flush=True)
