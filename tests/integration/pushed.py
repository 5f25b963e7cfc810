"""A client of `/api/stream` on a thread of its own, beside a test that blocks."""

import threading
import urllib.request
from types import TracebackType
from typing import Any, Self

from tests.unit.views.listener import KEYS, Heard, parsed


class Pushed:
    """`with Pushed(url) as pushed: ...`; what was heard so far, the rows by key, and the last id."""

    def __init__(self, url: str, last_id: str | None = None) -> None:
        self.heard: list[Heard] = []
        self.last_id = last_id
        self.ended = threading.Event()
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        self._request = urllib.request.Request(f"{url}/api/stream", headers=headers)  # noqa: S310

    def __enter__(self) -> Self:
        self._response = urllib.request.urlopen(self._request, timeout=60)  # noqa: S310
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.ended.is_set():
            self._response.fp.raw._sock.shutdown(2)
        self._thread.join(10)
        self._response.close()

    def _read(self) -> None:
        block = b""
        try:
            for line in self._response:
                block += line
                if line == b"\n":
                    for name, body, event_id in parsed(block):
                        self.heard.append((name, body, event_id))
                        self.last_id = event_id or self.last_id
                    block = b""
        except OSError:
            pass
        self.ended.set()

    def rows(self, name: str) -> dict[str, Any]:
        """The last of each row of a table."""
        events = [body for event, body, _ in self.heard if event == name]
        return {str(item[KEYS[name]]): item for body in events for item in body["items"]}

    def named(self, name: str) -> list[Any]:
        """The data of all events with this name."""
        return [body for event, body, _ in self.heard if event == name]
