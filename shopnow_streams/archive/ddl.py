"""The archive in a catalog: statements that declare its topics as tables where they lie, and find their days. Pure.

Spark's tables are data source tables and Hive's are external ones: dropping either leaves the files. Columns are those
of the files' own schema. New days are found by running the last statement of each table again; a new Hive (4.0, or a
metastore with `discover.partitions`) does so by itself.
"""

from collections.abc import Callable, Iterable, Mapping

from shopnow_streams.batch.schema import PARTITIONED_BY, columns, view_names
from shopnow_streams.topics import TRAITS, Topic


def statements(url: str, database: str, topics: Iterable[Topic], dialect: str) -> list[str]:
    """What declares `topics` of the archive at `url` as tables of `database`; `dialect` is one of DIALECTS."""
    declare = DIALECTS[dialect]
    found = [f"CREATE DATABASE IF NOT EXISTS {_name(database)}"]
    for topic in topics:
        table = f"{_name(database)}.{_name(view_names(topic)[0])}"
        found += [declare(topic, table, _text(f"{url.rstrip('/')}/{topic}")), f"MSCK REPAIR TABLE {table}"]
    return found


def _spark(topic: Topic, table: str, location: str) -> str:
    return (
        f"CREATE TABLE IF NOT EXISTS {table} (\n{_columns([*columns(topic), PARTITIONED_BY])}\n)\nUSING parquet\n"
        f"PARTITIONED BY ({_name(PARTITIONED_BY[0])})\n"
        f"LOCATION {location}\nCOMMENT {_text(TRAITS[topic].description)}"
    )


def _hive(topic: Topic, table: str, location: str) -> str:
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {table} (\n{_columns(columns(topic))}\n)\n"
        f"COMMENT {_text(TRAITS[topic].description)}\nPARTITIONED BY ({_columns([PARTITIONED_BY]).strip()})\n"
        f"STORED AS PARQUET\nLOCATION {location}\nTBLPROPERTIES ('discover.partitions'='true')"
    )


DIALECTS: Mapping[str, Callable[[Topic, str, str], str]] = {"spark": _spark, "hive": _hive}


def _columns(named: Iterable[tuple[str, str]]) -> str:
    return ",\n".join(f"  {_name(name)} {kind}" for name, kind in named)


def _name(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
