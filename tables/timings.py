"""How long the tables' work takes: histograms for `/metrics`, observed a slice or a cut at a time, never an event."""

from collections.abc import Iterator

from prometheus_client import Histogram
from prometheus_client.core import Metric

_FOLD_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)
_FLUSH_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_RESTORE_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Timings:
    """In no registry: `collect` gives them to the one that is asked."""

    def __init__(self) -> None:
        self.fold = _histogram("shopnow_fold_seconds", "Time to fold a slice of a batch, 250 records at most", _FOLD_S)
        self.flush = _histogram(
            "shopnow_flush_seconds", "Time from a cut of a partition to its being durable", _FLUSH_S
        )
        self.restore = _histogram(
            "shopnow_restore_seconds",
            "Time to take partitions over: to fence, and to read their changelogs",
            _RESTORE_S,
        )

    def collect(self) -> Iterator[Metric]:
        """All of them, as of now."""
        for histogram in (self.fold, self.flush, self.restore):
            yield from histogram.collect()


def _histogram(name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, meaning, buckets=buckets, registry=None)
