"""Rejections: a count by reason."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.folds.rejections import REJECTIONS, Rejections, merge, rejected

reasons = st.lists(st.sampled_from(["no-value", "not-valid", "not-json"]), max_size=12)


def counted(given_reasons: list[str]) -> Rejections:
    state = Rejections()
    for reason in given_reasons:
        rejected(state, reason)
    return state


@given(reasons)
def test_each_reason_is_counted(given_reasons: list[str]) -> None:
    assert counted(given_reasons).by_reason == Counter(given_reasons)


@given(reasons, reasons)
def test_partitions_add_up_reason_by_reason(one: list[str], other: list[str]) -> None:
    assert merge(counted(one), counted(other)).by_reason == Counter(one + other)


def test_no_flow_feeds_it() -> None:
    assert REJECTIONS.flows == ()
