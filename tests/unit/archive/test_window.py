"""A window reads what a file holds, each byte once, and a little at a time."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.archive import window as module
from shopnow_streams.archive.window import TRIES, Window
from shopnow_streams.errors import SinkUnavailable
from sinks.faults import FaultyFiles
from sinks.memory import MemoryFiles
from tests.unit.archive.shelf import REFUSED


class Counted(MemoryFiles):
    """Notes what is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.write("file", data)
        self.reads: list[tuple[int, int]] = []

    def read(self, path: str, start: int, length: int) -> bytes:
        self.reads.append((start, length))
        return super().read(path, start, length)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "wait_exponential", lambda **_: lambda _state: 0.0)


@given(
    st.binary(max_size=200),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 80)), max_size=10),
    st.integers(1, 60),
)
def test_it_reads_what_a_file_of_the_disk_would(data: bytes, reads: list[tuple[int, int]], piece: int) -> None:
    window, file = Window(Counted(data), "file", len(data), piece_bytes=piece), io.BytesIO(data)
    for start, length in reads:
        start = min(start, len(data))
        assert (window.seek(start), window.read(length)) == (file.seek(start), file.read(length))
        assert window.tell() == file.tell()
    assert window.seek(-min(3, len(data)), io.SEEK_END) == max(0, len(data) - 3)
    assert window.read() == data[-3:]


def test_a_small_file_is_one_read() -> None:
    files = Counted(bytes(100))
    window = Window(files, "file", 100)
    window.part(90, 10)
    window.seek(0)
    while window.read(7):
        pass
    assert files.reads == [(0, 100)]


def test_going_forward_reads_each_byte_once_after_the_footer() -> None:
    files = Counted(bytes(range(256)) * 4)
    window = Window(files, "file", 1_024, piece_bytes=100)
    window.part(1_000, 24)
    window.seek(4)
    while window.read(37):
        pass
    assert files.reads[0] == (1_000, 24)
    assert [start for start, _ in files.reads[1:]] == [4 + 100 * number for number in range(len(files.reads) - 1)]
    assert sum(length for _, length in files.reads) <= 1_024 + 24


def test_a_parquet_file_is_read_once_in_pieces() -> None:
    out = pa.BufferOutputStream()
    with pq.ParquetWriter(out, pa.schema([("number", pa.int64())]), compression="none") as writer:
        for group in range(20):
            writer.write_table(pa.table({"number": range(group * 20_000, (group + 1) * 20_000)}))
    data = out.getvalue().to_pybytes()
    files = Counted(data)
    file = pq.ParquetFile(Window(files, "file", len(data), piece_bytes=400_000), pre_buffer=False)
    assert sum(batch.num_rows for batch in file.iter_batches(use_threads=False)) == 400_000
    assert len(files.reads) > 5, "in pieces"
    assert sum(length for _, length in files.reads) < len(data) + 2 * 64 * 1_024, "no byte twice but the footer's"


def test_a_read_that_fails_is_tried_again() -> None:
    faulty = FaultyFiles(Counted(b"content"))
    faulty.plan("read", *[REFUSED] * (TRIES - 1))
    assert Window(faulty, "file", 7).read() == b"content"


def test_a_read_that_fails_for_good_says_so() -> None:
    faulty = FaultyFiles(Counted(b"content"))
    faulty.plan("read", *[REFUSED] * (TRIES))
    with pytest.raises(SinkUnavailable):
        Window(faulty, "file", 7).read()


def test_a_file_that_is_shorter_than_listed_is_an_error_not_its_end() -> None:
    with pytest.raises(SinkUnavailable, match="shorter than its directory says"):
        Window(Counted(b"content"), "file", 9).read()


def test_what_the_archive_raises_comes_through_arrow() -> None:
    faulty = FaultyFiles(Counted(bytes(100)))
    faulty.down = True
    with pytest.raises(SinkUnavailable):
        pq.ParquetFile(Window(faulty, "file", 100))
