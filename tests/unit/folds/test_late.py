"""Late events: all are counted, the newest are named."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.folds.late import LATE, NAMED, Late, LateEvent, misdated
from tests.unit.folds.strategies import NOON


def event(number: int, ahead: bool = False) -> LateEvent:
    return LateEvent(1_000 + number, number % 3, number, NOON - timedelta(hours=number), ahead)


def of(numbers: list[int]) -> Late:
    late = Late()
    for number in numbers:
        misdated(late, event(number))
    return late


def test_late_ones_and_those_ahead_are_counted_apart_and_named_together() -> None:
    late = Late()
    misdated(late, event(2))
    misdated(late, event(1, ahead=True))
    assert late == Late(late=1, ahead=1, newest=[event(1, ahead=True), event(2)])


@given(numbers=st.permutations(range(NAMED + 20)), cut=st.integers(0, NAMED + 20))
def test_of_more_than_are_named_the_newest_are_whatever_the_partitions(numbers: list[int], cut: int) -> None:
    merged = LATE.merge(of(numbers[:cut]), of(numbers[cut:]))
    assert merged == of(numbers)
    assert merged.late == NAMED + 20
    assert [each.offset for each in merged.newest] == list(range(20, NAMED + 20))
