"""The function that the shop's backend has always called, under its own name."""

import os
import threading
from typing import Any

import msgspec

from shopnow_streams.errors import EventRejected, ShopNowError
from shopnow_streams.events import Rejection
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.producer.blocking import ShopProducer
from shopnow_streams.producer.records import Delivery, record_of_raw
from shopnow_streams.settings import from_environment

logger = get_logger(__name__)

_encode = msgspec.json.Encoder(decimal_format="number").encode
_lock = threading.Lock()
_producers: dict[int, ShopProducer] = {}


def envoyer_evenement(topic: str, data: dict[str, Any], timeout_s: float = 30.0) -> Delivery:
    """Send one event, given as a dict, and wait until Kafka has it. Blocks up to `timeout_s`; thread-safe.

    The first call connects to SHOPNOW_KAFKA. What `data` holds beyond the event's fields is sent too. Raises
    EventRejected if it is no event of `topic`, KafkaUnavailable, DeliveryFailed.
    """
    try:
        try:
            value = _encode(data)
        except (TypeError, ValueError) as error:
            raise EventRejected(Rejection("not-json", str(error))) from error
        name, key, value = record_of_raw(topic, value)
        delivery = _producer().send_raw(name, value, key).result(timeout_s)
    except ShopNowError as error:
        logger.error("{topic}: not sent: {error}", topic=topic, error=error)  # noqa: TRY400  # its message says it all
        raise
    logger.info(
        "{topic}: {key}, partition {partition}, offset {offset}",
        topic=topic,
        key=key.decode(),
        partition=delivery.partition,
        offset=delivery.offset,
    )
    return delivery


def _producer() -> ShopProducer:
    """This process's own: librdkafka's threads do not survive a fork, so a child gets a new one."""
    with _lock:
        producer = _producers.get(os.getpid())
        if producer is None:
            producer = _producers[os.getpid()] = ShopProducer(from_environment().connection)
        return producer
