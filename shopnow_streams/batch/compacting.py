"""A compaction as a Spark job: a directory a task, which reads and writes HDFS by itself.

The executors need this package: on a local master it is there, since they are processes of this machine.
"""

import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession

from shopnow_streams.archive.address import Address
from shopnow_streams.archive.compaction import Run
from shopnow_streams.archive.compactor import Compactor, Outcome, joinable
from shopnow_streams.archive.exclusive import ExclusiveLock
from shopnow_streams.errors import ShopNowError


def compacted(spark: SparkSession, address: Address, token: str, directories: Sequence[Sequence[Run]]) -> list[Outcome]:
    """Compact the runs of all `directories`, as many of these at once as `spark` has cores. Blocks.

    The runs of a directory are done in the order that they are in. `token` is what the lock holds. A run that can't be
    done is an outcome, as is one that comes after the lock went to somebody else.
    """
    context = spark.sparkContext
    if str(context.master).startswith("local"):
        context.pythonExec = sys.executable  # not what PATH says
    tasks = context.parallelize(list(directories), len(directories))
    outcomes: list[Outcome] = tasks.flatMap(lambda runs: [_compact(address, token, run) for run in runs]).collect()
    return outcomes


def _compact(address: Address, token: str, run: Run) -> Outcome:
    try:
        archive = address.open()
        files = joinable(archive.files, archive.form)
        return Compactor(files, ExclusiveLock(files, token).check).compact(run)
    except (ShopNowError, FileNotFoundError) as error:
        return Outcome(run, failed=str(error))
