"""The batch jobs. One more is a file with a function of its name, DataFrames in, DataFrame out, and a line here."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shopnow_streams.topics import Topic

if TYPE_CHECKING:  # what jobs there are can be asked without Spark
    from pyspark.sql import DataFrame

    from shopnow_streams.batch.views import Tables


@dataclass(frozen=True)
class Job:
    """`name` is the command's; `daily-sales` is the function `daily_sales` of the module of that name.

    It is called with the tables of `topics`, in that order.
    """

    name: str
    summary: str
    topics: tuple[Topic, ...]

    def run(self, tables: "Tables") -> "DataFrame":
        """The job's result, not computed yet."""
        function = self.name.replace("-", "_")
        module = importlib.import_module(f"shopnow_streams.batch.{function}")
        result: DataFrame = getattr(module, function)(*(tables[topic] for topic in self.topics))
        return result


JOBS = (
    Job(
        "daily-sales",
        "Orders, revenue, payments, average basket and best product of each day.",
        (Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED),
    ),
)
