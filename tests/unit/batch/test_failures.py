"""What Spark raises, as errors of ours; Java's exceptions are stand-ins."""

from types import SimpleNamespace
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import AnalysisException

from shopnow_streams.batch.failures import explained
from shopnow_streams.errors import QuestionRefused, SparkFailed


class Throwable:
    """A Java exception, as py4j shows it."""

    _target_id = "o1"
    _gateway_client = None

    def __init__(self, name: str, message: str | None, cause: "Throwable | None" = None) -> None:
        self._name, self._message, self._cause = name, message, cause

    def getCause(self) -> "Throwable | None":
        return self._cause

    def getMessage(self) -> str | None:
        return self._message

    def getClass(self) -> Any:
        return SimpleNamespace(getSimpleName=lambda: self._name)


def test_a_question_that_spark_refuses_is_one_line_with_where_to_look() -> None:
    said = (
        "[UNRESOLVED_COLUMN] no column nope. SQLSTATE: 42703; line 1 pos 7;\n'Project ['nope]\n\nJVM stacktrace:\nat x"
    )
    with pytest.raises(QuestionRefused) as caught, explained():
        raise AnalysisException(said)
    assert str(caught.value).startswith(
        "Spark cannot do that: [UNRESOLVED_COLUMN] no column nope. SQLSTATE: 42703; line 1 pos 7 ("
    )
    assert "DESCRIBE order_placed" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_failure_on_the_way_is_told_by_its_innermost_cause() -> None:
    cause = Throwable("OutOfMemoryError", "Java heap space\nat y")
    error = Py4JJavaError("An error occurred", Throwable("SparkException", "Job aborted", cause))
    with (
        pytest.raises(SparkFailed, match=r"OutOfMemoryError: Java heap space\. Ask again; with more --memory"),
        explained(),
    ):
        raise error


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(KeyError), explained():
        raise KeyError("a bug")
