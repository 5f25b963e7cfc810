"""How fast each stage goes, now and before."""

from datetime import timedelta
from typing import Any

from shopnow_streams.folds.shop import ShopWindow
from shopnow_streams.folds.windows import HOUR, MINUTE
from shopnow_streams.views.pace import Pace, paces
from tests.unit.folds.strategies import NOON

FIVE = timedelta(minutes=5)


def minute(ago: int, **counts: Any) -> tuple[str, ShopWindow]:
    return MINUTE.key(NOON - timedelta(minutes=ago)), ShopWindow(**counts)


def test_whole_minutes_are_compared_with_as_many_before_them() -> None:
    rows = [
        minute(0, orders=100),  # is not over
        minute(1, orders=4, views=10),
        minute(1, orders=1),  # of another partition
        minute(5, orders=5),
        minute(6, orders=5),
        minute(10, orders=15, payments=5),
        minute(11, orders=100),
        (HOUR.key(NOON - timedelta(minutes=1)), ShopWindow(orders=100)),
    ]
    found = paces(rows, NOON + timedelta(seconds=59), FIVE)
    assert found == {"views": Pace(2, 0), "adds": Pace(0, 0), "orders": Pace(2, 4), "payments": Pace(0, 1)}


def test_where_nothing_happened_it_is_zero() -> None:
    assert set(paces([], NOON, FIVE).values()) == {Pace(0, 0)}
