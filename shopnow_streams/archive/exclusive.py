"""Who may take files out of the archive, or seal it: one at a time. A file in its root says who.

A lock that its owner's end left behind is taken over by whoever knows that the owner is gone: no clock tells that.
Should it be there all the same, it finds another's name in the lock before each step that readers see.
"""

import json
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal

from shopnow_streams.errors import ArchiveBusy
from shopnow_streams.topics import Topic
from sinks.files import Files
from sinks.placing import place

LOCK = "_changing"

HIDDEN = "_compact+"
"""What the names of files begin with that a compaction has ready, beside the segments."""

Work = Literal["compact", "expire", "repair", "seal"]
"""The commands that change more than the next segment. The last one takes nothing away."""


class ExclusiveLock:
    """The lock of the archive on `files`, ours if it holds `token`. Every method blocks; raises SinkUnavailable."""

    def __init__(self, files: Files, token: str = "") -> None:
        self._files = files
        self.token = token

    def acquire(self, work: Work, *, take_over: bool = False) -> None:
        """Make it ours. Raises ArchiveBusy where it is another's, unless that is gone and `take_over` says so.

        Then what the other had ready is removed: should it only have slept, it finds nothing to go on with. So is,
        before a compaction, what one that was killed had. Whatever is raised, call `release` after it; see `holding`.
        """
        began = datetime.now(UTC).isoformat(timespec="seconds")
        who = {"work": work, "host": socket.gethostname(), "pid": os.getpid(), "began": began, "id": uuid.uuid4().hex}
        self.token = json.dumps(who)
        if take_over:
            self._files.remove(LOCK)
        if not place(self._files, LOCK, self.token.encode()):
            raise ArchiveBusy(_described(self._files, self._held()))
        if take_over or work == "compact":
            self._remove_hidden()

    @contextmanager
    def holding(self, work: Work, *, take_over: bool = False) -> Iterator[None]:
        """It is ours for as long as the block lasts. Raises as `acquire`."""
        try:
            self.acquire(work, take_over=take_over)
            yield
        finally:
            self.release()

    def check(self) -> None:
        """Raises ArchiveBusy where it is not ours (any more)."""
        held = self._held()
        if held != self.token:
            raise ArchiveBusy(_described(self._files, held))

    def release(self) -> None:
        """Nobody's any more, if it is ours."""
        if self.token and self._held() == self.token:
            self._files.remove(LOCK)

    def _remove_hidden(self) -> None:
        for topic in Topic:
            for day in self._files.list(str(topic)):
                for entry in self._files.list(f"{topic}/{day.name}") if day.is_directory else ():
                    if entry.name.startswith(HIDDEN):
                        self._files.remove(f"{topic}/{day.name}/{entry.name}")

    def _held(self) -> str:
        return _content(self._files)


def refuse_while_changing(files: Files) -> None:
    """Raises ArchiveBusy while files may go between their being listed and being read."""
    held = _content(files)
    if held and '"work": "seal"' not in held:
        raise ArchiveBusy(_described(files, held))


def _content(files: Files) -> str:
    entry = files.stat(LOCK)
    return "" if entry is None else files.read(LOCK, 0, entry.size).decode(errors="replace")


def _described(files: Files, held: str) -> str:
    try:
        said = json.loads(held)
        work = f"{said['work']}"
        who = f"by `shopnow archive {_COMMANDS.get(work, work)}`, process {said['pid']} of {said['host']}"
        who += f" since {said['began']}"
    except (ValueError, KeyError, TypeError):
        work, who = "seal", "by somebody who left no name"
    again = f"`shopnow archive {_COMMANDS.get(work, work)} --take-over` ends that"
    return f"files of {files.url('')} are being changed, {who}. Wait for its end; if that process is gone, {again}"


_COMMANDS = {"repair": "verify --repair", "expire": "expire --delete"}
"""Of works whose command has another name."""
