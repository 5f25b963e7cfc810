"""What Kafka says of offsets that an archive lacks."""

from collections.abc import Sequence

from shopnow_streams.archive.findings import Answer, Place
from shopnow_streams.archive.inspection import Sample
from shopnow_streams.archive.log import Log
from shopnow_streams.errors import OffsetsLost
from sinks.chain import Range
from sinks.segments import MAX_OFFSET


class Evidence:
    """Kafka's log of one partition, which goes over `bounds`; None where there is none to ask."""

    def __init__(self, log: Log | None, place: Place, bounds: Range | None) -> None:
        self._log = log
        self._place = place
        self.bounds = bounds

    def contradicts(self, sample: Sample) -> bool:
        """Whether Kafka has another record at that offset."""
        if self._log is None or self.bounds is None or sample.offset < self.bounds.first:
            return False
        try:
            found = next(iter(self._log.records(*self._place, Range(sample.offset, sample.offset + 1))), None)
        except OffsetsLost:
            return False
        if found is None:  # compacted, or beyond the end
            return False
        return (found.timestamps_ms[0], found.keys[0], found.values[0]) != sample[1:]

    def dismiss(self) -> None:
        """Take its word for nothing: this is not the log that the archive was made of."""
        self._log = self.bounds = None

    def ask(self, ranges: Sequence[Range]) -> list[Answer]:
        """An answer to each of `ranges`, which are in order. Blocks; raises KafkaUnavailable."""
        while self._log is not None and self.bounds is not None:
            kept = Range(self.bounds.first, MAX_OFFSET)
            parts = [each.clip(kept) for each in ranges]
            try:
                holding = set(self._log.holding(*self._place, [part for part in parts if part]))
            except OffsetsLost:  # retention overtook us
                self.bounds = self._log.bounds(self._place.topic).get(self._place.partition)
                continue
            return [
                Answer(each, part if part in holding else None, each.clip(Range(0, kept.first)))
                for each, part in zip(ranges, parts, strict=True)
            ]
        return [Answer(each, None, each) for each in ranges]

    def has(self, whole: Range) -> bool:
        """Whether the log goes over all of `whole`, and has records there."""
        (answer,) = self.ask([whole])
        return answer.held == whole
