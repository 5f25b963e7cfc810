"""Which segments of closed days become one. Pure."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import NamedTuple

from shopnow_streams.archive.catalogue import SegmentFile

TARGET_BYTES = 128 << 20
"""About a block of HDFS."""


class Piece(NamedTuple):
    """A segment, and what its footer says.

    `compacted_ms`: it was made of several, the last of which was closed then (since 1970). `joined_bytes`: the bytes
    of those are still in it, behind so many that are its own.
    """

    file: SegmentFile
    next: int
    rows: int
    compacted_ms: int | None = None
    joined_bytes: int | None = None

    @property
    def unfinished(self) -> bool:
        """Whether the compaction that made it was cut off."""
        if self.compacted_ms is None:
            return False
        return self.joined_bytes is not None or self.file.modified_ms != self.compacted_ms


class Run(NamedTuple):
    """Segments of one partition and day, each beginning where the one before ends: to become one."""

    pieces: tuple[Piece, ...]

    @property
    def bytes(self) -> int:
        """Of their files."""
        return sum(piece.file.size for piece in self.pieces)

    @property
    def rows(self) -> int:
        """Of all."""
        return sum(piece.rows for piece in self.pieces)


def plan(pieces: Iterable[Piece], before: date, target_bytes: int = TARGET_BYTES) -> list[Run]:
    """What to make one, of all the segments of a topic in order of partition and offset.

    Of days before `before` alone, and never a partition's last segment: the archiver reads where it ends. A run has at
    most `target_bytes`. What was compacted stays as it is, but for a compaction that was cut off: that file is a run of
    its own.
    """
    found: list[Run] = []
    for _, of_partition in groupby(pieces, key=lambda piece: piece.file.name.partition):
        *earlier, _last = of_partition
        for day, of_day in groupby(earlier, key=lambda piece: piece.file.name.date):
            if day < before:
                found += _runs(of_day, target_bytes)
    return found


def _runs(pieces: Iterable[Piece], target_bytes: int) -> list[Run]:
    runs: list[list[Piece]] = []
    for piece in pieces:
        last = runs[-1] if runs else []
        fits = last and last[-1].next == piece.file.name.first
        fits = fits and last[-1].compacted_ms is None and piece.compacted_ms is None
        if fits and sum(each.file.size for each in last) + piece.file.size <= target_bytes:
            last.append(piece)
        else:
            runs.append([piece])
    return [Run(tuple(run)) for run in runs if len(run) > 1 or run[0].unfinished]
