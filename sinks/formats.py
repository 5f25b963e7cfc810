"""What a file of records looks like: Parquet, or JSON lines on request. An archive has one format for all of it.

A format says how records become a file, and where a file says which offset comes next: the one thing that a
writer needs from an archive when it takes over a partition.
"""

from collections.abc import Callable
from typing import Protocol

from shopnow_streams.errors import SettingsError
from sinks import jsonlines, parquet
from sinks.segments import Records, SegmentName

Reader = Callable[[int, int], bytes]
"""`read(start, length)`: that part of a file, exactly `length` bytes. May block and raise SinkUnavailable."""


class Encoder(Protocol):
    """One file in the making, all in memory. Not for two threads at once."""

    @property
    def size(self) -> int:
        """Bytes of the file so far, an estimate where records still wait to be compressed: for `Rotation.due`."""

    @property
    def held(self) -> int:
        """Bytes of memory that it takes, as of the last call that ended: may be asked while one is under way."""

    def add(self, records: Records) -> None:
        """Take `records`, which follow those taken before. No IO, but work of 3 µs a record or so: for a thread."""

    def finish(self, next_offset: int) -> bytes:
        """The whole file. `next_offset` is one above the last record taken, and what the format's `next_offset` finds.

        Works as long as `add` at the most; called once.
        """


class Format(Protocol):
    """Implemented by the modules `sinks.parquet` and `sinks.jsonlines`."""

    NAME: str  # also the ending of its files

    def encoder(self, topic: str, partition: int, first: int) -> Encoder:
        """An empty file that begins at offset `first`."""

    def next_offset(self, name: SegmentName, size: int, read: Reader) -> int:
        """The offset after the file of `size` bytes, from its end alone.

        Raises ArchiveCorrupt where the file is not what its name says.
        """


def format_named(name: str) -> Format:
    """The format of that name. Raises SettingsError for a name that is none."""
    formats: dict[str, Format] = {parquet.NAME: parquet, jsonlines.NAME: jsonlines}
    try:
        return formats[name]
    except KeyError:
        raise SettingsError(f"{name!r} is no format of the archive: it is one of {', '.join(formats)}") from None
