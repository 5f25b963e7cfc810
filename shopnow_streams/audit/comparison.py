"""Live rows beside recomputed ones, by partition and key: each field of each row, nulls too."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shopnow_streams.audit.report import ROW, Compared, Difference, Value
from shopnow_streams.audit.rows import NUMBERS, Kind, Table

_ROW_KEY = ["partition", "key"]


def compare(table: Table, live: DataFrame, batch: DataFrame, limit: int, *, live_is_whole: bool = True) -> Compared:
    """Compare all of `table`; the first `limit` differences by partition and key are in the answer.

    Where `live_is_whole` is false, rows that only `batch` has are left out. Blocks for as long as Spark works.
    """
    joined = _side(table, live, "live").join(_side(table, batch, "batch"), _ROW_KEY, "full_outer")
    if not live_is_whole:
        joined = joined.where("live IS NOT NULL")
    found = joined.withColumn("differences", _differences(table))
    (total,) = found.agg(
        F.count("*").alias("rows"),
        F.count_if(F.size("differences") > 0).alias("wrong"),
        F.coalesce(F.sum(F.size("differences")), F.lit(0)).alias("differences"),
    ).collect()
    shown = _shown(table, found, limit) if total["differences"] else []
    return Compared(total["rows"], total["wrong"], total["differences"], shown)


def _side(table: Table, rows: DataFrame, name: str) -> DataFrame:
    """A row a key: its fields as a struct, and how many rows of that key there are."""
    fields = F.struct(*(F.col(field).cast(_type(kind)).alias(field) for field, kind in table.fields.items()))
    once = rows.select(*_ROW_KEY, fields.alias(name)).groupBy(*_ROW_KEY)
    return once.agg(F.first(name).alias(name), F.count("*").alias(f"{name}_copies"))


def _differences(table: Table) -> Column:
    fields = [
        F.when(
            ~F.col(f"live.{field}").eqNullSafe(F.col(f"batch.{field}")),
            _difference(field, F.col(f"live.{field}"), F.col(f"batch.{field}")),
        )
        for field in table.fields
    ]
    row = _difference(ROW, F.to_json("live"), F.to_json("batch"))
    several = _difference(ROW, F.concat(F.col("live_copies"), F.lit(" rows")), F.lit("1 row"))
    return (
        F.when(F.col("live").isNull() | F.col("batch").isNull(), F.array(row))
        .when(F.col("live_copies") > 1, F.array(several))
        .otherwise(F.filter(F.array(*fields), lambda found: found.isNotNull()))
    )


def _difference(field: str, live: Column, batch: Column) -> Column:
    return F.struct(F.lit(field).alias("field"), live.cast("string").alias("live"), batch.cast("string").alias("batch"))


def _shown(table: Table, found: DataFrame, limit: int) -> list[Difference]:
    wrong = found.where(F.size("differences") > 0).orderBy(*_ROW_KEY).limit(limit)
    listed = wrong.select(*_ROW_KEY, F.explode("differences").alias("one")).select(*_ROW_KEY, "one.*")
    return [
        Difference(
            table.name,
            row["partition"],
            row["key"],
            row["field"],
            _value(table, row["field"], row["live"]),
            _value(table, row["field"], row["batch"]),
        )
        for row in sorted(listed.collect(), key=lambda row: (row["partition"], row["key"]))[:limit]
    ]


def _value(table: Table, field: str, text: str | None) -> Value:
    kind = table.fields.get(field)
    if text is None or kind is None:
        return text
    if kind is Kind.MOMENT:
        return text.replace(" ", "T") + "Z"
    return int(text) if kind in NUMBERS else text


def _type(kind: Kind) -> str:
    if kind in NUMBERS:
        return "decimal(38,0)"
    return "timestamp" if kind is Kind.MOMENT else "string"
