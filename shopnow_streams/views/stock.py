"""`/api/stock`: the newest count of each product, by id or the lowest first; `/api/stock/{id}`."""

from typing import Annotated

from msgspec import Meta, Struct

from shopnow_streams.events import Instant, ProductId
from shopnow_streams.folds.definition import Key
from shopnow_streams.folds.stock import STOCK, StockLevel
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.listing import Listing
from shopnow_streams.views.standing import Count, Page, with_standing

RANKINGS = ("units",)


class Level(Struct, frozen=True, kw_only=True):
    """What there is of one product."""

    id_produit: Annotated[ProductId, Meta(examples=[1597])]
    units: Annotated[Count, Meta(description="Units on hand at the newest count.")]
    counted_at: Annotated[Instant, Meta(description="When that was.")]
    counts: Annotated[int, Meta(ge=1, description="How many counts there were.")]


class StockPage(Page[Level], frozen=True, kw_only=True):
    """Stock levels in order of id, or the lowest first."""


StockAnswer = with_standing(Level, "StockAnswer")


def shown(key: Key, level: StockLevel) -> Level:
    """A stock level as the API shows it."""
    return Level(id_produit=int(key), units=level.units, counted_at=level.counted_at, counts=level.counts)


def resource(gather: Gather) -> Listing[StockLevel]:
    """The stock resource; ranked by units, what is nearly sold out comes first."""
    what, rankings = "stock count of product", {"units": lambda level: level.units}
    return Listing(gather, STOCK, shown, (StockAnswer, StockPage), what, rankings)
