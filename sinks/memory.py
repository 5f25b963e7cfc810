"""An archive's files in memory: for tests, and for trying things out without a disk."""

import threading
import time
from collections.abc import Callable, Sequence

from shopnow_streams.errors import SinkUnavailable
from sinks.files import Entry


class MemoryFiles:
    """`Files` that end with the object. `clock` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._files: dict[str, bytes] = {}
        self._modified_ms: dict[str, int] = {"": 0}  # of files and directories

    def list(self, path: str) -> list[Entry]:
        """See `Files`."""
        below = f"{path}/" if path else ""
        with self._lock:
            names = [name for name in self._modified_ms if name and name.startswith(below)]
            return [self._entry(name) for name in names if "/" not in name[len(below) :]]

    def stat(self, path: str) -> Entry | None:
        """See `Files`."""
        with self._lock:
            return self._entry(path) if path in self._modified_ms else None

    def read(self, path: str, start: int, length: int) -> bytes:
        """See `Files`."""
        with self._lock:
            if path not in self._files:
                raise FileNotFoundError(f"{self.url(path)} does not exist")
            return self._files[path][start : start + length]

    def write(self, path: str, data: bytes) -> None:
        """See `Files`."""
        with self._lock:
            if path in self._modified_ms:
                raise FileExistsError(f"{self.url(path)} exists")
            self._make(_parent(path))
            self._files[path] = data
            self._touch(path)

    def make(self, path: str) -> None:
        """See `Files`."""
        with self._lock:
            self._make(path)

    def rename(self, source: str, target: str) -> bool:
        """See `Files`."""
        with self._lock:
            if source not in self._files or target in self._modified_ms or _parent(target) not in self._modified_ms:
                return False
            self._files[target] = self._files.pop(source)
            self._modified_ms[target] = self._modified_ms.pop(source)
            self._modified_ms[_parent(source)] = self._modified_ms[_parent(target)] = self._now_ms()
            return True

    def remove(self, path: str) -> None:
        """See `Files`."""
        with self._lock:
            if self._files.pop(path, None) is not None:
                del self._modified_ms[path]
                self._modified_ms[_parent(path)] = self._now_ms()

    def concat(self, target: str, sources: Sequence[str]) -> None:
        """See `JoinableFiles`."""
        with self._lock:
            missing = [path for path in (target, *sources) if path not in self._files]
            if missing or any(_parent(path) != _parent(target) for path in sources):
                raise SinkUnavailable(f"{', '.join(map(self.url, missing))}: not there, or of another directory")
            self._files[target] += b"".join(self._files.pop(path) for path in sources)
            for path in sources:
                del self._modified_ms[path]
            self._touch(target)

    def truncate(self, path: str, length: int) -> None:
        """See `JoinableFiles`."""
        with self._lock:
            if len(self._files.get(path, b"")) < length:
                raise SinkUnavailable(f"{self.url(path)} has no {length} bytes")
            self._files[path] = self._files[path][:length]
            self._touch(path)

    def set_modified(self, path: str, modified_ms: int) -> None:
        """See `JoinableFiles`."""
        with self._lock:
            if path not in self._files:
                raise FileNotFoundError(f"{self.url(path)} does not exist")
            self._modified_ms[path] = modified_ms

    def url(self, path: str) -> str:
        """See `Files`."""
        return f"memory:///{path}"

    def _entry(self, path: str) -> Entry:
        data = self._files.get(path)
        return Entry(path.rpartition("/")[2], data is None, len(data or b""), self._modified_ms[path])

    def _make(self, path: str) -> None:
        if path not in self._modified_ms:
            self._make(_parent(path))
            self._touch(path)

    def _touch(self, path: str) -> None:
        self._modified_ms[path] = self._modified_ms[_parent(path)] = self._now_ms()

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
