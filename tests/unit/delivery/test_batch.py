"""A record batch, and how Faust's scheduler hands it on."""

from typing import Any

from faust.types import TP

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
