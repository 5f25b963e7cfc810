"""What Spark raises, as an error of ours: the line that says something, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from shopnow_streams.errors import QuestionRefused, SparkFailed


@contextmanager
def explained() -> Iterator[None]:
    """Raises QuestionRefused for a question that Spark can't answer, SparkFailed where it gave up while it did."""
    try:
        yield
    except PySparkException as error:
        said = str(error).partition("JVM stacktrace:")[0].partition(";\n'")[0].strip()
        raise QuestionRefused(
            f"Spark cannot do that: {said} "
            "(`shopnow sql --help` names the tables, `shopnow sql 'DESCRIBE order_placed'` a table's columns)"
        ) from error
    except Py4JJavaError as error:
        raise SparkFailed(
            f"Spark could not finish: {root_cause(error)}. Ask again; with more --memory, or of fewer days, where it "
            "ran out of room"
        ) from error


def root_cause(error: Py4JJavaError) -> str:
    """The innermost Java exception in one line: Spark wraps the one that says what is wrong in several that do not."""
    cause: Any = error.java_exception
    while cause.getCause() is not None:
        cause = cause.getCause()
    name = cause.getClass().getSimpleName()
    return f"{name}: {str(cause.getMessage()).partition(chr(10))[0]}"
