"""The live folds make the rows of `tests/vectors`, which Spark's recount is held to as well."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faust.types import TP

from shopnow_streams.audit import rows
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.folds import TABLES
from shopnow_streams.topics import Topic
from tables.partition import Partition
from tables.store import PartitionStore
from tests import vectors
from tests.fakes import Record, apply
from tests.vectors import Given, Vector

VECTORS = vectors.load()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def folded(vector: Vector, number: int, folder: Path, backwards: bool) -> Partition:
    """One partition of a worker that read the records: all of a topic in a batch, or each alone and the last first."""
    partition = Partition(number, TABLES, PartitionStore(folder / str(number)))
    for topic in Topic:
        records = [
            record
            for record in vector.records
            if (record.topic, record.partition) == (topic, number) and record.offset < vector.next_offset(topic, number)
        ]
        for batch in [records[at : at + 1] for at in reversed(range(len(records)))] if backwards else [records]:
            if batch:
                take(partition, topic, batch)
    return partition


def take(partition: Partition, topic: Topic, records: list[Given]) -> None:
    offset = partition.positions.get(topic, 0)  # which order records came in must not matter to any row
    read: list[Any] = [Record(offset + at, record.raw, b"key") for at, record in enumerate(records)]
    apply(partition, Batch(TP(str(topic), partition.number), read, offset, 1))


def held(partition: Partition, table: rows.Table) -> list[dict[str, Any]]:
    """The partition's rows of a table as a vector writes them."""
    decode = table.decoder().decode
    found = []
    for key, state in partition.tables[table.name].everything():
        name, read = decode(msgspec.json.encode((str(key), state)))
        plain = zip(table.fields.items(), table.plain(read), strict=True)
        fields = {field: moment(value) if kind is rows.Kind.MOMENT else value for (field, kind), value in plain}
        found.append({"partition": partition.number, "key": name, **fields})
    return found


def moment(micros: int | None) -> datetime | None:
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("name", VECTORS)
def test_the_folds_make_the_rows(name: str, backwards: bool, tmp_path: Path) -> None:
    vector = VECTORS[name]
    partitions = [folded(vector, number, tmp_path, backwards) for number in vector.partitions]
    for table in rows.LIVE:
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
    fed = {flow.topic for flow in definition.flows} or set(Topic)
    assert set(table.topics) == fed
