"""A record batch, and how Faust's scheduler hands it on."""

from itertools import accumulate
from typing import Any

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.delivery.batch import Batch, BatchScheduler, BatchSchema
from tests.fakes import Record

TP0, TP1 = TP("produit-consulte", 0), TP("produit-consulte", 1)


def test_it_stands_between_its_start_and_the_offset_after_its_last_record() -> None:
    batch = Batch(TP0, [Record(7), Record(9)], start=5, epoch=3)
    assert (batch.start, batch.next_offset, batch.epoch) == (5, 10, 3)
    assert [record.offset() for record in batch.records] == [7, 9]


def test_of_no_records_it_says_where_the_reader_stands() -> None:
    batch = Batch(TP0, [], start=5, epoch=3, next_offset=8)
    assert (batch.start, batch.next_offset, batch.offset) == (5, 8, 7)


def test_to_faust_it_looks_like_its_last_record() -> None:
    batch = Batch(TP1, [Record(7), Record(9)], start=5, epoch=3)
    assert (batch.topic, batch.partition, batch.offset) == ("produit-consulte", 1, 9)
    assert batch.value is batch
    assert batch.key is batch.timestamp is batch.checksum is None


@given(
    offsets=st.lists(st.integers(1, 3), max_size=30).map(lambda steps: list(accumulate(steps))),
    most=st.integers(1, 12),
    beyond=st.integers(0, 3),
)
def test_slices_follow_one_another_from_its_start_to_its_end(offsets: list[int], most: int, beyond: int) -> None:
    end = (offsets[-1] if offsets else 0) + 1 + beyond
    slices = list(Batch(TP0, [Record(offset) for offset in offsets], 0, 3, end).slices(most))
    assert [record.offset() for part in slices for record in part.records] == offsets
    assert [part.start for part in slices] == [0, *(part.next_offset for part in slices[:-1])]
    assert slices[-1].next_offset == end
    assert all(part.records or not offsets for part in slices)
    assert all(len(part.records) <= most and part.epoch == 3 for part in slices)


def test_the_schema_hands_it_through() -> None:
    batch = Batch(TP0, [Record(1)], start=1, epoch=1)
    schema: Any = BatchSchema()
    assert schema.loads_value(None, batch) is batch
    schema.loads_key(None, batch)


def scheduled_of(fetched: dict[TP, Any]) -> list[Any]:
    scheduler: Any = BatchScheduler  # abstract to mypy: Faust's base declares its __init__ so
    return list(scheduler().iterate(fetched))


def test_the_scheduler_yields_batches_first_and_other_records_one_by_one() -> None:
    batches = {TP0: Batch(TP0, [Record(1)], 1, 1), TP1: Batch(TP1, [Record(4)], 4, 1)}
    changelog, internal = TP("shop-stock-changelog", 0), TP("internal", 0)
    fetched: dict[TP, Any] = {changelog: ["a", "b"], TP0: batches[TP0], internal: ["c"], TP1: batches[TP1]}
    scheduled = scheduled_of(fetched)
    assert scheduled[:2] == list(batches.items())
    assert sorted(scheduled[2:]) == [(internal, "c"), (changelog, "a"), (changelog, "b")]


def test_a_scheduler_of_nothing_yields_nothing() -> None:
    assert scheduled_of({}) == []
