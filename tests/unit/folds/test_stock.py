"""Stock: the newest count stands."""

from datetime import timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import Event, StockUpdated
from shopnow_streams.folds.stock import STOCK
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON, fold_all, histories


@given(histories(30))
@settings(max_examples=80)
def test_the_level_is_the_newest_count_and_the_lower_of_a_tie(history: list[tuple[Topic, Event]]) -> None:
    counts: dict[int, list[tuple[float, int]]] = {}
    for _, event in history:
        if isinstance(event, StockUpdated):
            counts.setdefault(event.id_produit, []).append((event.timestamp.timestamp(), -event.stock))
    rows = fold_all(STOCK, history)
    assert rows.keys() == counts.keys()
    for product, of_product in counts.items():
        at, units = max(of_product)
        row = rows[product]
        assert (row.counted_at.timestamp(), -row.units, row.counts) == (at, units, len(of_product))


@given(histories(10), st.integers(0, 9), st.integers(1, 10**6))
def test_an_older_count_that_comes_later_changes_no_level(
    history: list[tuple[Topic, Event]], stock: int, seconds: int
) -> None:
    for product, row in fold_all(STOCK, history).items():
        older = StockUpdated(timestamp=row.counted_at - timedelta(seconds=seconds), id_produit=product, stock=stock)
        after = fold_all(STOCK, [*history, (Topic.STOCK_UPDATED, older)])[product]
        assert (after.units, after.counted_at, after.counts) == (row.units, row.counted_at, row.counts + 1)


def test_newer_is_by_instant_not_by_the_clock_on_the_wall() -> None:
    paris = NOON.astimezone(timezone(timedelta(hours=2)))  # 14:00+02:00
    counts = [
        StockUpdated(timestamp=NOON.replace(hour=13), id_produit=1, stock=3),
        StockUpdated(timestamp=paris, id_produit=1, stock=8),
    ]
    for order in (counts, counts[::-1]):
        assert fold_all(STOCK, [(Topic.STOCK_UPDATED, count) for count in order])[1].units == 3
