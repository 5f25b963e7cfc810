"""Stock levels: the newest count of each product, whatever the order in which counts arrive."""

from datetime import datetime
from operator import attrgetter

import msgspec

from shopnow_streams.events import StockUpdated
from shopnow_streams.folds.definition import NEVER, Definition, Flow
from shopnow_streams.topics import Topic


class StockLevel(msgspec.Struct, gc=False):
    """Units on hand at the newest count; `counts` is how many counts there were."""

    units: int = 0
    counted_at: datetime = NEVER
    counts: int = 0


def counted(level: StockLevel, event: StockUpdated) -> StockLevel:
    """The newest count wins; an older one that arrives late changes nothing. Of two counts of the same instant
    the lower one stands: selling what is not there is the worse mistake."""
    level.counts += 1
    if (event.timestamp, -event.stock) > (level.counted_at, -level.units):
        level.units, level.counted_at = event.stock, event.timestamp
    return level


def merge(one: StockLevel, other: StockLevel) -> StockLevel:
    """The newest count of both, by the same rule."""
    newest = max(one, other, key=lambda level: (level.counted_at, -level.units))
    return StockLevel(newest.units, newest.counted_at, one.counts + other.counts)


STOCK = Definition(
    name="stock",
    key_type=int,
    state=StockLevel,
    merge=merge,
    flows=(Flow(Topic.STOCK_UPDATED, key=attrgetter("id_produit"), fold=counted),),
)
