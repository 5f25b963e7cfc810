"""Orders and transitions for the tests of alerts, in few words."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shopnow_streams.alerts.transition import Rule, State, Transition, alert_id
from shopnow_streams.folds.orders import Order

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()


def order(placed_min: float | None = 0, paid_min: float | None = None, **fields: Any) -> Order:
    """One that was placed and paid so many minutes after noon, of 1000 centimes."""
    given: dict[str, Any] = {}
    if placed_min is not None:
        given |= {"placements": 1, "placed_cents": 1_000, "placed_at": NOON + timedelta(minutes=placed_min)}
    if paid_min is not None:
        given |= {"payments": 1, "paid_cents": 1_000, "paid_at": NOON + timedelta(minutes=paid_min)}
    return Order(**given | fields)


def transition(rule: Rule, subject: str, state: State, offset: int = 0, origin: int = 7) -> Transition:
    """One of that alert, judged at that offset of the stock topic."""
    return Transition(
        id=alert_id(rule, subject),
        rule=rule,
        subject=subject,
        state=state,
        at=NOON,
        value=1.0,
        threshold=2.0,
        unit="units",
        message="so it is",
        offsets={"stock-mis-a-jour": {0: offset}},
        origin=origin,
    )
