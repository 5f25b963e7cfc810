"""One file of the archive, read to its last value and compared with its name and its own metadata."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile, is_changed
from shopnow_streams.archive.contents import Footer, milliseconds, read_footer, read_rows
from shopnow_streams.archive.offsets import disorder, runs
from shopnow_streams.archive.tally import Tallies
from shopnow_streams.errors import ArchiveCorrupt, SinkUnavailable
from sinks.chain import Link, Range, joined, uncovered
from sinks.segments import date_of


class Sample(NamedTuple):
    """A record."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


@dataclass
class Inspection:
    """What was found. `unreadable` says why the file can't be read; `wrong` what in it is not as it should be.

    `runs` are the offsets in it, in order; `sample` is its last record; `next` is None where the file does not tell.
    `gone`: it went away between the listing and the reading, or became another. `tallies` are None where
    its partition has no seals to be compared with.
    """

    file: SegmentFile
    next: int | None = None
    rows: int = 0
    runs: list[Range] = field(default_factory=list)
    value_bytes: int = 0
    first_day: date | None = None
    sample: Sample | None = None
    unreadable: str | None = None
    wrong: list[str] = field(default_factory=list)
    gone: bool = False
    tallies: Tallies | None = None

    @property
    def link(self) -> Link:
        """It as a part of the chain."""
        return Link(self.file.path, self.file.name.first, self.next)

    @property
    def holes(self) -> list[Range]:
        """Offsets that the file is about and has no rows for; none where it can't be read."""
        if self.next is None or self.unreadable is not None:
            return []
        return list(uncovered(Range(self.file.name.first, self.next), self.runs))


def inspect(catalogue: Catalogue, file: SegmentFile, bounds: Mapping[int, Sequence[int]] = {}) -> Inspection:
    """Read `file` once. Blocks; raises SinkUnavailable where the archive is away, not where this file alone is bad.

    Of partitions that have `bounds` (offsets up to which it was sealed) it is tallied too.
    """
    seen = Inspection(file)
    if file.name.partition in bounds:
        seen.tallies = Tallies(bounds[file.name.partition])
    try:
        _read(catalogue, seen)
    except FileNotFoundError:
        seen.gone = True
    except (ArchiveCorrupt, SinkUnavailable) as error:
        seen.gone = is_changed(catalogue.files, file)
        seen.unreadable = str(error)
    return seen


def _read(catalogue: Catalogue, seen: Inspection) -> None:
    window = catalogue.window(seen.file)
    footer = read_footer(catalogue.form, seen.file.name, window)
    seen.next = footer.next
    window.seek(0)
    last: pa.RecordBatch | None = None
    for batch in read_rows(catalogue.form, seen.file.name, window):
        if batch.num_rows:
            _add(seen, batch)
            last = batch[-1:]
    seen.sample = _sample(last) if last is not None else None
    seen.runs = list(joined(sorted(seen.runs)))
    seen.wrong += _contradictions(seen, footer)


def _add(seen: Inspection, batch: pa.RecordBatch) -> None:
    offsets, partitions, times = (batch[name] for name in ("kafka_offset", "kafka_partition", "kafka_timestamp"))
    if offsets.null_count or partitions.null_count or times.null_count:
        raise ArchiveCorrupt(f"{seen.file.path} has rows without an offset, a partition or a timestamp")
    strangers = pc.sum(pc.not_equal(partitions, seen.file.name.partition)).as_py()
    if strangers:
        seen.wrong.append(f"{strangers} rows are of another partition")
    if seen.first_day is None:
        seen.first_day = date_of(milliseconds(times)[0].as_py())
    seen.rows += batch.num_rows
    seen.value_bytes += pc.sum(pc.binary_length(batch["value"])).as_py() or 0
    falling = disorder(offsets, seen.runs[-1].next if seen.runs else 0)
    if falling is not None:
        seen.wrong.append(f"offset {falling} comes after a greater one, or twice")
        offsets = pc.unique(offsets.take(pc.array_sort_indices(offsets)))
    elif seen.tallies is not None:
        seen.tallies.add(batch)
    seen.runs.extend(runs(offsets))


def _sample(row: pa.RecordBatch) -> Sample:
    columns = (row["kafka_offset"], milliseconds(row["kafka_timestamp"]), row["kafka_key"], row["value"])
    return Sample(*(column[0].as_py() for column in columns))


def _contradictions(seen: Inspection, footer: Footer) -> Iterator[str]:
    name = seen.file.name
    for what, said in (("its footer", footer.rows), ("its metadata", footer.said_rows)):
        if said is not None and said != seen.rows:
            yield f"it has {seen.rows:,} rows, and {what} says {said:,}"
    if seen.rows == 0:
        yield "it has no rows"
    elif seen.runs[0].first < name.first or seen.runs[-1].next > footer.next:
        yield (
            f"it has offsets {seen.runs[0].first} to {seen.runs[-1].next - 1}, "
            f"and its name and metadata say {name.first} to {footer.next - 1}"
        )
    if seen.first_day is not None and seen.first_day != name.date:
        yield f"its first record is of {seen.first_day}, and it is filed under {name.date}"
