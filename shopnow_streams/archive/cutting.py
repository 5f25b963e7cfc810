"""Records of a range as the segments that cover exactly that range. Does no IO."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from shopnow_streams.archive.findings import Place
from sinks.chain import Range
from sinks.formats import Encoder, Format
from sinks.rotation import Rotation, joining
from sinks.segments import Records, Segment, SegmentName, date_of


class Cut(NamedTuple):
    """A segment, and how many records are in it."""

    segment: Segment
    rows: int


def cut(place: Place, whole: Range, batches: Iterable[Records], form: Format, rotation: Rotation) -> Iterator[Cut]:
    """Segments of the records in `batches`, the first beginning at `whole.first`, the last ending at `whole.next`.

    None where there are no records. Cut as an archiver cuts: by `rotation`, its age aside, and where a day begins.
    """
    first = whole.first
    opened: _Open | None = None
    for batch in batches:
        rest = batch
        while len(rest):
            if opened and (opened.is_full(rotation) or not opened.joining(rest)):
                yield opened.close(opened.next)
                first, opened = opened.next, None
            if opened is None:
                name = SegmentName(*place, first, date_of(rest.timestamps_ms[0]), form.NAME)
                opened = _Open(name, form.encoder(*place, first))
            mine, rest = rest.split(opened.joining(rest))
            opened.add(mine)
    if opened:
        yield opened.close(whole.next)


@dataclass
class _Open:
    name: SegmentName
    encoder: Encoder
    rows: int = 0
    next: int = 0

    def is_full(self, rotation: Rotation) -> bool:
        return rotation.due(self.encoder.size, self.rows, 0) is not None

    def joining(self, records: Records) -> int:
        return joining(self.name.date, records.timestamps_ms)

    def add(self, records: Records) -> None:
        self.encoder.add(records)
        self.rows += len(records)
        self.next = records.offsets[-1] + 1

    def close(self, next_offset: int) -> Cut:
        return Cut(Segment(self.name, next_offset, self.encoder.finish(next_offset)), self.rows)
