"""The tables as pure folds, in reading order; `definition` says what a table is."""

from collections.abc import Collection
from typing import Any

from shopnow_streams.folds.activity import ACTIVITY
from shopnow_streams.folds.definition import Definition
from shopnow_streams.folds.hours import HOURS
from shopnow_streams.folds.late import LATE
from shopnow_streams.folds.orders import ORDERS
from shopnow_streams.folds.products import PRODUCTS
from shopnow_streams.folds.rejections import REJECTIONS
from shopnow_streams.folds.shop import SHOP
from shopnow_streams.folds.shoppers import SHOPPERS
from shopnow_streams.folds.stock import STOCK

TABLES: tuple[Definition[Any], ...] = (PRODUCTS, STOCK, ORDERS, HOURS, REJECTIONS, ACTIVITY, SHOP, SHOPPERS, LATE)


def kept(left_out: Collection[str]) -> tuple[Definition[Any], ...]:
    """The tables of an application that leaves some out."""
    return tuple(definition for definition in TABLES if definition.name not in left_out)
