"""What a chart shows of a job's result: computed by Spark, so that a chart of all rows needs none of them here."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shopnow_streams.batch.jobs import Chart
from shopnow_streams.batch.printing import Rows
from shopnow_streams.batch.rows import fetch

MOST = {"lines": 3_000, "bars": 12, "counts": 12, "grid": 24}


def points(result: DataFrame, chart: Chart) -> Rows:
    """The chart's labels, then its series' name if it has one, then its values. Blocks while Spark works."""
    return fetch(_shown(result, chart), MOST[chart.kind])


def _shown(result: DataFrame, chart: Chart) -> DataFrame:
    if chart.kind == "counts":
        value = F.sum(chart.values[0]) if chart.values else F.count("*")
        counted = result.groupBy(*chart.label).agg(value.alias("value"))
        return counted.orderBy(F.abs("value").desc(), *chart.label)
    if chart.kind == "grid":
        return result.select(*chart.label, *(name for name in result.columns if name.endswith("_rate")))
    return result.select(*chart.label, *([chart.series] if chart.series else []), *chart.values)
