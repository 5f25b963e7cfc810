"""A transition: an alert was raised, or resolved. A record of the topic `alertes`, keyed by the alert's id."""

from datetime import UTC, datetime
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from shopnow_streams.events import Instant

Rule = Literal["low-stock", "running-out", "unpaid-order", "payment-mismatch", "paid-twice", "rate-fall", "rate-spike"]
RULES: tuple[Rule, ...] = get_args(Rule)

State = Literal["raised", "resolved"]
Unit = Literal["units", "hours", "minutes", "cents", "payments", "per minute"]

Offsets = dict[str, dict[int, int]]
"""Next offset by topic and partition."""

AlertId = Annotated[
    str, Meta(description="`rule:subject`: the same each time the alert is raised.", examples=["low-stock:1597"])
]
Subject = Annotated[
    str, Meta(description="What it is about: a product's or an order's id, or a kind of event.", examples=["1597"])
]


class Transition(Struct, frozen=True, kw_only=True):
    """An alert that was raised or resolved. Of one alert these alternate, and the first one is `raised`."""

    id: AlertId
    rule: Rule
    subject: Subject
    state: State
    at: Annotated[Instant, Meta(description="When it was judged.")]
    value: Annotated[float, Meta(description="What was compared, in `unit`; null where the rule has no number.")] | None
    threshold: Annotated[float, Meta(description="What it was compared with, in `unit`.")] | None
    unit: Unit
    message: Annotated[
        str, Meta(description="In a sentence.", examples=["product 1597 is low: 4 units are left (5 or fewer is low)"])
    ]
    offsets: Annotated[
        Offsets,
        Meta(
            description="The next offset by topic and partition: judged was every event below, and none above.",
            examples=[{"stock-mis-a-jour": {"0": 60351, "1": 140897}}],
        ),
    ]
    origin: Annotated[
        int, Meta(description="The same for offsets that can be compared: of the same application, topics and folds.")
    ]


def alert_id(rule: Rule, subject: str) -> str:
    """The key of the topic's records."""
    return f"{rule}:{subject}"


def encode(transition: Transition) -> bytes:
    """The record's value; also the body that a webhook is sent."""
    return msgspec.json.encode(transition)


decode = msgspec.json.Decoder(Transition).decode
"""The inverse of `encode`. Raises msgspec.MsgspecError for what is no transition."""


def moment(seconds: float) -> datetime:
    """Of a clock's seconds since 1970, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
