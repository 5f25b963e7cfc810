"""What the archive agent needs of an archive. All of it blocks: the agent calls it in threads."""

from collections.abc import Collection, Iterator
from typing import NamedTuple, Protocol

from sinks.segments import Segment, Span


class SegmentInfo(NamedTuple):
    """A committed segment. `path` is relative to the archive's root, `size` in bytes."""

    path: str
    span: Span
    size: int


class Sink(Protocol):
    """An archive of segments. May be used from several threads, and by several processes at once.

    Any method raises SinkUnavailable where the archive cannot be reached or refuses for now, its message saying
    what, where, and what to do; the same call may be made again. ArchiveCorrupt names the path that is wrong.
    """

    def end(self, topic: str, partition: int) -> int | None:
        """The offset after the last committed segment of that partition, None where there is none.

        A few listings and one read of a file's end, however many years of files there are.
        """

    def ends(self, topic: str, partitions: Collection[int]) -> dict[int, int | None]:
        """`end` of several partitions of a topic, for little more than the price of one."""

    def commit(self, segment: Segment) -> None:
        """Make `segment` durable under its name, or raise SinkUnavailable (offer the same one again, unchanged).

        Committing the same segment twice leaves one copy and succeeds, also after a try whose answer was lost.
        Raises SegmentConflict where another writer already committed that first offset: nothing of ours was kept,
        the caller reads `end` again and drops what is below. SettingsError where the archive has another format.
        """

    def segments(self, topic: str, partition: int | None = None) -> Iterator[SegmentInfo]:
        """The committed segments of a topic, by partition and offset. Reads the end of every file: for audits."""

    def read(self, path: str) -> bytes:
        """The whole file of a committed segment, `path` as in SegmentInfo. FileNotFoundError where there is none."""

    def check(self) -> None:
        """Return if the archive takes writes now, as far as that can be told without writing a file."""
