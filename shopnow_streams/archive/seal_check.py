"""Whether the hours of a partition still are what their seals say."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from shopnow_streams.archive import findings
from shopnow_streams.archive.findings import Finding, Place
from shopnow_streams.archive.seal import Part, Seal, SealName, hour_text, part_of, seal_path
from shopnow_streams.archive.tally import Tallies
from sinks.chain import Range


def bounds_of(seals: Iterable[Seal]) -> dict[int, list[int]]:
    """By partition the offsets up to which anything was sealed, rising."""
    found: dict[int, set[int]] = {}
    for seal in seals:
        for number, parts in seal.partitions.items():
            found.setdefault(number, set()).update(part.below for part in parts)
    return {number: sorted(offsets) for number, offsets in found.items()}


class SealCheck:
    """Takes what the partition's files come to, in any order, then says which sealed hours are others. Pure.

    What was below the offset `begins` was expired, and is not compared.
    """

    def __init__(self, place: Place, seals: Sequence[Seal], begins: int = 0) -> None:
        self._place = place
        self._seals = [seal for seal in seals if place.partition in seal.partitions]
        self._begins = begins
        self._bounds = bounds_of(self._seals).get(place.partition, [])
        self._tallies = Tallies(self._bounds)

    def add(self, tallies: Tallies | None) -> None:
        """Of one file more."""
        if tallies is not None:
            self._tallies.merge(tallies)

    def findings(self) -> list[Finding]:
        """There are no more files."""
        return [found for seal in self._seals for found in self._compare(seal)]

    def _compare(self, seal: Seal) -> Iterable[Finding]:
        after = 0
        for part in seal.partitions[self._place.partition]:
            before, after = after, bisect_right(self._bounds, part.below)
            if part.first is not None and part.first < self._begins:
                continue
            found = part_of(part.below, self._tallies.of(seal.hour_ms, before, after))
            if found != part and not (part.first is None and found.last is not None and found.last < self._begins):
                yield self._finding(seal, part, found)

    def _finding(self, seal: Seal, part: Part, found: Part) -> Finding:
        path = seal_path(self._place.topic, SealName(seal.hour_ms, 0)).replace(".json", "*.json")  # the last revision
        known = part if part.first is not None else found
        held = None if known.first is None or known.last is None else Range(known.first, known.last + 1)
        return findings.seal(self._place, hour_text(seal.hour_ms), path, _text(part), _text(found), held)


def _text(part: Part) -> str:
    return f"{part.records:,} records of {part.value_bytes:,} bytes, checksum {part.checksum}"
