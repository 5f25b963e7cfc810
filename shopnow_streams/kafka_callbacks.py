"""Calls in which a client of confluent-kafka calls back: what they raise."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException


@contextmanager
def calling_back() -> Iterator[None]:
    """Around such calls: a fatal error is raised as the KafkaException that it is.

    It is raised from among the callbacks, and one that runs after it (a log line, say) turns it into a SystemError
    whose cause it is: confluent-kafka-python's issue 865.
    """
    try:
        yield
    except SystemError as error:
        if isinstance(error.__cause__, KafkaException):
            raise error.__cause__ from None
        raise
