"""A compaction as a Spark job: a run of segments a task, each of which reads and writes HDFS by itself.

The executors need this package: on a local master it is there, since they are processes of this machine.
"""

import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession

from shopnow_streams.archive.address import Address
from shopnow_streams.archive.compaction import Run
from shopnow_streams.archive.compactor import Compactor, Outcome, joinable
from shopnow_streams.archive.exclusive import ExclusiveLock
from shopnow_streams.errors import ArchiveCorrupt, SinkUnavailable


def compacted(spark: SparkSession, address: Address, token: str, runs: Sequence[Run]) -> list[Outcome]:
    """Compact all of `runs`, as many at once as `spark` has cores, under the lock that holds `token`. Blocks.

    A run that can't be done is an outcome. The job fails where the lock went to somebody else.
    """
    context = spark.sparkContext
    if str(context.master).startswith("local"):
        context.pythonExec = sys.executable  # not what PATH says
    tasks = context.parallelize(list(runs), len(runs)).map(lambda run: _compact(address, token, run))
    outcomes: list[Outcome] = tasks.collect()
    return outcomes


def _compact(address: Address, token: str, run: Run) -> Outcome:
    try:
        files = joinable(address.open().files)
        return Compactor(files, ExclusiveLock(files, token).check).compact(run)
    except (ArchiveCorrupt, SinkUnavailable) as error:
        return Outcome(run, failed=str(error))
