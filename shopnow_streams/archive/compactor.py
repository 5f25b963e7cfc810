"""A run of segments becomes one file, in two steps that are each there for readers whole or not at all (decision 0006).

1. Behind the first file come, by the file system's `concat`: the rows of the others in large row groups and a footer
   that has them and the first file's; the others themselves, which are gone with that; and the same footer again.
2. `truncate` cuts that file behind the first footer.

Row groups never move, so that whoever listed the files before reads what he would have read then, or finds no file.
Killed before the first step it leaves hidden files, which the next compaction removes; after it a file that is right
and longer than it has to be, or was closed later than it says: its notes tell, and the next compaction finishes it.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile, is_changed
from shopnow_streams.archive.compaction import Piece, Run
from shopnow_streams.archive.exclusive import HIDDEN
from shopnow_streams.archive.in_order import in_order
from shopnow_streams.errors import ArchiveCorrupt, SettingsError, SinkUnavailable
from sinks import parquet
from sinks.files import Files, JoinableFiles
from sinks.formats import Format
from sinks.merging import merged
from sinks.parquet import notes


class Outcome(NamedTuple):
    """What came of a run: the size of its one file, or why it was left as it is. Neither: it was not tried."""

    run: Run
    bytes: int | None = None
    failed: str = ""


def joinable(files: Files, form: Format) -> JoinableFiles:
    """`files`, if several of that form can be made one on them. Raises SettingsError."""
    if not isinstance(files, JoinableFiles):
        raise SettingsError(f"{files.url('')} can't be compacted: only HDFS makes several files one in a single step")
    if form.NAME != parquet.NAME:
        raise SettingsError(
            f"{files.url('')} can't be compacted: of {form.NAME} files a reader would see lines twice that began before"
        )
    return files


def pieces(catalogue: Catalogue, files: list[SegmentFile]) -> Iterator[Piece]:
    """What the footers of `files` say. Blocks; raises SinkUnavailable."""

    def piece(file: SegmentFile) -> Piece:
        footer = catalogue.footer(file)
        if footer is None:
            return Piece(file, None, 0)
        return Piece(file, footer.next, footer.rows or 0, footer.columns, footer.compacted_ms, footer.joined_bytes)

    return in_order(piece, files)


class Compactor:
    """Compacts on `files`. `held` raises where somebody else compacts by now. Every method blocks, and raises
    SinkUnavailable; what was begun can be begun again."""

    def __init__(self, files: JoinableFiles, held: Callable[[], None]) -> None:
        self._files = files
        self._held = held
        self._id = uuid.uuid4().hex  # whoever takes over sweeps our hidden files: theirs must not have their names

    def compact(self, run: Run) -> Outcome:
        """Make `run` one file. Raises ArchiveCorrupt, with nothing changed, where its files are not what they were."""
        first, modified_ms = run.pieces[0], run.pieces[-1].file.modified_ms
        if first.compacted_ms is None:
            size = self._join(run, modified_ms)
        else:
            modified_ms, size = first.compacted_ms, first.joined_bytes or first.file.size
        self._held()
        self._files.truncate(first.file.path, size)
        self._files.set_modified(first.file.path, modified_ms)  # what looks for the newest must not find it here
        return Outcome(run, size)

    def _join(self, run: Run, modified_ms: int) -> int:
        """The first step; the length that the second one is to cut the file to."""
        first, *others = (piece.file for piece in run.pieces)
        said = notes(first.name.topic, first.name.partition, first.name.first, run.next, run.rows)
        whole = merged([self._read(file) for file in (first, *others)], said, modified_ms)
        rows, footer = self._write(first, "rows", whole.rows), self._write(first, "footer", whole.footer)
        self._concat(run, [rows, *(file.path for file in others), footer], run.bytes + len(whole.rows + whole.footer))
        return whole.size

    def _concat(self, run: Run, sources: list[str], size: int) -> None:
        """To `size` bytes in all. An answer may be lost, and what asks again then finds it done."""
        for piece in run.pieces:
            self._require(piece.file)
        self._held()
        first = run.pieces[0].file.path
        try:
            self._files.concat(first, sources)
        except (SinkUnavailable, FileNotFoundError):
            entry = self._files.stat(first)
            if entry is None or entry.size != size:
                raise

    def _read(self, file: SegmentFile) -> bytes:
        self._require(file)
        return self._files.read(file.path, 0, file.size)

    def _require(self, file: SegmentFile) -> None:
        if is_changed(self._files, file):
            raise ArchiveCorrupt(f"{self._files.url(file.path)} changed while it was to be compacted: begin again")

    def _write(self, beside: SegmentFile, what: str, data: bytes) -> str:
        name = beside.name
        directory = beside.path.rpartition("/")[0]
        path = f"{directory}/{HIDDEN}{name.partition}+{name.first:020d}.{self._id}.{what}"
        self._files.write(path, data)
        arrived = self._files.stat(path)
        if arrived is None or arrived.size != len(data) or self._files.read(path, 0, len(data)) != data:
            raise SinkUnavailable(f"{self._files.url(path)} is not what was uploaded. Begin again.")
        return path
