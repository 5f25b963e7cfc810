"""Faults to order: `Files` that fail where a test or a drill wants them to."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from shopnow_streams.errors import SinkUnavailable
from sinks.files import Entry, Files, JoinableFiles

Call = Literal["list", "stat", "read", "write", "make", "rename", "remove", "concat", "truncate", "set_modified"]
Fault = Literal["refused", "unanswered", "cut", "cut-unnoticed"]
Result = TypeVar("Result")


class FaultyFiles:
    """`files`, whose next calls meet the faults planned for them, one a call.

    `refused`: nothing was done. `unanswered`: it was done, and the caller cannot know. `cut`: half of a write arrived.
    `cut-unnoticed`: likewise, and the write succeeds. While `down`, every call is refused.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._planned: dict[Call, deque[Fault | None]] = {}
        self.down = False
        self.calls: list[Call] = []

    def plan(self, call: Call, *faults: Fault | None) -> None:
        """The next calls of that name meet these faults, in this order; None lets one through."""
        self._planned.setdefault(call, deque()).extend(faults)

    def list(self, path: str) -> list[Entry]:
        """See `Files`."""
        return self._meet("list", lambda: self._files.list(path))

    def stat(self, path: str) -> Entry | None:
        """See `Files`."""
        return self._meet("stat", lambda: self._files.stat(path))

    def read(self, path: str, start: int, length: int) -> bytes:
        """See `Files`."""
        return self._meet("read", lambda: self._files.read(path, start, length))

    def write(self, path: str, data: bytes) -> None:
        """See `Files`."""
        planned = self._planned.get("write")
        if planned and planned[0] in ("cut", "cut-unnoticed") and not self.down:
            self.calls.append("write")
            self._files.write(path, data[: len(data) // 2])
            if planned.popleft() == "cut":
                raise SinkUnavailable("write: cut, as planned")
            return
        self._meet("write", lambda: self._files.write(path, data))

    def make(self, path: str) -> None:
        """See `Files`."""
        self._meet("make", lambda: self._files.make(path))

    def rename(self, source: str, target: str) -> bool:
        """See `Files`."""
        return self._meet("rename", lambda: self._files.rename(source, target))

    def remove(self, path: str) -> None:
        """See `Files`."""
        self._meet("remove", lambda: self._files.remove(path))

    def url(self, path: str) -> str:
        """See `Files`."""
        return self._files.url(path)

    def _meet(self, call: Call, carry_out: Callable[[], Result]) -> Result:
        self.calls.append(call)
        planned = self._planned.get(call)
        fault = planned.popleft() if planned else None
        if self.down or fault == "refused":
            raise SinkUnavailable(f"{call}: refused, as planned")
        result = carry_out()
        if fault is not None:
            raise SinkUnavailable(f"{call}: unanswered, as planned")
        return result


class FaultyJoinableFiles(FaultyFiles):
    """The same of files that can be joined."""

    def __init__(self, files: JoinableFiles) -> None:
        super().__init__(files)
        self._joinable = files

    def concat(self, target: str, sources: Sequence[str]) -> None:
        """See `JoinableFiles`."""
        self._meet("concat", lambda: self._joinable.concat(target, sources))

    def truncate(self, path: str, length: int) -> None:
        """See `JoinableFiles`."""
        self._meet("truncate", lambda: self._joinable.truncate(path, length))

    def set_modified(self, path: str, modified_ms: int) -> None:
        """See `JoinableFiles`."""
        self._meet("set_modified", lambda: self._joinable.set_modified(path, modified_ms))
