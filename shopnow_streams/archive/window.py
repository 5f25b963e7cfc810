"""A file of the archive as a Python file: read in pieces, so that what it takes of memory does not grow with it."""

import io

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from shopnow_streams.errors import SinkUnavailable
from sinks.files import Files

PIECE_BYTES = 4 << 20
"""Asked for at once: most segments are less, and come in one read."""

TRIES = 4


class Window(io.RawIOBase):
    """The file at `path`, `size` bytes. One thread's. Each byte is read once where reading goes forward.

    What is read first stays: that is a Parquet file's footer, wanted again and again. A read that fails is tried
    again a few times; then it raises SinkUnavailable, and FileNotFoundError where the file went away.
    """

    def __init__(self, files: Files, path: str, size: int, *, piece_bytes: int = PIECE_BYTES) -> None:
        super().__init__()
        self.path, self.size = path, size
        self._files = files
        self._piece_bytes = piece_bytes
        self._at = 0
        self._first: tuple[int, bytes] | None = None
        self._piece: tuple[int, bytes] = (0, b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """See `io.IOBase`."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        """See `io.IOBase`."""
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """See `io.RawIOBase`; less than `size` bytes only at the end of the file."""
        left = max(0, self.size - self._at)
        data = self.part(self._at, left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def part(self, start: int, length: int) -> bytes:
        """Exactly those bytes."""
        for begin, data in filter(None, (self._first, self._piece)):
            if begin <= start and start + length <= begin + len(data):
                return data[start - begin : start - begin + length]
        if self.size <= self._piece_bytes:
            self._first = 0, self._fetch(0, self.size)
            return self.part(start, length)
        if self._first is None:
            self._first = start, self._fetch(start, length)
            return self._first[1]
        begin, kept = self._piece
        if not begin <= start <= begin + len(kept):
            begin, kept = start, b""
        kept = kept[start - begin :]
        wanted = max(length - len(kept), self._piece_bytes)
        self._piece = start, kept + self._fetch(start + len(kept), min(wanted, self.size - start - len(kept)))
        return self._piece[1][:length]

    def _fetch(self, start: int, length: int) -> bytes:
        retrying = Retrying(
            retry=retry_if_exception_type(SinkUnavailable),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(multiplier=0.2, max=5),
            reraise=True,
        )
        data: bytes = retrying(self._files.read, self.path, start, length)
        if len(data) != length:
            raise SinkUnavailable(f"{self._files.url(self.path)} is shorter than its directory says")
        return data
