"""Seals the hours that are over, and amends those that something was added to since.

A pass takes the archive as it stands: all records below the end of each partition. It writes its intent first, then a
file an hour, the latest last. Killed, it is done again from its intent, to the same end: rows below an offset do not
change, whatever files they are in; and an hour whose file has that end already is done.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import pyarrow.compute as pc

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.contents import read_footer, read_rows
from shopnow_streams.archive.expiry import expired
from shopnow_streams.archive.seal import SEALS, Part, Seal, SealName, instant, part_of
from shopnow_streams.archive.sealed import Seals
from shopnow_streams.archive.tally import HOUR_MS, Tallies
from shopnow_streams.errors import ArchiveBusy, ArchiveCorrupt
from sinks.placing import place
from sinks.segments import date_of

Told = Callable[[SegmentFile], None]


class Intent(msgspec.Struct, frozen=True):
    """A pass: hours before `until_ms` are to be sealed, of the records below these offsets, by partition.

    All before `since_ms` were sealed before, of the records below `before`.
    """

    since_ms: int
    until_ms: int
    before: dict[int, int]
    ends: dict[int, int]


class Sealed(NamedTuple):
    """What a pass did: the hours that it sealed, and those that it amended."""

    sealed: list[Seal]
    amended: list[Seal]


class Sealer:
    """Seals `topic` of `catalogue`. `held` raises where somebody else changes the archive by now.

    Every method blocks; raises SinkUnavailable, ArchiveCorrupt, and ArchiveBusy where a file goes while it is read.
    """

    def __init__(self, catalogue: Catalogue, topic: str, held: Callable[[], None]) -> None:
        self._catalogue = catalogue
        self._files = catalogue.files
        self._topic = topic
        self._held = held
        self._seals = Seals(catalogue.files, topic)
        self._intent_path = f"{SEALS}/{topic}/_pass.json"

    def since_ms(self) -> int | None:
        """Where the hours begin that are not sealed yet; None where none is. What a killed pass was at is not."""
        newest = self._seals.newest()
        return None if newest is None else newest.hour_ms + HOUR_MS

    def ends(self) -> dict[int, int]:
        """Where the archive ends by now, by partition."""
        partitions = {file.name.partition for file in self._catalogue.listing(self._topic).segments}
        ends = self._catalogue.archive.ends(self._topic, partitions)
        return {number: end for number, end in ends.items() if end is not None}

    def seal(self, until_ms: int, ends: Mapping[int, int], told: Told = lambda _file: None) -> Sealed:
        """Seal all hours before `until_ms`, of the records below `ends`, and finish a pass that was cut off first.

        Raises ArchiveCorrupt, with nothing sealed, where the archive lacks offsets.
        """
        done = Sealed([], [])
        left = self._left_over()
        if left is not None:
            done = self._pass(left, told)
        newest = self._seals.newest()
        since_ms = 0 if newest is None else newest.hour_ms + HOUR_MS
        if until_ms <= since_ms:
            return done
        before = {} if newest is None else {number: parts[-1].below for number, parts in newest.partitions.items()}
        intent = Intent(since_ms, until_ms, before, dict(ends))
        self._held()
        if not place(self._files, self._intent_path, msgspec.json.encode(intent)):
            raise ArchiveBusy(f"{self._files.url(self._intent_path)} came between: seal again")
        more = self._pass(intent, told)
        return Sealed(done.sealed + more.sealed, done.amended + more.amended)

    def _left_over(self) -> Intent | None:
        entry = self._files.stat(self._intent_path)
        if entry is None:
            return None
        try:
            return msgspec.json.decode(self._files.read(self._intent_path, 0, entry.size), type=Intent)
        except msgspec.MsgspecError as error:
            url = self._files.url(self._intent_path)
            raise ArchiveCorrupt(f"{url} is no intent of a sealing ({error}): put it back from a copy") from error

    def _pass(self, intent: Intent, told: Told) -> Sealed:
        tallies = self._tallied(intent, told)
        hours = sorted({hour for each in tallies.values() for hour in each.hours() if hour < intent.until_ms})
        done = Sealed([], [])
        for hour in [hour for hour in hours if hour < intent.since_ms]:
            if amended := self._amend(hour, intent, tallies):
                done.amended.append(amended)
        for hour in sorted({hour for hour in hours if hour >= intent.since_ms} | {intent.until_ms - HOUR_MS}):
            if sealed := self._seal(hour, intent, tallies):
                done.sealed.append(sealed)
        self._held()
        self._files.remove(self._intent_path)
        return done

    def _seal(self, hour: int, intent: Intent, tallies: Mapping[int, Tallies]) -> Seal | None:
        known, revision = self._seals.of(hour)
        if known is not None:
            return None  # by this pass, before it was cut off
        parts: dict[int, tuple[Part, ...]] = {n: (part_of(end, tallies[n].of(hour)),) for n, end in intent.ends.items()}
        return self._put(hour, revision, parts)

    def _amend(self, hour: int, intent: Intent, tallies: Mapping[int, Tallies]) -> Seal | None:
        late = {n: part_of(end, tally) for n, end in intent.ends.items() if (tally := tallies[n].of(hour, 1))}
        known, revision = self._seals.of(hour)
        parts: dict[int, tuple[Part, ...]] = dict(known.partitions) if known else {}
        if not late or any(parts[n][-1].below == part.below for n, part in late.items() if n in parts):
            return None
        for number in intent.ends if known is None else late:
            earlier = parts.get(number, (Part(intent.before.get(number, 0)),))
            parts[number] = (*earlier, late[number]) if number in late else earlier
        return self._put(hour, revision, parts)

    def _put(self, hour: int, revision: int, parts: dict[int, tuple[Part, ...]]) -> Seal:
        self._held()
        seal = Seal(self._topic, instant(hour), datetime.now(UTC).replace(microsecond=0), dict(sorted(parts.items())))
        self._seals.put(SealName(hour, revision), seal)
        return seal

    def _tallied(self, intent: Intent, told: Told) -> dict[int, Tallies]:
        """Interval 0 of each partition is what was there before: read only where hours may be in it that are open."""
        tallies = {number: Tallies([intent.before.get(number, 0)]) for number in intent.ends}
        begins = {at.partition: note.next for at, note in expired(self._files).items() if at.topic == self._topic}
        reached = {number: max(intent.before.get(number, 0), begins.get(number, 0)) for number in intent.ends}
        for file, after in _with_ends(self._catalogue.listing(self._topic).segments):
            number = file.name.partition
            if file.name.first >= intent.ends.get(number, 0):
                continue
            new = after is None or after > intent.before.get(number, 0)
            if new or file.name.date >= date_of(intent.since_ms):  # a file's records are of its date, or earlier
                footer = read_footer(self._catalogue.form, file.name, self._catalogue.window(file))
                if new:
                    self._require_no_gap(file, reached[number])
                    reached[number] = footer.next
                if new or footer.last_ms is None or footer.last_ms >= intent.since_ms:
                    self._add(file, tallies[number], intent.ends[number])
            told(file)
        for number, end in intent.ends.items():
            if reached[number] < end:
                raise self._incomplete(number, reached[number], end)
        return tallies

    def _require_no_gap(self, file: SegmentFile, reached: int) -> None:
        """An archive may begin anywhere: Kafka had let go of what was before."""
        if reached and file.name.first > reached:
            raise self._incomplete(file.name.partition, reached, file.name.first)

    def _incomplete(self, partition: int, first: int, after: int) -> ArchiveCorrupt:
        return ArchiveCorrupt(
            f"{self._topic}/{partition} has no file of the offsets {first} to {after - 1}, so that no hour can be "
            f"sealed: `shopnow archive verify {self._topic}` says what to do"
        )

    def _add(self, file: SegmentFile, tallies: Tallies, end: int) -> None:
        try:
            for batch in read_rows(self._catalogue.form, file.name, self._catalogue.window(file)):
                tallies.add(batch.filter(pc.less(batch["kafka_offset"], end)))
        except FileNotFoundError as error:
            raise ArchiveBusy(f"{file.path} went away while it was sealed: seal again") from error


def _with_ends(files: Sequence[SegmentFile]) -> Iterator[tuple[SegmentFile, int | None]]:
    """Each file and where the next one of its partition begins, None of the last."""
    for number, file in enumerate(files):
        following = files[number + 1] if number + 1 < len(files) else None
        same = following is not None and following.name.partition == file.name.partition
        yield file, following.name.first if following is not None and same else None
