"""From changelog to store, in bulk: a million rows in seconds, where Faust's own recovery takes minutes."""

import time
from collections.abc import Callable, Mapping
from uuid import uuid4

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from shopnow_streams.delivery.transient import passes
from shopnow_streams.logs.librdkafka import librdkafka_logger
from shopnow_streams.logs.logger import get_logger
from tables.cut import Change
from tables.store import PartitionStore, prefix

logger = get_logger(__name__)

_FETCH_RECORDS = 20_000
_BROKER_WAIT_S = 10.0

Ended = Callable[[], bool]


def restore(
    librdkafka: Mapping[str, str],
    stores: Mapping[int, PartitionStore],
    changelogs: Mapping[str, str],
    ended: Ended = lambda: False,
) -> int:
    """Bring each partition's store (by its number) up to the committed end of every changelog (by table).

    Blocks until all are there, waiting for brokers as long as it takes or until `ended()`. The partition's writer must
    be open before, so that nothing can be added behind our back. Gives the number of rows read.
    """
    started, rows = time.monotonic(), 0
    client = confluent_kafka.Consumer(
        {
            **librdkafka,
            "group.id": f"restore-{uuid4()}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "fetch.message.max.bytes": 8 << 20,
            "queued.max.messages.kbytes": 32_768,
        },
        logger=librdkafka_logger(__name__),
    )
    try:
        ids = topic_ids(librdkafka, list(changelogs.values()), ended)
        behind = {(start.topic, start.partition) for start in _starts(client, stores, ids, ended)}
        tables = {changelog: prefix(table) for table, changelog in changelogs.items()}
        while behind and not ended():
            rows += _store_fetch(client.consume(_FETCH_RECORDS, 0.05), stores, tables, behind)
    finally:
        client.close()
    logger.info(
        "restored {rows} rows of partitions {partitions} in {seconds:.2f} s",
        rows=rows,
        partitions=sorted(stores),
        seconds=time.monotonic() - started,
    )
    return rows


def _starts(
    client: confluent_kafka.Consumer, stores: Mapping[int, PartitionStore], ids: Mapping[str, str], ended: Ended
) -> list[TopicPartition]:
    starts = []
    for number, store in stores.items():
        if _is_of_others(client, number, store, ids, ended):
            logger.warning(
                "partition {partition}: its store is of changelogs that are gone; read anew", partition=number
            )
            store.wipe()
        for changelog, topic_id in ids.items():
            store.identify(changelog, topic_id)
            have = store.changelog_offset(changelog)
            starts.append(TopicPartition(changelog, number, 0 if have is None else have + 1))
    client.assign(starts)
    return starts


def _is_of_others(
    client: confluent_kafka.Consumer, number: int, store: PartitionStore, ids: Mapping[str, str], ended: Ended
) -> bool:
    for changelog, topic_id in ids.items():
        have = store.changelog_offset(changelog)
        if store.changelog_id(changelog) not in (None, topic_id):
            return True
        if have is not None and have >= _end(client, TopicPartition(changelog, number), ended):
            return True
    return False


def topic_ids(librdkafka: Mapping[str, str], topics: list[str], ended: Ended = lambda: False) -> dict[str, str]:
    """The id of each topic: one made anew under the name has another. Blocks, waiting for brokers until `ended()`."""
    admin = AdminClient(dict(librdkafka), logger=librdkafka_logger(__name__))
    while True:
        found = admin.describe_topics(TopicCollection(topics), request_timeout=_BROKER_WAIT_S)
        try:
            return {topic: str(found[topic].result().topic_id) for topic in topics}
        except KafkaException as error:
            if not passes(error.args[0]) or ended():
                raise
            logger.warning("restore waits for the changelogs: {error}", error=error.args[0].str())
            time.sleep(0.2)


def _end(client: confluent_kafka.Consumer, at: TopicPartition, ended: Ended) -> int:
    while True:
        try:
            end: int = client.get_watermark_offsets(at, timeout=_BROKER_WAIT_S)[1]
        except KafkaException as error:
            if not passes(error.args[0]):
                raise
            if ended():
                raise
            logger.warning(
                "restore waits for {topic} partition {partition}: {error}",
                topic=at.topic,
                partition=at.partition,
                error=error.args[0].str(),
            )
            time.sleep(0.2)
        else:
            return end


def _store_fetch(
    messages: list[confluent_kafka.Message],
    stores: Mapping[int, PartitionStore],
    tables: Mapping[str, bytes],
    behind: set[tuple[str, int]],
) -> int:
    rows: dict[int, dict[bytes, list[Change]]] = {}
    ends: dict[int, dict[str, int]] = {}
    count = 0
    for message in messages:
        topic, number = message.topic() or "", message.partition() or 0
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                behind.discard((topic, number))
            elif not passes(error):
                raise KafkaException(error)
            continue
        rows.setdefault(number, {}).setdefault(tables[topic], []).append((message.key() or b"", message.value()))
        ends.setdefault(number, {})[topic] = message.offset() or 0
        count += 1
    for number, changed in rows.items():
        stores[number].write(changed, ends[number])
    return count
