"""The batch jobs. One more is a file with a function of its name, DataFrames in, DataFrame out, and a line here."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shopnow_streams.topics import Topic

if TYPE_CHECKING:  # what jobs there are can be asked without Spark
    from pyspark.sql import DataFrame

    from shopnow_streams.batch.views import Tables

EVERY_TOPIC = tuple(Topic)


@dataclass(frozen=True)
class Parameter:
    """A whole number that a job is asked for: `at_least` is the function's argument, and `--at-least` the command's."""

    name: str
    default: int
    meaning: str
    least: int = 0
    most: int | None = None


@dataclass(frozen=True)
class Chart:
    """A picture of a result, for a report.

    - lines: a line a column of `values`, or a value of `series`, along `label`, in the rows' order;
    - bars: the first rows, named by the columns of `label`, one value each;
    - counts: how many rows there are of each `label`, or the sum of `values` over them;
    - grid: a line a row, named by `label`, a shade a column of `values`.
    """

    kind: Literal["lines", "bars", "counts", "grid"]
    title: str
    label: tuple[str, ...]
    values: tuple[str, ...] = ()
    series: str | None = None


@dataclass(frozen=True)
class Job:
    """`name` is the command's; `daily-sales` is the function `daily_sales` of the module of that name.

    It is called with the tables of `topics`, in that order, and with its `parameters` by name. `clock` is the column
    that says which day a record is of, where only some days are asked for.
    """

    name: str
    summary: str
    topics: tuple[Topic, ...]
    parameters: tuple[Parameter, ...] = ()
    charts: tuple[Chart, ...] = ()
    clock: Literal["event_time", "kafka_timestamp"] = "event_time"

    def run(self, tables: "Tables", parameters: Mapping[str, int] | None = None) -> "DataFrame":
        """The job's result, not computed yet. A parameter that is not among `parameters` has its default."""
        function = self.name.replace("-", "_")
        module = importlib.import_module(f"shopnow_streams.batch.{function}")
        asked = {parameter.name: parameter.default for parameter in self.parameters} | dict(parameters or {})
        result: DataFrame = getattr(module, function)(*(tables[topic] for topic in self.topics), **asked)
        return result


JOBS = (
    Job(
        "daily-sales",
        "Orders, revenue, payments, average basket and best product of each day.",
        (Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED),
        charts=(
            Chart("lines", "Ordered and paid, euros", ("day",), ("ordered_euros", "paid_euros")),
            Chart("lines", "Orders and payments", ("day",), ("orders", "payments")),
        ),
    ),
    Job(
        "conversion-funnel",
        "Views, carts, orders and payments of each day, the users at each stage, and what is lost between them.",
        (Topic.PRODUCT_VIEWED, Topic.ITEM_ADDED, Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED),
        charts=(
            Chart("lines", "Events at each stage", ("day",), ("views", "adds", "orders", "payments")),
            Chart(
                "lines",
                "Share of users lost after each stage",
                ("day",),
                ("viewers_lost_rate", "adders_lost_rate", "orderers_lost_rate"),
            ),
        ),
    ),
    Job(
        "top-products",
        "Views, carts, order lines, units and revenue of each product, ranked by revenue.",
        (Topic.PRODUCT_VIEWED, Topic.ITEM_ADDED, Topic.ORDER_PLACED),
        charts=(
            Chart("bars", "Revenue of the first, euros", ("nom_produit",), ("revenue_euros",)),
            Chart("bars", "Order lines per view of the same", ("nom_produit",), ("orders_per_view_rate",)),
        ),
    ),
    Job(
        "bought-together",
        "Pairs of products on the same order: support, confidence and lift.",
        (Topic.ORDER_PLACED, Topic.PRODUCT_VIEWED, Topic.ITEM_ADDED),
        parameters=(Parameter("at_least", 5, "Pairs that were bought together at least so often.", least=1),),
        charts=(
            Chart("bars", "Orders with both", ("name_a", "name_b"), ("together",)),
            Chart("bars", "Lift of the same (1: by chance)", ("name_a", "name_b"), ("lift",)),
        ),
    ),
    Job(
        "stock-outs",
        "When products were out of stock, and the sales that it cost, by their own rate.",
        EVERY_TOPIC,
        charts=(
            Chart("bars", "Dearest, euros lost", ("nom_produit",), ("lost_euros",)),
            Chart("counts", "Stock-outs by product", ("nom_produit",)),
        ),
    ),
    Job(
        "customer-value",
        "Recency, frequency and amount of each customer, scored by fifths, and a segment.",
        EVERY_TOPIC,
        charts=(
            Chart("counts", "Customers by segment", ("segment",)),
            Chart("counts", "Ordered by segment, euros", ("segment",), ("amount_euros",)),
        ),
    ),
    Job(
        "cohort-retention",
        "Customers by the month of their first order, and the share that ordered again in the months after.",
        (Topic.ORDER_PLACED,),
        parameters=(Parameter("months", 6, "Months after the first one.", least=1, most=120),),
        charts=(
            Chart("grid", "Share that ordered again, by months after the first order", ("cohort_month",)),
            Chart("lines", "New customers by month", ("cohort_month",), ("customers",)),
        ),
    ),
    Job(
        "payment-problems",
        "Orders unpaid, paid twice, too early or another amount, and payments of no order.",
        EVERY_TOPIC,
        parameters=(Parameter("unpaid_for_hours", 0, "An order is unpaid after so many hours."),),
        charts=(
            Chart("counts", "Problems", ("problem",)),
            Chart("counts", "Paid too much (below zero: too little), euros", ("problem",), ("difference_euros",)),
        ),
    ),
    Job(
        "data-quality",
        "Records by topic and day: rejected and why, without key, late, from the future, without user.",
        EVERY_TOPIC,
        parameters=(
            Parameter("late_after_s", 3_600, "An event is late that happened so many seconds before Kafka had it."),
            Parameter("ahead_by_s", 1, "An event is from the future that happened so many seconds after."),
        ),
        charts=(
            Chart("lines", "Share of records rejected", ("day",), ("rejected_rate",), series="topic"),
            Chart("lines", "Records", ("day",), ("records",), series="topic"),
        ),
        clock="kafka_timestamp",
    ),
)
