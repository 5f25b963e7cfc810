"""`/health/live`: the loop turns. `/health/ready`: offsets move, or there is nothing left to read."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from aiohttp import web
from faust.types import TP
from msgspec import Meta, Struct

from shopnow_streams.views.page import json_response

STALLED_S = 30.0


class Live(Struct, frozen=True):
    """The worker's loop turns."""

    status: Literal["live"] = "live"


class Ready(Struct, frozen=True):
    """Whether offsets move."""

    status: Literal["ready", "not ready"]
    reasons: Annotated[list[str], Meta(description="Why it is not ready.")]
    lag: Annotated[int, Meta(description="Records of this worker's partitions not yet folded.")]


class Health:
    """The worker's health, by its progress. `lag` gives records not yet folded, by partition of a topic."""

    def __init__(
        self,
        settled: Callable[[], bool],
        lag: Callable[[], Mapping[TP, int]],
        next_offset: Callable[[TP], int | None],
    ) -> None:
        self._settled = settled
        self._lag = lag
        self._next_offset = next_offset
        self._moved: dict[TP, tuple[int, int | None, float]] = {}

    async def live(self, _request: web.Request) -> Live:
        """Answering at all is the answer."""
        return Live()

    async def ready(self, _request: web.Request) -> web.Response:
        """503 while partitions are being restored, or where one has stood still for `STALLED_S` with records left."""
        reasons = [] if self._settled() else ["partitions are being assigned or restored"]
        lag = self._lag()
        reasons += [
            f"{tp.topic} partition {tp.partition}: {lag[tp]} records behind and standing" for tp in self._stalled(lag)
        ]
        body = Ready("not ready" if reasons else "ready", reasons, sum(lag.values()))
        return json_response(body, 503 if reasons else 200)

    def _stalled(self, lag: Mapping[TP, int]) -> list[TP]:
        now = time.monotonic()
        stalled = []
        for tp, behind in lag.items():
            stands = self._next_offset(tp)
            before, stood, since = self._moved.get(tp, (behind + 1, None, now))
            if behind == 0 or behind < before or stands != stood:
                self._moved[tp] = (behind, stands, now)
            elif now - since > STALLED_S:
                stalled.append(tp)
        return stalled
