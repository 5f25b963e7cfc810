"""Segments that are past their age go, and what went is written down first.

Of each partition a beginning goes, so that what stays is one chain as before; and never its last segment, by which the
archiver goes on. The note comes before the first file goes: whoever finds the archive begin at its offset knows that
nothing was lost, and whoever finds files before it, that they may go. So an expiry that was killed is begun again.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby, takewhile

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.contents import read_footer
from shopnow_streams.archive.findings import Place
from shopnow_streams.errors import ArchiveCorrupt, SinkUnavailable
from sinks.files import Files
from sinks.placing import place
from sinks.segments import is_hidden

EXPIRED = "_expired"
"""The directory of the notes, one a partition and expiry, each named by the offset that the archive begins at since."""


@dataclass(frozen=True)
class Expiry:
    """The segments of a partition to go. `held_up`: a segment that is not so old stands before others that are."""

    place: Place
    files: tuple[SegmentFile, ...]
    held_up: SegmentFile | None = None

    @property
    def bytes(self) -> int:
        """Of the files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Expired:
    """Records below offset `next` were expired at the moment `at`: those in segments of days before `before`."""

    next: int
    before: str
    at: str


def plan(files: Iterable[SegmentFile], before: date) -> list[Expiry]:
    """What is to go of a topic's segments, which are in order of partition and offset. Pure."""
    found: list[Expiry] = []
    for _, of_partition in groupby(files, key=lambda file: file.name.partition):
        segments = list(of_partition)
        going = tuple(takewhile(lambda file: file.name.date < before, segments[:-1]))
        staying = segments[len(going) : -1]
        held_up = staying[0] if any(file.name.date < before for file in staying) else None
        if going or held_up:
            found.append(Expiry(Place(segments[0].name.topic, segments[0].name.partition), going, held_up))
    return found


def expired(files: Files) -> Mapping[Place, Expired]:
    """The last note of each partition that has one. Blocks; raises SinkUnavailable, ArchiveCorrupt."""
    last: dict[Place, tuple[int, str]] = {}
    for entry in files.list(EXPIRED):
        if is_hidden(entry.name):
            continue
        found = _NAME.fullmatch(entry.name)
        if found is None:
            raise ArchiveCorrupt(f"{files.url(f'{EXPIRED}/{entry.name}')} is no note of an expiry: move it away")
        where = Place(found["topic"], int(found["partition"]))
        last[where] = max(last.get(where, (0, "")), (int(found["offset"]), entry.name))
    return {where: _read(files, name) for where, (_, name) in last.items()}


class Expirer:
    """Lets segments go. `held` raises where somebody else changes the archive by now."""

    def __init__(self, catalogue: Catalogue, before: date, held: Callable[[], None]) -> None:
        self._catalogue = catalogue
        self._files = catalogue.files
        self._before = before
        self._held = held

    def expire(self, expiry: Expiry, told: Callable[[SegmentFile], None] = lambda _file: None) -> None:
        """Note it, then remove the files from the first to the last; `told` of each.

        Blocks; raises SinkUnavailable, and ArchiveCorrupt where the last file can't be read: verify first.
        """
        if not expiry.files:
            return
        last = expiry.files[-1]
        footer = read_footer(self._catalogue.form, last.name, self._catalogue.window(last))
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._note(expiry.place, Expired(footer.next, self._before.isoformat(), at))
        for file in expiry.files:
            self._held()
            self._files.remove(file.path)
            told(file)

    def _note(self, place_of: Place, note: Expired) -> None:
        path = f"{EXPIRED}/{place_of.topic}+{place_of.partition}+{note.next:020d}.json"
        if self._files.stat(path) is None and not place(self._files, path, json.dumps(vars(note)).encode()):
            raise SinkUnavailable(f"{self._files.url(path)} could not be written, so nothing was expired: begin again")


def _read(files: Files, name: str) -> Expired:
    path = f"{EXPIRED}/{name}"
    entry = files.stat(path)
    try:
        return Expired(**json.loads(files.read(path, 0, entry.size if entry else 0)))
    except (ValueError, TypeError) as error:
        raise ArchiveCorrupt(
            f"{files.url(path)} is no note of an expiry ({error}): move it out of the archive"
        ) from error


_NAME = re.compile(r"(?P<topic>[^+]+)\+(?P<partition>\d{1,10})\+(?P<offset>\d{20})\.json")
