"""What is left of a count: pure arithmetic over windows, whatever partitions rows are in and how long their windows."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import OrderLine, OrderPlaced
from shopnow_streams.folds.activity import ACTIVITY, Activity, merge
from shopnow_streams.topics import Topic
from shopnow_streams.views.estimate import estimate, first_window, hours_until_out, sold
from shopnow_streams.views.windows import LEVELS, filled, merged
from tables.store import PartitionStore
from tables.windowed import WindowedRows
from tests.unit.folds.strategies import NOON

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("ago", "first"),
    [
        (0 * MINUTE, "2025-11-28T12:00"),
        (0.5 * MINUTE, "2025-11-28T12:00"),
        (1.5 * MINUTE, "2025-11-28T11:59"),
        (120 * MINUTE, "2025-11-28T10:00"),
        (120.5 * MINUTE, "2025-11-28T10:00"),
        (121 * MINUTE, "2025-11-28T10"),
        (150 * MINUTE, "2025-11-28T10"),
        (48 * HOUR, "2025-11-26T12"),
        (49 * HOUR, "2025-11-27"),
        (90 * 24 * HOUR, "2025-08-31"),
        (91 * 24 * HOUR, "2025-08-30"),
        (92 * 24 * HOUR, None),
        (-5 * MINUTE, "2025-11-28T12:00"),
    ],
)
def test_units_are_taken_off_from_the_first_whole_window_that_is_kept(ago: timedelta, first: str | None) -> None:
    assert first_window(NOON - ago, NOON) == first


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1970-01-01T00:00:00Z"])
def test_a_count_of_any_moment_has_an_estimate(moment: str) -> None:
    at = datetime.fromisoformat(moment)
    first = first_window(at, NOON)
    assert estimate(5, first, sold([], first, NOON), NOON).units == (5 if at > NOON else None)


def test_what_is_sold_more_than_was_there_leaves_none() -> None:
    found = estimate(5, "2025-11-28T11", [9, 6, 9], NOON)
    assert (found.units, found.units_sold_since, found.hours_until_out) == (0, 9, 0)
    assert found.sold_from == NOON - HOUR


def test_a_rate_is_of_an_hour_or_where_nothing_sold_of_a_day() -> None:
    assert estimate(60, None, [0, 6, 48], NOON).units_per_hour == 6
    assert estimate(60, None, [0, 6, 48], NOON + 0.5 * MINUTE).units_per_hour == pytest.approx(6 / (60.5 / 60))
    assert estimate(60, "2025-11-28T12", [0, 0, 48], NOON).hours_until_out == 30
    assert estimate(60, "2025-11-28T12", [0, 0, 0], NOON).hours_until_out is None


def test_hours_until_out() -> None:
    assert hours_until_out(10, 4) == 2.5
    assert hours_until_out(0, 4) == 0
    assert hours_until_out(10, 0) is None


def order(minutes: int) -> OrderPlaced:
    at, articles = NOON + minutes * MINUTE, [OrderLine(id_produit=7, quantite=1, prix=1.0)]
    return OrderPlaced(timestamp=at, id_commande=1, user_id=1, articles=articles, montant_total=1.0)


def answers(rows: list[tuple[Any, Activity]], clock: datetime, counted_at: datetime) -> Any:
    """All that is said of a product."""
    windows = {by: filled(merged(rows, level, clock, merge), level, clock, Activity) for by, level in LEVELS.items()}
    units = {
        by: [(name, window.orders, window.units_sold) for name, window in found.items()]
        for by, found in windows.items()
    }
    first = first_window(counted_at, clock)
    return units, estimate(1_000, first, sold(rows, first, clock), clock)


@settings(max_examples=40, deadline=None)
@given(
    minutes=st.lists(st.integers(-60, 60) | st.integers(-4_000, 0) | st.integers(-140_000, 0), min_size=1, max_size=12),
    spread=st.lists(st.integers(0, 2), min_size=12, max_size=12),
    steps=st.lists(st.lists(st.integers(0, 140_000), max_size=2), min_size=3, max_size=3),
    counted=st.integers(0, 140_000),
)
def test_no_answer_depends_on_partitions_nor_on_when_rows_were_moved(
    minutes: list[int], spread: list[int], steps: list[list[int]], counted: int
) -> None:
    events = [order(each) for each in minutes]
    clock = max(event.timestamp for event in events)
    with tempfile.TemporaryDirectory() as folder:
        together: list[tuple[Any, Activity]] = []
        for number in range(3):
            mine = [event for event, of in zip(events, spread, strict=False) if of == number]
            store = PartitionStore(Path(folder) / str(number))
            rows = folded(store, mine)
            for ago in sorted(steps[number], reverse=True):
                rows.advance(clock - ago * MINUTE)
            together += rows.everything()
            store.close()
        store = PartitionStore(Path(folder) / "one")
        alone = list(folded(store, events).everything())
        store.close()
    counted_at = clock - counted * MINUTE
    assert answers(together, clock, counted_at) == answers(alone, clock, counted_at)


def folded(store: PartitionStore, events: list[OrderPlaced]) -> WindowedRows[Activity]:
    assert ACTIVITY.windows is not None
    rows = WindowedRows(ACTIVITY, ACTIVITY.windows, store)
    for flow in ACTIVITY.flows:
        if flow.topic == Topic.ORDER_PLACED:
            rows.fold(flow, events)
    return rows
