"""Which files are in an archive, whatever they are: segments by their names, strangers, unfinished uploads."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from shopnow_streams.archive.contents import Footer, read_footer
from shopnow_streams.archive.window import Window
from shopnow_streams.errors import ArchiveCorrupt
from shopnow_streams.topics import Topic
from sinks.archive import UNFINISHED, Archive
from sinks.files import Entry, Files
from sinks.segments import SegmentName, is_hidden, parse_day, parse_name, segment_name


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A file that has a segment's name."""

    name: SegmentName
    size: int
    modified_ms: int

    @property
    def path(self) -> str:
        """Relative to the archive's root."""
        return segment_name(self.name)

    @property
    def order(self) -> tuple[int, int]:
        """By partition and offset."""
        return self.name.partition, self.name.first


def is_changed(files: Files, file: SegmentFile) -> bool:
    """Whether it is not there any more as it was listed. Blocks; raises SinkUnavailable."""
    entry = files.stat(file.path)
    return entry is None or entry.size != file.size


class Stray(NamedTuple):
    """What stands among the segments and is none."""

    path: str
    reason: str


class Listing(NamedTuple):
    """The files of one topic, by partition and offset."""

    segments: list[SegmentFile]
    strays: list[Stray]


class Catalogue:
    """The files of `archive`, which is at `url`. Reads only; every method blocks and raises SinkUnavailable."""

    def __init__(self, archive: Archive, url: str = "") -> None:
        self.url = url
        self.archive = archive
        self.files = archive.files
        self.form = archive.form

    def topics(self) -> list[str]:
        """Our topics that have a directory, in their order."""
        found = {entry.name for entry in self.files.list("") if entry.is_directory}
        return [str(topic) for topic in Topic if topic in found]

    def listing(self, topic: str, partitions: Collection[int] = ()) -> Listing:
        """The topic's files, of those `partitions` or of all: a beginning of what is ever committed, without holes.

        Directories are listed one after the other, and a writer may be at work: of two files that it commits
        meanwhile the second may be seen alone. So all is listed twice, and only what the second finds up to the end
        that the first found is taken.
        """
        ends: dict[int, int] = {}
        for segment in self._list(topic).segments:
            ends[segment.name.partition] = max(segment.name.first, ends.get(segment.name.partition, 0))
        segments, strays = self._list(topic)
        seen = [
            segment
            for segment in segments
            if segment.name.first <= ends.get(segment.name.partition, -1)
            and (not partitions or segment.name.partition in partitions)
        ]
        return Listing(sorted(seen, key=lambda segment: segment.order), strays)

    def unfinished(self) -> list[Entry]:
        """Uploads that did not get their name, or not yet."""
        return [entry for entry in self.files.list(UNFINISHED) if not entry.is_directory]

    def window(self, segment: SegmentFile) -> Window:
        """The file, to be read."""
        return Window(self.files, segment.path, segment.size)

    def footer(self, segment: SegmentFile) -> Footer | None:
        """What the file's end says; None where it can't be read as what its name says, or went away."""
        try:
            return read_footer(self.form, segment.name, self.window(segment))
        except (ArchiveCorrupt, FileNotFoundError):
            return None

    def _list(self, topic: str) -> Listing:
        listing = Listing([], [])
        for found in self._walk(topic):
            if isinstance(found, Stray):
                listing.strays.append(found)
            else:
                listing.segments.append(found)
        return listing

    def _walk(self, topic: str) -> Iterator[SegmentFile | Stray]:
        for day in self.files.list(topic):
            path = f"{topic}/{day.name}"
            if is_hidden(day.name):
                continue
            try:
                parse_day(path)
            except ArchiveCorrupt:
                yield Stray(path, "no date directory")
                continue
            if not day.is_directory:
                yield Stray(path, "a file where a date's directory should be")
                continue
            for entry in self.files.list(path):
                if not is_hidden(entry.name):
                    yield self._named(f"{path}/{entry.name}", entry)

    def _named(self, path: str, entry: Entry) -> SegmentFile | Stray:
        try:
            name = parse_name(path)
        except ArchiveCorrupt:
            return Stray(path, "not a segment's name")
        if entry.is_directory:
            return Stray(path, "a directory with a segment's name")
        if name.format != self.form.NAME:
            return Stray(path, f"a {name.format} file, in an archive of {self.form.NAME} files")
        return SegmentFile(name, entry.size, entry.modified_ms)
