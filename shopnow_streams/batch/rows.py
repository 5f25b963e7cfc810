"""A result's rows as plain values: what a terminal, JSON and CSV can show."""

import base64
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DateType, NumericType, TimestampNTZType, TimestampType

from shopnow_streams.batch.printing import Rows


def fetch(frame: DataFrame, limit: int | None) -> Rows:
    """The first `limit` rows, or all, computed now: blocks for as long as Spark works.

    Days and moments are text, since Spark knows years that Python does not; bytes are text where they are UTF-8,
    else base64; structs are dictionaries.
    """
    fields = frame.schema.fields
    numbered = frame.toDF(*(f"c{number}" for number in range(len(fields))))  # two columns may have one name
    shown = numbered.select(*(_showable(f"c{number}", field.dataType) for number, field in enumerate(fields)))
    found = (shown if limit is None else shown.limit(limit + 1)).collect()
    return Rows(
        [field.name for field in fields],
        [isinstance(field.dataType, NumericType) for field in fields],
        [[_plain(value) for value in row] for row in found[:limit]],
        limit is not None and len(found) > limit,
    )


def _showable(name: str, kind: DataType) -> Any:
    column = F.col(name)
    return column.cast("string") if isinstance(kind, DateType | TimestampType | TimestampNTZType) else column


def _plain(value: Any) -> Any:
    if isinstance(value, Row):
        return {name: _plain(part) for name, part in value.asDict().items()}
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, bytes | bytearray):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value
