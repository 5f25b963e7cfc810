"""Rates are of whole minutes; silence counts, and a shop that has just opened is compared with nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.alerts.facts import Rate
from shopnow_streams.alerts.rates import BEFORE_MIN, LEAST_BEFORE_MIN, NOW_MIN, last_minute, rates

END = 1_000


def test_the_last_minutes_are_compared_with_the_hour_before_them() -> None:
    before = {minute: {"orders": 6, "views": 60} for minute in range(END - NOW_MIN - BEFORE_MIN, END - NOW_MIN)}
    now = {minute: {"orders": 2} for minute in range(END - NOW_MIN, END)}
    elsewhere = {END: {"orders": 999}, END - NOW_MIN - BEFORE_MIN - 1: {"orders": 999}}
    found = rates({**before, **now, **elsewhere}, END)
    assert (found["orders"], found["views"], found["payments"]) == (Rate(2, 6), Rate(0, 60), Rate(0, 0))


def test_silence_is_a_rate_of_nothing() -> None:
    assert rates({END - 40: {"orders": 70}}, END)["orders"] == Rate(0, 2)


@pytest.mark.parametrize("opened", [None, NOW_MIN, NOW_MIN + LEAST_BEFORE_MIN - 1])
def test_a_shop_that_has_just_opened_has_no_rates(opened: int | None) -> None:
    assert rates({} if opened is None else {END - opened: {"orders": 5}}, END) == {}


def test_as_soon_as_there_is_enough_the_minutes_before_the_first_one_do_not_count() -> None:
    opened = END - NOW_MIN - LEAST_BEFORE_MIN
    assert rates({minute: {"orders": 5} for minute in range(opened, END)}, END)["orders"] == Rate(5, 5)


@pytest.mark.parametrize(("as_of_s", "minute"), [(600.0, 9), (659.9, 9), (660.0, 10)])
def test_a_minute_counts_a_minute_after_it_ended(as_of_s: float, minute: int) -> None:
    assert last_minute(as_of_s) == minute


@given(st.dictionaries(st.integers(END - 90, END + 9), st.fixed_dictionaries({"views": st.integers(0, 9)})))
def test_what_a_steady_shop_does_is_what_it_did(minutes: dict[int, dict[str, int]]) -> None:
    for now, before in rates(minutes, END).values():
        assert 0 <= now <= 9
        assert 0 <= before <= 9
