"""The live rows beside the recount of them: one report. Spark does the work."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shopnow_streams.audit.comparison import compare
from shopnow_streams.audit.event_time import timed
from shopnow_streams.audit.grouping import Archive
from shopnow_streams.audit.recount import RECOUNTS, Standing, below, seen
from shopnow_streams.audit.rejects import Rejects
from shopnow_streams.audit.report import Report, TableReport
from shopnow_streams.audit.rows import ALL, REJECTIONS, REJECTS, Table
from shopnow_streams.audit.snapshot import Snapshot, rules_of, standing, windows_at

Tell = Callable[[str], None]


def reckon(
    spark: SparkSession,
    archive: Archive,
    urls: Mapping[Path, str],
    snapshots: Collection[Snapshot],
    rejects: Rejects | None,
    limit: int,
    tell: Tell = lambda _: None,
) -> Report:
    """Recompute every table at the offsets of its snapshots, and compare. `limit` differences of each are kept.

    The rejects stand where the snapshots of what was counted of them do. Tables without snapshots are left out.

    `urls` say where Spark finds the files of snapshots and rejects.
    Blocks for as long as Spark works, `tell` saying at what.
    """
    by_table: dict[str, list[Snapshot]] = {}
    for snapshot in snapshots:
        by_table.setdefault(snapshot.table, []).append(snapshot)
    standings = {table: standing(snapshots, table) for table in by_table}
    if rejects is not None:
        standings[REJECTS.name] = standings[REJECTIONS.name]  # what was counted must have been set aside
    tables = []
    tell("counting the archive's records")
    records = _records(archive, standings)
    events = {topic: each.persist() for topic, each in timed(archive, rules_of(snapshots)).items()}
    for table in (table for table in ALL if table.name in standings):
        tell(f"recomputing {table.name}")
        source, stands = events if table.timed else archive, windows_at(snapshots, table.name)
        batch = RECOUNTS[table.name](below(source, standings[table.name], stands))
        if table is REJECTS and rejects is not None:
            live, whole = _copies(spark.read.parquet(urls[rejects.file])), rejects.whole
        else:
            live, whole = spark.read.parquet(*(urls[snapshot.file] for snapshot in by_table[table.name])), True
        found = compare(table, live, batch, limit, live_is_whole=whole)
        tables.append(TableReport(table.name, len(standings[table.name]), _of(table, records), found))
    notes = [_DELETED] if rejects is not None and not rejects.whole else []
    return Report(tables, offsets(standings.values()), sum(count["any"] for count in records.values()), notes)


def offsets(standings: Iterable[Standing]) -> dict[str, dict[int, tuple[int, int]]]:
    """The lowest and the highest of several tables, by topic and partition."""
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for table in standings:
        for partition, positions in sorted(table.items()):
            for topic, offset in positions.items():
                low, high = found.setdefault(topic, {}).get(partition, (offset, offset))
                found[topic][partition] = min(low, offset), max(high, offset)
    return dict(sorted(found.items()))


def _records(archive: Archive, standings: Mapping[str, Standing]) -> dict[str, dict[str, int]]:
    """By topic, how many records each table has seen, and how many `any` has."""
    counts = []
    for topic, records in archive.items():
        each = {table: seen(topic, standing) for table, standing in standings.items()}
        anything = reduce(lambda one, other: one | other, each.values())
        counts.append(
            records.agg(
                *(F.count_if(condition).alias(table) for table, condition in each.items()),
                F.count_if(anything).alias("any"),
            ).withColumn("topic", F.lit(str(topic)))
        )
    return {row["topic"]: row.asDict() for row in reduce(DataFrame.unionByName, counts).collect()}


def _of(table: Table, records: Mapping[str, Mapping[str, int]]) -> int:
    return sum(records[topic][table.name] for topic in table.topics)


def _copies(rejects: DataFrame) -> DataFrame:
    return rejects.groupBy("partition", "key").agg(F.min("reason").alias("reason"), F.count("*").alias("copies"))


_DELETED = "retention deleted older rejects from the reject topic: only those that it still has were compared"
