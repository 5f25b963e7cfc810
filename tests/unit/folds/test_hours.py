"""Hours: the key of an event's hour, and the counts of one."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import Event, ItemAddedToCart, OrderPlaced, PaymentAccepted, ProductViewed
from shopnow_streams.folds.hours import HOURS, by_hour, hour_key, hour_start
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import any_moments, fold_all, histories, moments, offsets

first, last = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)
near_the_ends = st.one_of(
    st.builds(
        lambda minutes, zone: (first + timedelta(minutes=minutes)).replace(tzinfo=zone), st.integers(0, 1600), offsets
    ),
    st.builds(
        lambda minutes, zone: (last - timedelta(minutes=minutes)).replace(tzinfo=zone), st.integers(0, 1600), offsets
    ),
)


def oracle(moment: datetime) -> str:
    """The hour in UTC, by arithmetic on the clock; by its own clock where there is no such UTC."""
    own_clock = moment.replace(tzinfo=None)
    try:
        return (own_clock - (moment.utcoffset() or timedelta())).isoformat()[:13]
    except OverflowError:
        return own_clock.isoformat()[:13]


def hours_of(events: list[ProductViewed]) -> list[str]:
    """The hour that each event was grouped under."""
    hours = {id(event): hour for hour, group in by_hour(events).items() for event in group}
    return [hours[id(event)] for event in events]


def hour_of(event: ProductViewed) -> str:
    return hours_of([event])[0]


def event_at(moment: datetime) -> ProductViewed:
    return ProductViewed(timestamp=moment, id_produit=1, nom_produit="", prix=0.0)


@given(st.lists(moments, min_size=1, max_size=8))
@settings(max_examples=100)
def test_the_key_is_the_hour_whatever_came_before_in_the_batch(asked: list[datetime]) -> None:
    events = [event_at(moment) for moment in asked]
    assert hours_of(events) == [oracle(moment) for moment in asked]
    assert [hour_of(event) for event in events] == hours_of(events)


@given(st.lists(near_the_ends | any_moments, min_size=1, max_size=8))
@settings(max_examples=100)
def test_the_key_is_the_hour_at_the_ends_of_the_calendar_too(asked: list[datetime]) -> None:
    events = [event_at(moment) for moment in asked]
    assert hours_of(events) == [oracle(moment) for moment in asked]
    assert [hour_of(event) for event in events] == hours_of(events)


@pytest.mark.parametrize(
    ("moment", "key"),
    [
        ("2025-11-28T10:00:00+00:00", "2025-11-28T10"),
        ("2025-11-28T10:59:59.999999+00:00", "2025-11-28T10"),
        ("2025-11-28T11:00:00+00:00", "2025-11-28T11"),
        ("2025-11-28T00:30:00+02:00", "2025-11-27T22"),
        ("2025-12-31T23:30:00-05:30", "2026-01-01T05"),
        ("2025-11-28T10:15:00+05:45", "2025-11-28T04"),
        ("0001-01-01T00:00:00+00:00", "0001-01-01T00"),
        ("9999-12-31T23:59:59.999999+00:00", "9999-12-31T23"),
    ],
)
def test_examples(moment: str, key: str) -> None:
    assert hour_of(event_at(datetime.fromisoformat(moment))) == key


@given(any_moments, any_moments)
def test_keys_sort_as_hours_do(one: datetime, other: datetime) -> None:
    starts = hour_start(one), hour_start(other)
    keys = tuple(map(hour_key, starts))
    assert (starts[0] < starts[1]) == (keys[0] < keys[1])


@given(any_moments)
def test_an_hour_begins_on_the_hour_in_utc(moment: datetime) -> None:
    start = hour_start(moment)
    assert start.utcoffset() == timedelta()
    assert (start.minute, start.second, start.microsecond) == (0, 0, 0)


def test_hours_of_a_zone_half_an_hour_off_are_hours_of_utc() -> None:
    mumbai = timezone(timedelta(hours=5, minutes=30))
    assert hour_start(datetime(2025, 11, 28, 10, 15, tzinfo=mumbai)) == datetime(2025, 11, 28, 4, tzinfo=UTC)


@given(histories(30))
@settings(max_examples=80)
def test_the_shop_by_the_hour_is_what_a_plain_count_gives(history: list[tuple[Topic, Event]]) -> None:
    expected: dict[str, Counter[str]] = {}
    for _, event in history:
        counts = Counter[str]()
        match event:
            case ProductViewed():
                counts["views"] = 1
            case ItemAddedToCart():
                counts["adds"] = 1
            case OrderPlaced():
                counts.update(orders=1, placed_cents=int(f"{event.montant_total:.2f}".replace(".", "")))
            case PaymentAccepted():
                counts.update(payments=1, paid_cents=int(f"{event.montant:.2f}".replace(".", "")))
            case _:
                continue
        expected.setdefault(oracle(event.timestamp), Counter()).update(counts)
    rows = fold_all(HOURS, history)
    assert rows.keys() == expected.keys()
    for key, row in rows.items():
        assert {name: getattr(row, name) for name in row.__struct_fields__} == {
            name: expected[key][name] for name in row.__struct_fields__
        }


def test_no_events_have_no_hours() -> None:
    assert by_hour([]) == {}


def test_moments_that_have_no_utc_are_of_their_own_clocks_hour_beside_others_too() -> None:
    early = [datetime(1, 1, 1, hour, 30, tzinfo=timezone(timedelta(hours=23))) for hour in (0, 5)]
    events = [event_at(moment) for moment in (*early, datetime(1, 1, 1, 0, 10, tzinfo=UTC))]
    assert hours_of(events) == ["0001-01-01T00", "0001-01-01T05", "0001-01-01T00"]
