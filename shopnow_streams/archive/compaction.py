"""Which segments of closed days become one. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from shopnow_streams.archive.catalogue import SegmentFile

TARGET_BYTES = 128 << 20
"""About a block of HDFS."""

MOST_PIECES = 150
"""Of a run: the names of all go into one request, which the NameNode takes 64 kB of."""

PAGE_FILES, PAGE_SLACK = 1_000, 20
"""A directory is listed so many files at a time (dfs.ls.limit); hidden ones among them, which come and go."""


class Piece(NamedTuple):
    """A segment, and what its footer says; `next` is None where it can't be read.

    `compacted_ms`: it was made of several, the last of which was closed then (since 1970). `joined_bytes`: the bytes
    of those are still in it, behind so many that are its own.
    """

    file: SegmentFile
    next: int | None
    rows: int
    columns: str = ""
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

    @property
    def next(self) -> int:
        """Where they end."""
        return self.pieces[-1].next or 0


def plan(pieces: Iterable[Piece], before: date, target_bytes: int = TARGET_BYTES) -> list[Run]:
    """What to make one, of all the segments of a topic in order of partition and offset.

    Of days before `before` alone, and never a partition's last segment: the archiver reads where it ends. A run has at
    most `target_bytes` and `MOST_PIECES`, all of the same columns. What was compacted stays as it is, but for a
    compaction that was cut off: that file is a run of its own.

    Nor does a run begin with the last file of a page of its directory's listing. Who lists page by page, and has the
    run's first file on one page as it was before and the next page as it is after, would miss the others in silence;
    so he has one of them, too, and no longer finds it. For that, the runs of a directory are to be done from the last
    to the first, as they are here: so that nothing goes from before a run's first file.
    """
    known = list(pieces)
    places = _places(known)
    found: list[Run] = []
    for _, of_partition in groupby(known, key=lambda piece: piece.file.name.partition):
        *earlier, _last = of_partition
        for day, of_day in groupby(earlier, key=lambda piece: piece.file.name.date):
            if day < before:
                found += _runs(of_day, target_bytes, places)
    return sorted(found, key=lambda run: (run.pieces[0].file.name.date, places[run.pieces[0].file.path]), reverse=True)


def _places(pieces: Sequence[Piece]) -> dict[str, int]:
    """Of each file in the listing of its directory, which is in order of names."""
    found: dict[str, int] = {}
    by_day = sorted(pieces, key=lambda piece: (piece.file.name.date, piece.file.path.encode()))
    for _, of_day in groupby(by_day, key=lambda piece: piece.file.name.date):
        found |= {piece.file.path: place for place, piece in enumerate(of_day)}
    return found


def _runs(pieces: Iterable[Piece], target_bytes: int, places: dict[str, int]) -> list[Run]:
    runs: list[list[Piece]] = []
    for piece in pieces:
        if runs and _fits(runs[-1], piece, target_bytes) and not _ends_page(places[runs[-1][0].file.path]):
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return [Run(tuple(run)) for run in runs if len(run) > 1 or run[0].unfinished]


def _fits(run: list[Piece], piece: Piece, target_bytes: int) -> bool:
    last = run[-1]
    return (
        last.next == piece.file.name.first
        and piece.next is not None
        and last.columns == piece.columns
        and last.compacted_ms is None
        and piece.compacted_ms is None
        and len(run) < MOST_PIECES
        and sum(each.file.size for each in run) + piece.file.size <= target_bytes
    )


def _ends_page(place: int) -> bool:
    return place % PAGE_FILES >= PAGE_FILES - PAGE_SLACK
