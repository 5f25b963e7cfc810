"""A result on HDFS, or any file system that Spark knows, under its name at once."""

import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark import SparkContext
from pyspark.sql import SparkSession

from shopnow_streams.batch.failures import root_cause
from shopnow_streams.batch.output import taken
from shopnow_streams.errors import OutputRefused


@contextmanager
def on_hadoop(spark: "SparkSession", url: str, force: bool) -> Iterator[Path]:
    """As `Output.written`, by way of a file here: results are small beside what they are made of."""
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(url)
    unfinished = jvm.org.apache.hadoop.fs.Path(path.getParent(), f".{path.getName()}.{uuid.uuid4().hex}")
    configuration = spark._jsc.hadoopConfiguration()
    with _refused(url):
        files = path.getFileSystem(configuration)
        if not force and files.exists(path):
            raise taken(url)
    with tempfile.TemporaryDirectory(prefix="shopnow-output-") as folder:
        here = Path(folder, "result")
        yield here
        with _refused(url):
            try:
                files.copyFromLocalFile(False, True, jvm.org.apache.hadoop.fs.Path(here.as_uri()), unfinished)
                _rename(jvm, configuration, unfinished, path, force)
            finally:
                files.delete(unfinished, False)


@contextmanager
def _refused(url: str) -> Iterator[None]:
    """What the file system says, as an error of ours; what Spark says while it works is another matter."""
    try:
        yield
    except Py4JJavaError as error:
        cause = root_cause(error)
        # each file system says it in its own way: an exception's name, or the words of a remote one
        exists = re.search("already ?exists", cause, re.IGNORECASE)
        raise (taken(url) if exists else OutputRefused(f"{url} can't be written: {cause}")) from error


def _rename(jvm: Any, configuration: Any, unfinished: Any, path: Any, force: bool) -> None:
    """HDFS does both in one step: refuse a name that is taken, or replace what has it."""
    how = jvm.org.apache.hadoop.fs.Options.Rename
    gateway: Any = SparkContext._gateway
    hows = gateway.new_array(how, 1)  # Java's way to take any number of them
    hows[0] = how.OVERWRITE if force else how.NONE
    jvm.org.apache.hadoop.fs.FileContext.getFileContext(path.toUri(), configuration).rename(unfinished, path, hows)
