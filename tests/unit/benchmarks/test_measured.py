"""A process's use is measured from the beginning of the block."""

import os
import time

from benchmarks.measured import Measured


def spend(cpu_s: float) -> None:
    until = time.process_time() + cpu_s
    while time.process_time() < until:
        pass


def test_processor_time_from_before_the_block_is_not_counted() -> None:
    spend(0.3)  # this process has at least that behind it
    with Measured(os.getpid(), every_s=0.01) as measured:
        spend(0.1)
        time.sleep(0.05)
    assert 0.05 <= measured.cpu_s < 0.25
    assert measured.peak_rss_bytes > 1e6
