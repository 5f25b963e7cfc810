"""Whether two archives hold the same events, however each is cut into files and in whichever format."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.difference import Difference, compare
from shopnow_streams.archive.events import PartitionEvents
from shopnow_streams.archive.findings import Place
from shopnow_streams.archive.offsets import Ranges
from shopnow_streams.errors import ArchiveCorrupt, SinkUnavailable
from sinks.chain import Range
from sinks.segments import MAX_OFFSET

ALL = Range(0, MAX_OFFSET)


@dataclass
class PartitionDiff:
    """One partition in both archives; `repeated_*` are offsets that one has more than once."""

    place: Place
    records_a: int
    records_b: int
    difference: Difference
    repeated_a: Ranges
    repeated_b: Ranges

    @property
    def same(self) -> bool:
        """Whether both hold the same events, each once."""
        found = self.difference
        ranges = (found.only_a, found.only_b, found.changed, self.repeated_a, self.repeated_b)
        return not any(each.count for each in ranges)


Pair = tuple[list[SegmentFile], list[SegmentFile]]


def pairs(a: Catalogue, b: Catalogue, topic: str) -> dict[Place, Pair]:
    """The files of each partition in both, by offset. Blocks; raises SinkUnavailable."""
    found: dict[Place, Pair] = defaultdict(lambda: ([], []))
    for side, catalogue in enumerate((a, b)):
        for file in catalogue.listing(topic).segments:
            found[Place(topic, file.name.partition)][side].append(file)
    return dict(sorted(found.items()))


def diff(a: Catalogue, b: Catalogue, place: Place, files: Pair, *, common: bool = False) -> PartitionDiff:
    """Compare one partition; where `common`, only between the greater of both beginnings and the lesser of both ends.

    Blocks; raises SinkUnavailable, and ArchiveCorrupt where a file can't be read: `verify` is for that.
    """
    within = _common(a, b, files) if common else ALL
    one, other = PartitionEvents(a, files[0], within), PartitionEvents(b, files[1], within)
    try:
        found = compare(one, other)
    except FileNotFoundError as error:
        raise SinkUnavailable(
            f"a file of {place.topic} went away while it was read ({error}): compare again"
        ) from error
    return PartitionDiff(place, one.records, other.records, found, one.repeated, other.repeated)


def _common(a: Catalogue, b: Catalogue, files: Pair) -> Range:
    one, other = _covers(a, files[0]), _covers(b, files[1])
    return one.clip(other) or Range(0, 0)


def _covers(catalogue: Catalogue, files: Sequence[SegmentFile]) -> Range:
    if not files:
        return Range(0, 0)
    footer = catalogue.footer(files[-1])
    if footer is None:
        raise ArchiveCorrupt(f"{files[-1].path} can't be read: see `shopnow archive verify`")
    return Range(files[0].name.first, footer.next)
