"""Files of this machine where Spark's machines can read them."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from sinks.archive import UNFINISHED


@contextmanager
def within_reach(
    spark: SparkSession, files: Iterable[Path], archive: str, *, here: bool | None = None
) -> Iterator[Mapping[Path, str]]:
    """The URL of each file for as long as the block lasts. Blocks; what Hadoop raises is py4j's.

    Where Spark works on this machine (`here`: asked of its master), that is the file itself; else a copy among the
    unfinished files of the archive at the URL `archive`, which Spark reads anyway and whose litter is swept.
    """
    files = list(files)
    if here is None:
        here = str(spark.sparkContext.master).startswith("local")
    if here:
        yield {file: file.as_uri() for file in files}
        return
    mark = uuid.uuid4().hex
    copies = {file: f"{archive.rstrip('/')}/{UNFINISHED}/audit-{mark}-{n}.parquet" for n, file in enumerate(files)}
    try:
        for file, copy in copies.items():
            target, system = _hadoop(spark, copy)
            system.copyFromLocalFile(_hadoop(spark, file.as_uri())[0], target)
        yield copies
    finally:
        for copy in copies.values():
            target, system = _hadoop(spark, copy)
            system.delete(target, False)


def _hadoop(spark: SparkSession, url: str) -> tuple[Any, Any]:
    """Hadoop's path and its file system."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(url)
    return path, path.getFileSystem(spark._jsc.hadoopConfiguration())
