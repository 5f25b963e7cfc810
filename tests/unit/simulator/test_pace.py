"""Pace, told the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.simulator.pace import TICK_S, Pace

ALL = 10**9


@given(rate=st.floats(0.01, 1e6), steps=st.lists(st.floats(0, 0.5), max_size=50))
def test_it_never_sends_more_than_the_rate_and_one(rate: float, steps: list[float]) -> None:
    pace, now, sent = Pace(rate, 0.0), 0.0, 0
    for step in steps:
        now += step
        sent += pace.due(now, ALL)
        assert sent <= now * rate + 1


@given(rate=st.floats(0.01, 1e5))
def test_who_waits_as_told_keeps_up(rate: float) -> None:
    pace, now, sent = Pace(rate, 0.0), 0.0, 0
    for _ in range(100):
        sent += pace.due(now, ALL)
        now += pace.wait_s(now) + 1e-6
    assert sent >= now * rate - max(rate * TICK_S, 1) - 1


def test_the_first_is_due_at_once_and_the_next_in_time() -> None:
    pace = Pace(2.0, 100.0)
    assert pace.due(100.0, ALL) == 1
    assert pace.wait_s(100.0) == pytest.approx(0.5)
    assert [pace.due(now, ALL) for now in (100.1, 100.49, 100.51, 100.6, 101.01)] == [0, 0, 1, 0, 1]


def test_a_short_delay_is_made_up_for_in_bursts() -> None:
    pace = Pace(1_000, 0.0)
    pace.due(0.0, ALL)
    assert [pace.due(0.5, 200) for _ in range(4)] == [200, 200, 100, 0]


def test_an_outage_is_not() -> None:
    pace = Pace(1_000, 0.0)
    pace.due(0.0, ALL)
    assert pace.due(30.0, ALL) == 1
    assert pace.due(30.1, ALL) == pytest.approx(100, abs=1)


def test_nor_is_it_at_a_slow_rate() -> None:
    pace = Pace(0.1, 0.0)
    assert [pace.due(now, ALL) for now in (0.0, 9.0, 11.0, 1_000.0, 1_001.0)] == [1, 0, 1, 1, 0]
