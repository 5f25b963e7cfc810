"""The live folds make the rows of `tests/vectors`, which Spark's recount is held to as well."""

from datetime import datetime, timedelta
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faust.types import TP

from shopnow_streams.audit import rows
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.encoding import encode
from shopnow_streams.topics import Topic
from tables.partition import Partition
from tables.store import PartitionStore
from tests import vectors
from tests.fakes import Record, apply
from tests.vectors import EPOCH, Given, Vector

VECTORS = vectors.load()


class Order(Enum):
    """How the records of a partition are read, and when its windows come to where they stand."""

    BATCHES = "all of a topic in a batch, windows moved at the end"
    ALONE = "each alone, the last topic first, windows moved before"
    BACKWARDS = "each alone, the last record first"


def folded(vector: Vector, number: int, folder: Path, order: Order) -> Partition:
    """One partition of a worker that read the records."""
    partition = Partition(number, TABLES, PartitionStore(folder / str(number)))
    if order is Order.ALONE:
        move(partition, vector)
    for topic in Topic if order is Order.BATCHES else reversed(Topic):
        records = [
            record
            for record in vector.records
            if (record.topic, record.partition) == (topic, number) and record.offset < vector.next_offset(topic, number)
        ]
        if order is Order.BATCHES:
            take(partition, topic, records)
        else:
            for record in reversed(records) if order is Order.BACKWARDS else records:
                take(partition, topic, [record])
    if order is Order.BATCHES:
        move(partition, vector)
    return partition


def take(partition: Partition, topic: Topic, records: list[Given]) -> None:
    """The records at the next offsets where they stand at none of their own, as those of backwards do."""
    if not records:
        return
    start = max(partition.positions.get(topic, 0), records[0].offset)
    partition.positions[topic] = start
    read: list[Any] = [
        Record(start + record.offset - records[0].offset, record.raw, b"key", stamp_ms=record.stamp_ms)
        for record in records
    ]
    apply(partition, Batch(TP(str(topic), partition.number), read, start, 1))


def move(partition: Partition, vector: Vector) -> None:
    for table, moment in vector.stands.items():
        windows: Any = partition.tables[table]
        windows.advance(moment)
        assert windows.stands == moment


def held(partition: Partition, table: rows.Table) -> list[dict[str, Any]]:
    """The partition's rows of a table as a vector writes them."""
    decode = table.decoder().decode
    found = []
    for key, state in partition.tables[table.name].everything():
        name, read = decode(encode((str(key), state)))
        plain = zip(table.fields.items(), table.plain(read), strict=True)
        fields = {field: moment(value) if kind is rows.Kind.MOMENT else value for (field, kind), value in plain}
        found.append({"partition": partition.number, "key": name, **fields})
    return found


def moment(micros: int | None) -> datetime | None:
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


@pytest.mark.parametrize("order", Order, ids=lambda order: order.name.lower())
@pytest.mark.parametrize("name", VECTORS)
def test_the_folds_make_the_rows(name: str, order: Order, tmp_path: Path) -> None:
    vector = VECTORS[name]
    partitions = [folded(vector, number, tmp_path, order) for number in vector.partitions]
    for table in rows.LIVE:
        if order is Order.BACKWARDS and table.timed:
            continue  # which events are late is decided by the log's own order; all other rows come to the same
        if table.name in vector.rows:
            found = list(chain.from_iterable(held(partition, table) for partition in partitions))
            assert sorted(found, key=lambda row: (row["partition"], row["key"])) == vector.expected(table.name)
    for partition in partitions:
        partition.store.close()


def test_the_vectors_have_rows_of_all_tables() -> None:
    named = {table for vector in VECTORS.values() for table, found in vector.rows.items() if found}
    assert named == {definition.name for definition in TABLES}
    assert len(VECTORS) >= 8


@pytest.mark.parametrize("definition", TABLES, ids=lambda definition: definition.name)
def test_the_audit_knows_every_table_and_every_field(definition: Any) -> None:
    table = {table.name: table for table in rows.LIVE}[definition.name]
    assert list(table.fields) == [field.name for field in msgspec.structs.fields(definition.state)]
    assert table.sparse == definition.state.__struct_config__.omit_defaults
    assert table.timed == (definition.windows is not None or definition.name == "late")
    fed = {flow.topic for flow in definition.flows} or set(Topic)
    assert set(table.topics) == fed
