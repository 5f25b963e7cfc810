"""A sentence of ours is whole for any handler, and its fields are beside it."""

import logging
import subprocess
import sys

import pytest

from shopnow_streams.logs.logger import SAID, get_logger

logger = get_logger("tables.writer")


def test_the_sentence_is_filled_in_and_the_fields_are_the_record_s(caplog: pytest.LogCaptureFixture) -> None:
    logger.warning(
        "partition {partition}: {error!r} for {wait_s:.1f} s", partition=3, error=OSError("x"), wait_s=2, offset=7
    )
    (record,) = caplog.records
    assert record.getMessage() == "partition 3: OSError('x') for 2.0 s"
    fields = vars(record)
    assert (fields["partition"], fields["offset"], fields["wait_s"]) == (3, 7, 2)
    assert fields[SAID] == {"partition", "error", "wait_s"}


def test_what_a_field_holds_is_taken_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    logger.warning("Kafka: {error}", error="100% of {brokers} down: %s")
    assert caplog.messages == ["Kafka: 100% of {brokers} down: %s"]


def test_a_sentence_without_fields_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    logger.warning("{} of %d", 3)
    assert caplog.messages == ["{} of 3"]


def test_an_exception_comes_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    try:
        int("why")
    except ValueError:
        logger.exception("{path} failed", path="/api")
    (record,) = caplog.records
    assert record.exc_info is not None
    assert (record.getMessage(), record.exc_info[0]) == ("/api failed", ValueError)


def test_the_record_is_of_who_logged_it(caplog: pytest.LogCaptureFixture) -> None:
    logger.warning("here, in {place}", place="a test")
    assert caplog.records[0].filename == "test_logger.py"


def test_a_level_that_is_off_costs_no_sentence() -> None:
    class Costly:
        def __format__(self, _: str) -> str:
            raise AssertionError("formatted for nobody")

    quiet = get_logger("quiet")
    quiet.logger.setLevel(logging.ERROR)
    quiet.info("{costly}", costly=Costly())


def test_who_imports_the_producer_does_not_wait_for_structlog() -> None:
    told = "import sys, shopnow_streams.producer, sinks.archive; sys.exit('structlog' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], timeout=60, check=False).returncode == 0
