"""What an archive of Parquet files takes up, whoever wrote it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from shopnow_streams.archive.window import Window
from sinks.files import Files
from sinks.segments import is_hidden


@dataclass(frozen=True)
class Stored:
    """The Parquet files below a root, together."""

    records: int = 0
    files: int = 0
    bytes: int = 0


def stored(files: Files) -> Stored:
    """Go through all of `files`, and read each one's footer. Blocks; raises SinkUnavailable."""
    found = list(_parquet(files, ""))
    records = sum(pq.read_metadata(Window(files, path, size)).num_rows for path, size in found)
    return Stored(records, len(found), sum(size for _, size in found))


def _parquet(files: Files, folder: str) -> Iterator[tuple[str, int]]:
    for entry in files.list(folder):
        path = f"{folder}/{entry.name}".lstrip("/")
        if is_hidden(entry.name):  # writers' own notes
            continue
        if entry.is_directory:
            yield from _parquet(files, path)
        elif path.endswith(".parquet"):
            yield path, entry.size
