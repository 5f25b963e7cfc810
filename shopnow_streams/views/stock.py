"""`/api/stock`: the newest count of each product, by id or the lowest first; `/api/stock/{id}`."""

from typing import Any

from shopnow_streams.folds.definition import Key
from shopnow_streams.folds.stock import STOCK, StockLevel
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.listing import Listing


def shown(key: Key, level: StockLevel) -> dict[str, Any]:
    """A stock level as the API shows it."""
    return {"id_produit": key, "units": level.units, "counted_at": level.counted_at, "counts": level.counts}


def resource(gather: Gather) -> Listing[StockLevel]:
    """The stock resource; ranked by units, what is nearly sold out comes first."""
    return Listing(gather, STOCK, shown, "stock count of product", {"units": lambda level: level.units})
