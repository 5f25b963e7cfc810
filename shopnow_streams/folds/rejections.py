"""Rejections: how many records of each topic were not events, by reason. Fed by the decoder, not by a flow."""

import msgspec

from shopnow_streams.folds.definition import Definition


class Rejections(msgspec.Struct, gc=False):
    """One topic. `by_reason` maps `events.Rejection.reason` to a count."""

    by_reason: dict[str, int] = {}


def rejected(rejections: Rejections, reason: str) -> None:
    """One more for that reason."""
    rejections.by_reason[reason] = rejections.by_reason.get(reason, 0) + 1


def merge(one: Rejections, other: Rejections) -> Rejections:
    """Counts add up, reason by reason."""
    reasons = sorted(one.by_reason.keys() | other.by_reason.keys())
    return Rejections({reason: one.by_reason.get(reason, 0) + other.by_reason.get(reason, 0) for reason in reasons})


REJECTIONS = Definition(
    name="rejections",
    help="each topic: what was not an event, by reason",
    key_type=str,
    state=Rejections,
    merge=merge,
    flows=(),
)
