"""`/api/late`: events that no window has, since they came too late or are dated ahead; and the watermarks."""

from datetime import UTC, datetime
from heapq import nlargest
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from shopnow_streams.events import Instant
from shopnow_streams.folds.late import LATE, NAMED, Late, LateEvent
from shopnow_streams.folds.watermark import EventTime
from shopnow_streams.topics import Topic
from shopnow_streams.views.awaited import WAITING
from shopnow_streams.views.customers import moment
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import only
from shopnow_streams.views.parameters import Parameter, whole
from shopnow_streams.views.standing import Count, Timed, timed
from tables.answer import Answer
from tables.reads import Query

_LATEST_MS = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)

TOPIC = Parameter[str | None](
    "topic",
    Literal.__getitem__(tuple(str(topic) for topic in Topic)),
    None,
    f"one of {', '.join(Topic)}",
    "Only this topic.",
    str(Topic.PRODUCT_VIEWED),
)
LIMIT = whole("limit", 1, len(Topic) * NAMED, 50, f"At most so many events; of each topic {NAMED} are named.", "5")


class LateTopic(Struct, frozen=True, kw_only=True):
    """One topic's event time."""

    topic: Annotated[str, Meta(examples=["produit-consulte"])]
    late: Annotated[Count, Meta(description="Events more than the allowed lateness behind the watermark.")]
    ahead: Annotated[Count, Meta(description="Events dated later than Kafka's time of their record, over the skew.")]
    watermark: Annotated[Instant, Meta(description="The furthest of its partitions.")] | None
    watermarks: Annotated[
        dict[int, Instant],
        Meta(description="By partition, the moment of the newest event that was not ahead. None before the first."),
    ]


class MisdatedEvent(Struct, frozen=True, kw_only=True):
    """An event that no window has. `shopnow archive show` finds it by its place."""

    topic: str
    partition: Count
    offset: Count
    timestamp: Annotated[Instant, Meta(description="What the event says of itself.")]
    arrived_at: Annotated[Instant, Meta(description="Kafka's time of its record; null where it is none.")] | None
    reason: Literal["late", "ahead"]


class LatePage(Timed, frozen=True, kw_only=True):
    """What came too late or is dated ahead, by topic, and the events that came last."""

    allowed_lateness_s: Annotated[float, Meta(ge=0, description="SHOPNOW_ALLOWED_LATENESS_S of this worker.")]
    clock_skew_s: Annotated[float, Meta(ge=0, description="SHOPNOW_CLOCK_SKEW_S of this worker.")]
    topics: list[LateTopic]
    items: Annotated[list[MisdatedEvent], Meta(description="The newest first, by Kafka's time of their records.")]


def shown(topic: str, event: LateEvent) -> MisdatedEvent:
    """An event as the API shows it."""
    arrived_ms = event.arrived_ms
    return MisdatedEvent(
        topic=topic,
        partition=event.partition,
        offset=event.offset,
        timestamp=event.timestamp,
        arrived_at=moment(arrived_ms) if 0 <= arrived_ms <= _LATEST_MS else None,
        reason="ahead" if event.ahead else "late",
    )


class LateEvents:
    """The resource, of workers with these rules."""

    def __init__(self, gather: Gather, rules: EventTime) -> None:
        self._gather = gather
        self._rules = rules

    async def listed(self, request: web.Request) -> LatePage:
        """All topics, or `topic`; and the newest `limit` of their events that are named."""
        only(request, "topic", "limit", *WAITING)
        topic, limit = TOPIC.read(request), LIMIT.read(request)
        topics = [str(each) for each in Topic] if topic is None else [topic]
        awaited = self._gather.at_least.read(request)
        answer: Answer[Late] = await self._gather.read(Query(LATE.name, keys=topics), awaited)
        rows = {str(key): late for key, late in answer.rows}
        named = ((event, of) for of, late in rows.items() for event in late.newest)
        return LatePage(
            allowed_lateness_s=self._rules.lateness.total_seconds(),
            clock_skew_s=self._rules.skew.total_seconds(),
            topics=[self._topic(each, rows.get(each, Late()), answer) for each in topics],
            items=[shown(of, event) for event, of in nlargest(limit, named)],
            **timed(answer),
        )

    def _topic(self, topic: str, late: Late, answer: Answer[Late]) -> LateTopic:
        watermarks = {
            number: watermark.astimezone(UTC)
            for number, watermark in answer.watermarks.get(topic, {}).items()
            if watermark > self._rules.beginning
        }
        return LateTopic(
            topic=topic,
            late=late.late,
            ahead=late.ahead,
            watermark=max(watermarks.values(), default=None),
            watermarks=watermarks,
        )
