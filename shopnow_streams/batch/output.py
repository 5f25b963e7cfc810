"""Where a result goes: a file that is there whole or not at all, and never in place of another one unasked.

It is written under a name that nobody else uses, then renamed.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shopnow_streams.errors import OutputRefused

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FORMATS = ("parquet", "csv", "html")


@dataclass(frozen=True)
class Output:
    """`place` is a path on this machine, or a URL that Spark knows (hdfs://host:8020/reports/sales.html).

    With `force` a file that is there is replaced.
    """

    place: str
    format: str
    force: bool = False

    def require_free(self) -> None:
        """Raises OutputRefused where a file on this machine is in the way, or its directory is not there.

        Asked before the work, which may be long; `written` asks again.
        """
        if self.is_url:
            return
        path = Path(self.place)
        if not path.parent.is_dir():
            raise OutputRefused(f"{self.place} can't be written: there is no directory {path.parent}")
        if path.is_dir():
            raise OutputRefused(f"{self.place} is a directory: name a file in it")
        if path.exists() and not self.force:
            raise taken(self.place)

    @property
    def is_url(self) -> bool:
        """Whether Spark's file systems are meant."""
        return "://" in self.place

    @contextmanager
    def written(self, spark: "SparkSession") -> Iterator[Path]:
        """A file to write to, which gets its name when the block ends, and is gone where it raises.

        Raises OutputRefused where another file has the name, or nothing can be written.
        """
        if self.is_url:
            from shopnow_streams.batch.hadoop_output import on_hadoop  # which needs Spark, as this does not

            with on_hadoop(spark, self.place, self.force) as path:
                yield path
        else:
            with _here(Path(self.place), self.force) as path:
                yield path


def format_of(place: str, asked: str | None) -> str | None:
    """The format that was asked for, or else that of the name's ending; None where it says nothing."""
    return asked or next((name for name in FORMATS if place.lower().endswith(f".{name}")), None)


@contextmanager
def _here(path: Path, force: bool) -> Iterator[Path]:
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file)  # a name must not come before what it names
        _name(unfinished, path, force)
    except OSError as error:
        raise OutputRefused(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _name(unfinished: Path, path: Path, force: bool) -> None:
    """A link fails where the name is taken, which a rename does not."""
    if force:
        unfinished.replace(path)
        return
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        raise taken(str(path)) from None


def taken(place: str) -> OutputRefused:
    """Another file has the name."""
    return OutputRefused(f"{place} is there already: name another file, or replace it with --force")
