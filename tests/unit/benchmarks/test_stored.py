"""What an archive takes up is counted from its files, whoever wrote them."""

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.stored import Stored, stored
from sinks.memory import MemoryFiles


def parquet(rows: int) -> bytes:
    file = BytesIO()
    pq.write_table(pa.table({"value": range(rows)}), file)
    return file.getvalue()


def test_files_at_any_depth_count_and_writers_notes_do_not() -> None:
    files = MemoryFiles()
    for path, data in {
        "topic=a/date=2026-11-01/part-0.parquet": parquet(3),
        "a/date=2026-11-01/a+0+0.parquet": parquet(4),
        "_spark_metadata/0": b"v1",
        "_tmp/a+0+4.parquet.1": parquet(9),
        "_checkpoint/offsets/0.parquet": parquet(9),
        "_format": b"parquet",
    }.items():
        files.write(path, data)
    assert stored(files) == Stored(records=7, files=2, bytes=len(parquet(3)) + len(parquet(4)))


def test_where_nothing_stands_there_is_nothing() -> None:
    assert stored(MemoryFiles()) == Stored()
