"""Which segments of closed days become one. Pure."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import NamedTuple

from shopnow_streams.archive.catalogue import SegmentFile

TARGET_BYTES = 128 << 20
"""About a block of HDFS."""


class Piece(NamedTuple):
    """A segment, and what its footer says. `joined`: a compaction that was cut off left the bytes of several in it."""

    file: SegmentFile
    next: int
    rows: int
    joined: bool = False


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
    most `target_bytes`, unless it is one file that a compaction left joined. Done and planned again it comes to an end:
    each run leaves fewer files.
    """
    found: list[Run] = []
    for _, of_partition in groupby(pieces, key=lambda piece: piece.file.name.partition):
        *earlier, _last = of_partition
        for day, of_day in groupby(earlier, key=lambda piece: piece.file.name.date):
            if day < before:
                found += _runs(list(of_day), target_bytes)
    return found


def _runs(pieces: list[Piece], target_bytes: int) -> list[Run]:
    runs: list[list[Piece]] = []
    for piece in pieces:
        last = runs[-1] if runs else []
        fits = last and last[-1].next == piece.file.name.first
        if fits and sum(each.file.size for each in last) + piece.file.size <= target_bytes:
            last.append(piece)
        else:
            runs.append([piece])
    return [Run(tuple(run)) for run in runs if len(run) > 1 or run[0].joined]
