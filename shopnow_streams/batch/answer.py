"""A job asked and answered: its days, its parameters, and where the result goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shopnow_streams.batch.days import ALL_DAYS, Days
from shopnow_streams.batch.jobs import Job
from shopnow_streams.batch.printing import Rows, write_csv

if TYPE_CHECKING:  # a question can be put together without Spark
    from pyspark.sql import DataFrame, SparkSession

    from shopnow_streams.batch.output import Output
    from shopnow_streams.batch.views import Tables

SHOWN = 100
"""Rows that are shown where nobody says how many."""


@dataclass(frozen=True)
class Asked:
    """A job, and what it is asked for. `archive` is the URL of the tables that it will be given."""

    job: Job
    archive: str
    parameters: Mapping[str, int] = field(default_factory=dict)
    days: Days = ALL_DAYS
    limit: int | None = None

    def result(self, tables: "Tables") -> "DataFrame":
        """Of the whole archive's tables; not computed yet."""
        return self.job.run(self.of_days(tables), self.parameters)

    def of_days(self, tables: "Tables") -> "Tables":
        """What the job reads."""
        return self.days.of(tables, self.job.clock)

    def shown(self, tables: "Tables") -> Rows:
        """The rows to show; blocks while Spark works."""
        from shopnow_streams.batch.rows import fetch

        return fetch(self.result(tables), self.limit or SHOWN)

    def write(self, spark: "SparkSession", tables: "Tables", output: "Output") -> None:
        """The result as a file: all rows of it, or the first `limit`; a report shows 100 where there is no limit.

        Blocks while Spark works. Raises OutputRefused where that can't be written; nothing is left there then.
        """
        with output.written(spark) as path:
            if output.format == "html":
                self._write_report(tables, path)
            elif output.format == "csv":
                self._write_csv(tables, path)
            else:
                self._write_parquet(tables, path)

    def _write_csv(self, tables: "Tables", path: Path) -> None:
        from shopnow_streams.batch.rows import fetch

        rows = fetch(self.result(tables), self.limit)
        with path.open("w", encoding="utf-8", newline="") as file:
            write_csv(rows, file)

    def _write_parquet(self, tables: "Tables", path: Path) -> None:
        import pyarrow.parquet as pq

        result = self.result(tables)
        arrow = (result if self.limit is None else result.limit(self.limit)).toArrow()
        pq.write_table(arrow, path, compression="zstd")

    def _write_report(self, tables: "Tables", path: Path) -> None:
        from shopnow_streams.batch.extent import extents
        from shopnow_streams.batch.points import points
        from shopnow_streams.batch.report import Report, html
        from shopnow_streams.batch.rows import fetch

        made_at = datetime.now(UTC)
        read = self.of_days(tables)
        result = self.job.run(read, self.parameters).cache()  # the table and each chart ask for it
        try:
            report = Report(
                title=self.job.name.replace("-", " ").capitalize(),
                summary=self.job.summary,
                made_at=made_at,
                archive=self.archive,
                asked=self._told(),
                read=extents(read, self.job.topics),
                rows=fetch(result, self.limit or SHOWN),
                charts=[(chart, points(result, chart)) for chart in self.job.charts],
            )
        finally:
            result.unpersist()
        path.write_text(html(report), encoding="utf-8")

    def _told(self) -> list[tuple[str, str]]:
        clock = "" if self.job.clock == "event_time" else f" of {self.job.clock}"
        days = [("days (UTC)", f"{self.days}{clock}")]
        return days + [
            (parameter.name.replace("_", " "), str(self.parameters.get(parameter.name, parameter.default)))
            for parameter in self.job.parameters
        ]
