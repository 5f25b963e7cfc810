"""A run of segments becomes one file, in two steps that are each there for readers whole or not at all (decision 0006).

1. The small files and a footer that has all of their row groups become one file, by the file system's `concat`: one
   listing has all of them, the next has one with the same rows. Whoever listed the first one before, and reads as much
   of it as it had, finds its old footer there; whoever looks for the others finds no file. Neither reads a wrong row;
   the decision names who may, and why there is no command yet.
2. The same rows in large row groups, written beside it under a hidden name, take that file's name, by `replace`.

Killed before the first step it leaves hidden files, which the next compaction removes; between them a file that is
right, and twice as large as it has to be: its notes say so, and the next compaction goes on from there.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.compaction import Piece, Run
from shopnow_streams.archive.contents import read_footer
from shopnow_streams.archive.in_order import in_order
from shopnow_streams.errors import ArchiveCorrupt, SinkUnavailable
from sinks.files import JoinableFiles
from sinks.footers import footer_of, joined
from sinks.merging import merged
from sinks.parquet import JOINED, notes
from sinks.segments import date_directory

HIDDEN = "_compact+"


class Compacted(NamedTuple):
    """A run, and how large its one file is."""

    run: Run
    bytes: int


def pieces(catalogue: Catalogue, files: list[SegmentFile]) -> Iterator[Piece]:
    """What the footers of `files` say. Blocks; raises ArchiveCorrupt for one that can't be read: verify first."""

    def piece(file: SegmentFile) -> Piece:
        footer = read_footer(catalogue.form, file.name, catalogue.window(file))
        return Piece(file, footer.next, footer.rows or 0, footer.joined)

    return in_order(piece, files)


class Compactor:
    """Compacts on `files`. `held` raises where somebody else compacts by now. Every method blocks, and raises
    SinkUnavailable; what was begun can be begun again."""

    def __init__(self, files: JoinableFiles, held: Callable[[], None]) -> None:
        self._files = files
        self._held = held
        self._id = uuid.uuid4().hex  # whoever takes over sweeps our hidden files: theirs must not have their names

    def sweep(self, topic: str) -> int:
        """Remove the hidden files that another compaction left; how many there were."""
        count = 0
        for day in self._files.list(topic):
            for entry in self._files.list(f"{topic}/{day.name}") if day.is_directory else ():
                if entry.name.startswith(HIDDEN):
                    self._files.remove(f"{topic}/{day.name}/{entry.name}")
                    count += 1
        return count

    def compact(self, run: Run) -> Compacted:
        """Make `run` one file. Raises ArchiveCorrupt, with nothing changed, where its files are not what they were."""
        first, last = run.pieces[0].file, run.pieces[-1]
        data = [self._read(piece.file) for piece in run.pieces]
        said = notes(first.name.topic, first.name.partition, first.name.first, last.next, run.rows)
        whole = merged(data, said)
        clean = self._write(first, "clean", whole)
        self._files.set_modified(clean, last.file.modified_ms)  # what looks for the newest must not find it here
        if len(run.pieces) > 1:
            footer = joined([footer_of(file) for file in data], [len(file) for file in data], said | {JOINED: "1"})
            self._join(run, self._write(first, "footer", footer))
        self._held()
        self._files.replace(clean, first.path)
        return Compacted(run, len(whole))

    def _join(self, run: Run, footer: str) -> None:
        first, *others = (piece.file for piece in run.pieces)
        for file in (first, *others):
            self._require(file)
        self._held()
        self._files.concat(first.path, [*(file.path for file in others), footer])

    def _read(self, file: SegmentFile) -> bytes:
        self._require(file)
        return self._files.read(file.path, 0, file.size)

    def _require(self, file: SegmentFile) -> None:
        entry = self._files.stat(file.path)
        if entry is None or entry.size != file.size:
            raise ArchiveCorrupt(f"{self._files.url(file.path)} changed while it was to be compacted: begin again")

    def _write(self, beside: SegmentFile, what: str, data: bytes) -> str:
        name = beside.name
        directory = f"{name.topic}/{date_directory(name.date)}"
        path = f"{directory}/{HIDDEN}{name.partition}+{name.first:020d}.{self._id}.{what}"
        self._files.write(path, data)
        arrived = self._files.stat(path)
        if arrived is None or arrived.size != len(data):
            raise SinkUnavailable(f"{self._files.url(path)}: the upload was cut. Begin again.")
        return path
