"""Who may take files out of the archive, or seal it: one at a time. A file in its root says who.

A lock that its owner's end left behind is taken over by whoever knows that the owner is gone: no clock tells that.
Should it be there all the same, it finds another's name in the lock before each step that readers see.
"""

import json
import os
import socket
import uuid
from datetime import UTC, datetime
from typing import Literal

from shopnow_streams.errors import ArchiveBusy
from sinks.archive import UNFINISHED
from sinks.files import Files

LOCK = "_changing"

Work = Literal["compact", "expire", "seal"]
"""The commands that change more than the next segment. The last one takes nothing away."""


class ExclusiveLock:
    """The lock of the archive on `files`, ours if it holds `token`. Every method blocks; raises SinkUnavailable."""

    def __init__(self, files: Files, token: str = "") -> None:
        self._files = files
        self.token = token

    def acquire(self, work: Work, *, take_over: bool = False) -> None:
        """Make it ours. Raises ArchiveBusy where it is another's, unless that is gone and `take_over` says so."""
        began = datetime.now(UTC).isoformat(timespec="seconds")
        mark = uuid.uuid4().hex
        who = {"work": work, "host": socket.gethostname(), "pid": os.getpid(), "began": began, "id": mark}
        self.token = json.dumps(who)
        unfinished = f"{UNFINISHED}/{LOCK}.{mark}"
        if take_over:
            self._files.remove(LOCK)
        self._files.write(unfinished, self.token.encode())
        if not self._files.rename(unfinished, LOCK):
            self._files.remove(unfinished)
            raise ArchiveBusy(_described(self._files, self._held()))

    def check(self) -> None:
        """Raises ArchiveBusy where it is not ours (any more)."""
        held = self._held()
        if held != self.token:
            raise ArchiveBusy(_described(self._files, held))

    def release(self) -> None:
        """Nobody's any more, if it is ours."""
        if self._held() == self.token:
            self._files.remove(LOCK)

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
        who = f"by `shopnow archive {said['work']}`, process {said['pid']} of {said['host']} since {said['began']}"
        again = f"`shopnow archive {said['work']} --take-over` finishes what it began"
    except (ValueError, KeyError, TypeError):
        who, again = "by somebody who left no name", "`shopnow archive compact --take-over` ends that"
    return f"files of {files.url('')} are being changed, {who}. Wait for its end; if that process is gone, {again}"
