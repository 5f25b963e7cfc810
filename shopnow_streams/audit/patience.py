"""Waiting for others to come as far as the workers were when they were asked."""

import time
from collections.abc import Callable, Mapping

from shopnow_streams.errors import AuditImpossible

Offsets = Mapping[str, Mapping[int, int]]
"""Next offset by topic and partition."""

_PAUSE_S = 1.0


def behind(wanted: Offsets, reached: Offsets) -> dict[tuple[str, int], int]:
    """How many offsets are lacking, where some are."""
    lacking = {
        (topic, partition): offset - reached.get(topic, {}).get(partition, 0)
        for topic, partitions in wanted.items()
        for partition, offset in partitions.items()
    }
    return {at: count for at, count in lacking.items() if count > 0}


class Patience:
    """Waits `wait_s` in all, whatever for. `tell` gets a line now and then that says for what and how much is left."""

    def __init__(self, wait_s: float, tell: Callable[[str], None]) -> None:
        self._deadline = time.monotonic() + wait_s
        self._wait_s = wait_s
        self._tell = tell

    def until(self, who: str, wanted: Offsets, reached: Callable[[], Offsets], hint: str) -> None:
        """Block until `reached` has come to `wanted`. Raises AuditImpossible where the time is over before."""
        while lacking := behind(wanted, reached()):
            total = sum(lacking.values())
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                (topic, partition), count = max(lacking.items(), key=lambda each: each[1])
                raise AuditImpossible(
                    f"{who} did not come as far as the workers within {self._wait_s:g} s: {total:,} offsets are "
                    f"lacking, {count:,} of them in {topic} partition {partition}. {hint}"
                )
            self._tell(f"waiting for {who}: {total:,} offsets behind, {left_s:.0f} s left")
            time.sleep(min(_PAUSE_S, max(0.0, left_s)))
