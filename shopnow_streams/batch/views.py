"""The archive as Spark sees it: a table a topic, by its wire name (`produit_consulte`) and ours (`product_viewed`)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.sql import DataFrame, SparkSession

from shopnow_streams.batch.failures import root_cause
from shopnow_streams.batch.schema import PARTITIONED_BY, columns, table_schema, view_names
from shopnow_streams.errors import ArchiveMissing, SparkFailed
from shopnow_streams.topics import Topic
from sinks import parquet
from sinks.archive import FORMAT_MARK

Tables = Mapping[Topic, DataFrame]


def read_archive(spark: SparkSession, archive: str) -> Tables:
    """A table of each topic in the archive at the URL `archive`, and both its views in `spark`.

    Blocks while the directories are listed; files are read when a query asks for them. A topic that nothing was
    archived of is a table without rows. Raises ArchiveMissing where there is none in Parquet, SparkFailed where it
    can't be looked at.
    """
    root = unquote(archive).rstrip("/")
    try:
        _require_parquet(spark, root)
        tables = {topic: _read(spark, topic, f"{root}/{topic}") for topic in Topic}
    except Py4JJavaError as error:
        raise SparkFailed(
            f"The archive {archive} cannot be read: {root_cause(error)}. "
            "See whether its HDFS answers there (`shopnow status`), or name another (--archive, SHOPNOW_ARCHIVE)"
        ) from error
    for topic, table in tables.items():
        for name in view_names(topic):
            table.createOrReplaceTempView(name)
    return tables


def _read(spark: SparkSession, topic: Topic, path: str) -> DataFrame:
    if not _stands(spark, path):
        # not of Python's rows, for which Spark starts Pythons: it leaves out whatever is made of this one
        nothing = (f"CAST(NULL AS {kind}) AS `{name}`" for name, kind in [*columns(topic), PARTITIONED_BY])
        return spark.range(1).limit(0).selectExpr(*nothing)
    # The schema is given, not inferred: that would read a footer, and an archive of one empty topic has none.
    return spark.read.schema(table_schema(topic)).option("basePath", path).parquet(path)


def _require_parquet(spark: SparkSession, root: str) -> None:
    if not _stands(spark, root):
        raise ArchiveMissing(
            f"There is no archive at {root}: nothing was archived yet, or it is elsewhere (--archive, SHOPNOW_ARCHIVE)"
        )
    found = _text_of(spark, f"{root}/{FORMAT_MARK}").strip()
    if found not in ("", parquet.NAME):
        raise ArchiveMissing(
            f"The archive {root} is one of {found} files, and Spark's tables are read from Parquet: name one that is "
            "(--archive), or let the worker write one elsewhere (SHOPNOW_ARCHIVE, SHOPNOW_ARCHIVE_FORMAT=parquet)"
        )


def _stands(spark: SparkSession, url: str) -> bool:
    """Whether there is such a file or directory, by the file system that Spark itself reads from."""
    path, files = _hadoop(spark, url)
    return bool(files.exists(path))


def _text_of(spark: SparkSession, url: str) -> str:
    """A small file, empty where there is none. Not by `spark.read`, which takes no file that begins with '_'."""
    path, files = _hadoop(spark, url)
    if not files.exists(path):
        return ""
    jvm: Any = spark._jvm
    stream = files.open(path)
    try:
        return str(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
    finally:
        stream.close()


def _hadoop(spark: SparkSession, url: str) -> tuple[Any, Any]:
    """Hadoop's path and its file system."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(url)
    return path, path.getFileSystem(spark._jsc.hadoopConfiguration())
