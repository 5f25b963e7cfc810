"""What an archive needs of a file system. Adapters: `sinks.hdfs`, `sinks.local`, `sinks.memory`."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Entry(NamedTuple):
    """A file or a directory. `modified_ms`: when the file was closed, or an entry of the directory came or went."""

    name: str
    is_directory: bool
    size: int
    modified_ms: int


class Files(Protocol):
    """A directory tree. Paths are relative to its root, with '/' between; '' is the root itself.

    Every method may block and may raise SinkUnavailable, after which it may have been carried out or not.
    Safe to call from several threads.
    """

    def list(self, path: str) -> list[Entry]:
        """What is in that directory, in no order; empty where there is no such directory."""

    def stat(self, path: str) -> Entry | None:
        """That file or directory, None where there is none."""

    def read(self, path: str, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start` on; SinkUnavailable where fewer came. FileNotFoundError: no such file."""

    def write(self, path: str, data: bytes) -> None:
        """Create that file, and its directories; durable on return. Where it raises, any part of it may stand there."""

    def make(self, path: str) -> None:
        """Create that directory and those above it, where they are not there yet."""

    def rename(self, source: str, target: str) -> bool:
        """Give a file its final name, in one step that fails where `target` exists. False: it was not done.

        The target's directory must exist. Of several callers with one target, exactly one gets True.
        """

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""

    def url(self, path: str) -> str:
        """The path as a user would write it, for messages."""


@runtime_checkable
class JoinableFiles(Files, Protocol):
    """A file system on which several files become one in one step."""

    def concat(self, target: str, sources: Sequence[str]) -> None:
        """Append `sources`, of the same directory, to `target`, and remove them: all of it or nothing.

        SinkUnavailable where one of them is not there, among other reasons.
        """

    def truncate(self, path: str, length: int) -> None:
        """Cut the file to its first `length` bytes. SinkUnavailable or FileNotFoundError where it has not so many.

        Readers that are in what is left do not notice.
        """

    def set_modified(self, path: str, modified_ms: int) -> None:
        """Say that the file was closed then. FileNotFoundError: no such file."""
