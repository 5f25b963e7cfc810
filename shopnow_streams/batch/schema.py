"""A topic's table as SQL has it: its names, and its files' columns in Spark's and Hive's words. Needs no Spark."""

import pyarrow as pa

from shopnow_streams.topics import Topic
from sinks.columns import schema

PARTITIONED_BY = ("date", "DATE")
"""The column that is not in the files: the date of their directory."""


def view_names(topic: Topic) -> tuple[str, str]:
    """What the topic's table is called: on the wire, and here."""
    return topic.value.replace("-", "_"), topic.name.lower()


def columns(topic: Topic) -> list[tuple[str, str]]:
    """Name and type of each column of the topic's files."""
    return [(field.name, _sql_type(field.type)) for field in schema(topic)]


def table_schema(topic: Topic) -> str:
    """The columns of the topic's table as Spark writes them: those of its files, and their directory's date."""
    return ", ".join(f"`{name}` {kind}" for name, kind in [*columns(topic), PARTITIONED_BY])


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"ARRAY<{_sql_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"STRUCT<{', '.join(f'{field.name}: {_sql_type(field.type)}' for field in kind)}>"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP"
    return _SQL_TYPES[kind]


_SQL_TYPES = {
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.string(): "STRING",
    pa.binary(): "BINARY",
}
