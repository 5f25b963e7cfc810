"""Stock levels: the newest count of each product, whatever the order in which counts arrive."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

import msgspec

from shopnow_streams.events import StockUpdated
from shopnow_streams.folds.definition import NEVER, Definition, Flow, by
from shopnow_streams.topics import Topic


class StockLevel(msgspec.Struct, gc=False):
    """Units on hand at the newest count; `counts` is how many counts there were."""

    units: int = 0
    counted_at: datetime = NEVER
    counts: int = 0


def counted(level: StockLevel, events: Sequence[StockUpdated]) -> None:
    """The newest count wins; an older one that arrives late changes nothing. Of two counts of the same instant
    the lower one stands: selling what is not there is the worse mistake."""
    if not level.counts:
        level.units, level.counted_at = events[0].stock, events[0].timestamp
    level.counts += len(events)
    for event in events:
        at = event.timestamp
        if at >= level.counted_at and (at > level.counted_at or event.stock < level.units):
            level.units, level.counted_at = event.stock, at


def merge(one: StockLevel, other: StockLevel) -> StockLevel:
    """The newest count of both, by the same rule."""
    newest = max(one, other, key=lambda level: (level.counted_at, -level.units))
    return StockLevel(newest.units, newest.counted_at, one.counts + other.counts)


STOCK = Definition(
    name="stock",
    help="each product: units on hand at the newest count",
    key_type=int,
    state=StockLevel,
    merge=merge,
    flows=(Flow(Topic.STOCK_UPDATED, by(attrgetter("id_produit")), counted),),
)
