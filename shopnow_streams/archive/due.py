"""Up to which hour the archive has all that Kafka had by then: those hours may be sealed."""

from collections.abc import Mapping
from typing import NamedTuple

from shopnow_streams.archive.findings import Place
from shopnow_streams.archive.log import Log
from shopnow_streams.archive.tally import HOUR_MS
from shopnow_streams.errors import OffsetsLost
from sinks.chain import Range

MOST_HOURS = 48
"""Looked back: what the archive is further behind is not a matter of sealing."""


class Behind(NamedTuple):
    """The archive of a partition ends at `end`, and Kafka has records up to `wanted` of hours that are over."""

    place: Place
    end: int
    wanted: int


class Due(NamedTuple):
    """Hours before `until_ms` may be sealed. `behind`: why those after that may not, which are over too."""

    until_ms: int
    behind: list[Behind]


def due(log: Log, topic: str, ends: Mapping[int, int], now_ms: int) -> Due:
    """What is due at `now_ms`, with the archive's `ends` by partition. Blocks; raises KafkaUnavailable."""
    over_ms = now_ms // HOUR_MS * HOUR_MS
    reasons: list[Behind] = []
    for until_ms in range(over_ms, over_ms - MOST_HOURS * HOUR_MS, -HOUR_MS):
        behind = [
            Behind(Place(topic, number), ends.get(number, 0), wanted)
            for number, wanted in log.since(topic, until_ms).items()
            if not _reached(log, topic, number, ends.get(number, 0), wanted)
        ]
        reasons = reasons or behind
        if not behind:
            return Due(until_ms, reasons)
    return Due(0, reasons)


def _reached(log: Log, topic: str, partition: int, end: int, wanted: int) -> bool:
    """Whether no record is between: at the end of a log markers are, which no archive has."""
    if end >= wanted:
        return True
    begins = log.bounds(topic)[partition].first
    try:
        return (
            not log.holding(topic, partition, [Range(max(end, begins), wanted)]) if wanted > begins else end >= begins
        )
    except OffsetsLost:
        return False
