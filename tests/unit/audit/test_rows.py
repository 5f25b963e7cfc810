"""What rows are made of: moments, and counts by reason, written one way."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from datasketches import hll_sketch

from shopnow_streams.audit.rows import ACTIVITY, LATE, LG_K, SHOPPERS, Table, counts, micros, reasons


@pytest.mark.parametrize("by_reason", [{}, {"not-json": 3}, {"not-valid": 1, "no-value": 2}])
def test_counts_by_reason_are_read_as_they_were_written(by_reason: dict[str, int]) -> None:
    assert counts(reasons(by_reason)) == by_reason


def test_the_order_of_reasons_does_not_matter() -> None:
    assert reasons({"b": 1, "a": 2}) == reasons({"a": 2, "b": 1}) == "a=2, b=1"


def test_a_moment_is_its_instant_to_the_microsecond() -> None:
    assert micros(datetime(1970, 1, 1, 1, 0, 0, 1, timezone(timedelta(hours=1)))) == 1
    assert micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)) == -1


def test_what_never_happened_has_no_instant() -> None:
    assert micros(datetime.fromisoformat("0001-01-01T00:00:00+23:59")) is None
    assert micros(datetime.fromisoformat("0001-01-01T00:00:00.000001+23:59")) is not None


def plain(table: Table, state: dict[str, Any]) -> dict[str, Any]:
    _, read = table.decoder().decode(json.dumps(["key", state]))
    return dict(zip(table.fields, table.plain(read), strict=True))


def sketch(*customers: int) -> str:
    made = hll_sketch(LG_K)
    for customer in customers:
        made.update(customer)
    return base64.b64encode(made.serialize_compact()).decode()


def test_what_a_sparse_row_leaves_out_is_nothing() -> None:
    assert set(plain(ACTIVITY, {}).values()) == {0}
    assert plain(SHOPPERS, {}) == {"visits": "", "cart": "", "ordered_ms": -1}


def test_a_sketch_is_how_many_it_says_whatever_order_they_came_in() -> None:
    assert plain(ACTIVITY, {"visitors": sketch(1, 2, 3, 2)})["visitors"] == 3
    assert plain(ACTIVITY, {"visitors": [1, 2, 3]})["visitors"] == 3
    many = range(20_000)
    forwards, backwards = (plain(ACTIVITY, {"visitors": sketch(*each)})["visitors"] for each in (many, reversed(many)))
    assert forwards == backwards == pytest.approx(20_000, rel=0.1)


@pytest.mark.parametrize(
    "state", [{"likes": 1}, {"visitors": "kein Base64"}, {"visitors": "AAAA"}, {"visitors": 3}, {"visitors": ["1"]}]
)
def test_a_row_with_another_field_or_no_sketch_is_not_known(state: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        plain(ACTIVITY, state)


def test_lists_are_text_with_every_number_of_them_in_their_order() -> None:
    assert plain(SHOPPERS, {"visits": [[1, 2, 3, 4, 5, 6], [7, 8, 0, 0, 0, 1]], "cart": [[9, 1597, 2, 2999]]}) == {
        "visits": "1 2 3 4 5 6, 7 8 0 0 0 1",
        "cart": "9 1597 2 2999",
        "ordered_ms": -1,
    }
    newest = [[5, 0, 17, "1969-12-31T23:59:59Z", False], [6, 1, 18, "1970-01-01T01:00:00.000001+01:00", True]]
    assert plain(LATE, {"late": 1, "ahead": 1, "newest": newest})["newest"] == "5 0 17 -1000000 late, 6 1 18 1 ahead"


def test_a_row_that_is_not_sparse_must_have_all_its_fields() -> None:
    with pytest.raises(msgspec.ValidationError):
        plain(LATE, {"late": 1, "ahead": 0})
