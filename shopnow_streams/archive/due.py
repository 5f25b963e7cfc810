"""Up to which hour the archive has all that Kafka has: those hours may be sealed."""

from collections.abc import Mapping
from typing import NamedTuple

from shopnow_streams.archive.findings import Place
from shopnow_streams.archive.log import Log
from shopnow_streams.archive.tally import HOUR_MS
from shopnow_streams.errors import OffsetsLost, TopicMismatch
from sinks.chain import Range


class Behind(NamedTuple):
    """The archive of a partition ends at `end`, and Kafka has more of the hour that begins at `hour_ms`."""

    place: Place
    end: int
    hour_ms: int


class Due(NamedTuple):
    """Hours before `until_ms` may be sealed. `behind`: why those after that may not, which are over too."""

    until_ms: int
    behind: list[Behind]


def due(log: Log, topic: str, ends: Mapping[int, int], since_ms: int, now_ms: int) -> Due:
    """What is due at `now_ms`, with the archive's `ends` by partition, where all before `since_ms` was sealed.

    Reads what Kafka has and the archive has not: whatever its order, no record of an hour may be among it. Those of
    hours that are sealed are late anyway. Blocks; raises KafkaUnavailable, and TopicMismatch where this is not the log
    that the archive was made of.
    """
    over_ms = now_ms // HOUR_MS * HOUR_MS
    bounds = log.bounds(topic)
    behind: list[Behind] = []
    for number in sorted({*bounds, *ends}):
        place, end = Place(topic, number), ends.get(number, 0)
        if number not in bounds or end > bounds[number].next:
            held = f"only up to {bounds[number].next}" if number in bounds else "no such partition"
            raise TopicMismatch(
                f"{place.text}: the archive goes to offset {end}, and Kafka has {held}: SHOPNOW_KAFKA is another "
                "cluster, or the topic was made anew"
            )
        hour_ms = _earliest_hour(log, place, Range(end, bounds[number].next), since_ms)
        if hour_ms < over_ms:
            behind.append(Behind(place, end, hour_ms))
    return Due(min([over_ms, *(each.hour_ms for each in behind)]), behind)


def _earliest_hour(log: Log, place: Place, lag: Range, since_ms: int) -> int:
    """Of the records in `lag`, but for those before `since_ms`; far in the future where there is none."""
    earliest = 2**62
    if lag.first >= lag.next:
        return earliest
    try:
        for records in log.records(*place, lag):
            open_ms = [at_ms for at_ms in records.timestamps_ms if at_ms >= since_ms]
            earliest = min([earliest, *(at_ms // HOUR_MS * HOUR_MS for at_ms in open_ms)])
            if earliest <= since_ms:  # nothing can be due
                break
    except OffsetsLost:  # what the archive never had
        return since_ms
    return earliest
