"""`at_least=<topic>:<partition>:<offset>`: an answer with an event in it that its producer knows to be written.

A producer's acknowledgement names its event's offset; whoever asks with it reads their own writes, on any worker.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from shopnow_streams.topics import Topic
from shopnow_streams.views.page import Problem, ProblemDetails
from shopnow_streams.views.parameters import converted, whole

MAX_EVENTS = 20
WAIT_MS = whole("wait_ms", 0, 10_000, 2_000, "How long to wait for the events of `at_least`, in milliseconds.", "500")

Offsets = Mapping[str, Mapping[int, int]]


class MissingEvent(Struct, frozen=True):
    """An event that is waited for. `stands` is its partition's next offset, null where nobody answers for it."""

    topic: str
    partition: int
    offset: int
    stands: int | None


class NotYetDetails(ProblemDetails, frozen=True, kw_only=True):
    """The events of `at_least` are not in the tables in time (RFC 9457)."""

    missing: list[MissingEvent]


class NotYet(Problem):
    """504: these events were not in the tables in time."""

    def __init__(self, missing: list[MissingEvent], wait_ms: int) -> None:
        first = missing[0]
        stands = "nobody answers for it" if first.stands is None else f"it stands at {first.stands}"
        super().__init__(
            504,
            "Gateway Timeout",
            f"{first.topic} partition {first.partition} has not folded offset {first.offset} within {wait_ms} ms: "
            f"{stands}. Ask again, or with a longer wait_ms",
        )
        self.missing = missing

    @property
    def body(self) -> ProblemDetails:
        """With each event that is missing."""
        return NotYetDetails(title=self.title, status=self.status, detail=self.detail, missing=self.missing)


@dataclass(frozen=True)
class Awaited:
    """The highest offset that is waited for, by topic and partition; and for how long."""

    offsets: Mapping[tuple[str, int], int]
    wait_ms: int = 0

    def missing(self, offsets: Offsets) -> list[MissingEvent]:
        """What is not in an answer that stands at `offsets`."""
        found = []
        for (topic, partition), offset in self.offsets.items():
            stands = offsets.get(topic, {}).get(partition)
            if stands is None or stands <= offset:
                found.append(MissingEvent(topic, partition, offset, stands))
        return found


NOTHING = Awaited({})
WAITING = ("at_least", "wait_ms")
"""The parameters of every read of a table."""


class AtLeast:
    """The parameter, for tables of so many partitions."""

    name = "at_least"
    meaning = (
        f"Answer only once this event, `topic:partition:offset`, is counted: up to {MAX_EVENTS} of them. Else, after "
        "`wait_ms`, 504 tells where its partition stands."
    )
    example = f"{Topic.PRODUCT_VIEWED}:0:0"

    def __init__(self, partitions: int) -> None:
        numbers = "|".join(str(number) for number in range(partitions))
        self.partitions = partitions
        self._one = Annotated[str, Meta(pattern=rf"^(?:{'|'.join(Topic)}):(?:{numbers}):(?:0|[1-9][0-9]{{0,17}})$")]

    def read(self, request: web.Request) -> Awaited:
        """What the request waits for. Raises Problem 400 for more events than can be, or what is none."""
        wait_ms = WAIT_MS.read(request)
        texts = request.query.getall(self.name, [])
        if len(texts) > MAX_EVENTS:
            raise Problem(400, "Bad Request", f"{self.name} is given {len(texts)} times: at most {MAX_EVENTS}")
        offsets: dict[tuple[str, int], int] = {}
        for text in texts:
            topic, partition, offset = self._parts(text)
            offsets[topic, partition] = max(offset, offsets.get((topic, partition), 0))
        return Awaited(offsets, wait_ms)

    def _parts(self, text: str) -> tuple[str, int, int]:
        try:
            converted(text, self._one)
            topic, partition, offset = text.split(":")
        except (msgspec.ValidationError, ValueError):
            raise Problem(
                400,
                "Bad Request",
                f"{self.name} must be topic:partition:offset, of {', '.join(Topic)} and a partition below "
                f"{self.partitions}, not {text[:40]!r}",
            ) from None
        return topic, int(partition), int(offset)

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"type": "array", "maxItems": MAX_EVENTS, "items": msgspec.json.schema(self._one)}
