"""An archive's files in a local directory."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shopnow_streams.errors import SinkUnavailable
from sinks.files import Entry


class LocalFiles:
    """`Files` under `root`, on a file system that knows hard links (a link is what fails where a name is taken)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, path: str) -> list[Entry]:
        """See `Files`."""
        found = []
        with self._explained(path):
            try:
                with os.scandir(self._root / path) as entries:
                    for entry in entries:
                        found.append(_entry(entry.name, entry.stat()))  # noqa: PERF401  (a file may go meanwhile)
            except FileNotFoundError:
                pass
        return found

    def stat(self, path: str) -> Entry | None:
        """See `Files`."""
        with self._explained(path):
            try:
                return _entry(Path(path).name, (self._root / path).stat())
            except FileNotFoundError:
                return None

    def read(self, path: str, start: int, length: int) -> bytes:
        """See `Files`."""
        with self._explained(path), (self._root / path).open("rb") as file:
            file.seek(start)
            data = file.read(length)
        if len(data) != length:
            raise SinkUnavailable(f"{self.url(path)} gave {len(data)} of {length} bytes: is it being changed?")
        return data

    def write(self, path: str, data: bytes) -> None:
        """See `Files`."""
        target = self._root / path
        with self._explained(path):
            self._make(target.parent)
            with target.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())

    def make(self, path: str) -> None:
        """See `Files`."""
        with self._explained(path):
            self._make(self._root / path)

    def rename(self, source: str, target: str) -> bool:
        """See `Files`."""
        with self._explained(target):
            try:
                (self._root / target).hardlink_to(self._root / source)
            except (FileExistsError, FileNotFoundError):
                return False
            _sync((self._root / target).parent)
            (self._root / source).unlink(missing_ok=True)
            return True

    def remove(self, path: str) -> None:
        """See `Files`."""
        with self._explained(path):
            (self._root / path).unlink(missing_ok=True)

    def url(self, path: str) -> str:
        """See `Files`."""
        return f"file://{(self._root / path).absolute()}"

    def _make(self, directory: Path) -> None:
        """Create what is missing, each level durable before what comes into it."""
        if directory.is_dir():
            return
        self._make(directory.parent)
        directory.mkdir(exist_ok=True)
        _sync(directory.parent)

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        """Every OSError but a file that is missing, as a sentence for whoever looks after the disk."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            advice = _ADVICE.get(error.errno or 0, "the same segment can be offered again")
            raise SinkUnavailable(f"{self.url(path)}: {error.strerror or error}; {advice}.") from error


def _entry(name: str, stat: os.stat_result) -> Entry:
    is_directory = (stat.st_mode & 0o170000) == 0o040000
    return Entry(name, is_directory, stat.st_size, stat.st_mtime_ns // 1_000_000)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_ADVICE = {
    errno.ENOSPC: "free some space, and the segment is taken at the next try",
    errno.EDQUOT: "raise the quota, and the segment is taken at the next try",
    errno.EACCES: "let the user that runs this write there",
    errno.EROFS: "mount it so that it can be written to",
    errno.EPERM: "it may be a file system without hard links, on which no two writers can be told apart: use another",
    errno.ENOTSUP: "it is a file system without hard links, on which no two writers can be told apart: use another",
}
