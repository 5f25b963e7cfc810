"""How far Spark is, beside a spinner."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.status import Status

if TYPE_CHECKING:  # Spark is optional, and takes a second to import
    from pyspark.sql import SparkSession

EVERY_S = 0.3


@contextmanager
def told(spark: "SparkSession", status: Status, doing: str = "Spark is working") -> Iterator[None]:
    """Show how many tasks are done for as long as the block lasts, from a thread of its own."""
    done = threading.Event()

    def show() -> None:
        tracker = spark.sparkContext.statusTracker()
        while not done.wait(EVERY_S):
            stages = [stage for number in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(number))]
            tasks = f"{sum(s.numCompletedTasks for s in stages)} of {sum(s.numTasks for s in stages)} tasks done"
            status.update(f"{doing}{f': {tasks}' if stages else ''}")

    status.update(doing)
    thread = threading.Thread(target=show, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
