"""Late events: those that no window has, by topic, and which ones came last. Fed by the watermark, not by a flow."""

from datetime import datetime

import msgspec

from shopnow_streams.folds.definition import Definition

NAMED = 100
"""So many are named, of each topic; all are counted."""


class LateEvent(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """One of them. They sort by when they came: `arrived_ms` is Kafka's time of the record, since 1970."""

    arrived_ms: int
    partition: int
    offset: int
    timestamp: datetime
    ahead: bool


class Late(msgspec.Struct, gc=False):
    """One topic: how many were late, how many dated ahead of Kafka's clock, and the newest of both, oldest first."""

    late: int = 0
    ahead: int = 0
    newest: list[LateEvent] = []


def misdated(late: Late, event: LateEvent) -> None:
    """One more."""
    if event.ahead:
        late.ahead += 1
    else:
        late.late += 1
    late.newest = _newest([*late.newest, event])


def merge(one: Late, other: Late) -> Late:
    """Counts add up; of those that are named the newest stay."""
    return Late(one.late + other.late, one.ahead + other.ahead, _newest([*one.newest, *other.newest]))


def _newest(events: list[LateEvent]) -> list[LateEvent]:
    return sorted(events)[-NAMED:]


LATE = Definition(
    name="late",
    help="each topic: events that came too late for any window, or are dated ahead",
    key_type=str,
    state=Late,
    merge=merge,
    flows=(),
)
