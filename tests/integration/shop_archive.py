"""Archives of a shop in a directory, written as the archiver writes them: by hand, or out of the simulator."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from shopnow_streams.events import TOPIC_OF, OrderPlaced, StockUpdated, encode, epoch_ms
from shopnow_streams.simulator import Habits, shoppers
from shopnow_streams.simulator.spoiling import spoil
from shopnow_streams.topics import Topic
from sinks.archive import Archive
from sinks.open import open_sink
from sinks.segments import Records, Segment, SegmentName, date_of

NOON_MS = 1_764_331_200_000  # 2025-11-28 12:00 UTC
HOUR_MS = 3_600_000


class Record(NamedTuple):
    """What Kafka holds."""

    topic: Topic
    value: bytes | None
    kafka_ms: int
    key: bytes | None = b"key"
    partition: int = 0


def record(
    topic: Topic, value: dict[str, Any] | bytes | None, kafka: str | None = None, key: bytes | None = b"key"
) -> Record:
    """An event that Kafka had at the moment `kafka`, else when it happened; noon where nobody says when that was."""
    said = kafka or (value.get("timestamp") if isinstance(value, dict) else None)
    at_ms = epoch_ms(datetime.fromisoformat(said)) if said else NOON_MS
    return Record(topic, json.dumps(value).encode() if isinstance(value, dict) else value, at_ms, key)


def view(product: int, at: str, user: int | None = None, name: str = "Vase", kafka: str | None = None) -> Record:
    event = {"id_produit": product, "nom_produit": name, "prix": 1.0, "user_id": user, "timestamp": moment(at)}
    return record(Topic.PRODUCT_VIEWED, event, kafka and moment(kafka))


def add(product: int, at: str, user: int = 1, name: str = "Vase") -> Record:
    event = {"id_produit": product, "nom_produit": name, "prix": 1.0, "quantite": 1, "user_id": user}
    return record(Topic.ITEM_ADDED, event | {"timestamp": moment(at)})


def order(
    number: int | str, at: str, lines: Iterable[tuple[int, int, float]] = (), total: float = 1.0, user: int = 1
) -> Record:
    articles = [{"id_produit": product, "quantite": units, "prix": price} for product, units, price in lines]
    event = {"id_commande": number, "user_id": user, "articles": articles, "montant_total": total}
    return record(Topic.ORDER_PLACED, event | {"timestamp": moment(at)})


def payment(number: int | str, at: str, amount: float = 1.0, user: int = 1) -> Record:
    event = {"id_commande": number, "user_id": user, "montant": amount, "moyen_paiement": "carte"}
    return record(Topic.PAYMENT_ACCEPTED, event | {"timestamp": moment(at)})


def count(product: int, at: str, stock: int) -> Record:
    return record(Topic.STOCK_UPDATED, {"id_produit": product, "stock": stock, "timestamp": moment(at)})


def moment(at: str) -> str:
    """`10:30` is that time of 28 November 2025; all in UTC."""
    return f"2025-11-28T{at}:00Z" if len(at) == 5 else f"{at}Z"


def archived(folder: Path, records: Iterable[Record]) -> str:
    """The URL of a new archive in `folder`. A segment ends where the day of Kafka's timestamp does."""
    archive = open_sink(folder.as_uri())
    archive.check()
    partitions = defaultdict(list)
    for each in records:
        partitions[each.topic, each.partition].append(each)
    for (topic, partition), log in partitions.items():
        first = 0
        for segment in _days(log):
            _put(archive, topic, partition, first, segment)
            first += len(segment)
    return folder.as_uri()


def _days(log: list[Record]) -> Iterator[list[Record]]:
    start = 0
    for place in range(1, len(log) + 1):
        if place == len(log) or date_of(log[place].kafka_ms) > date_of(log[start].kafka_ms):
            yield log[start:place]
            start = place


def _put(archive: Archive, topic: Topic, partition: int, first: int, log: list[Record]) -> None:
    encoder = archive.form.encoder(topic, partition, first)
    encoder.add(Records.of((first + row, each.kafka_ms, each.key, each.value) for row, each in enumerate(log)))
    name = SegmentName(topic, partition, first, date_of(log[0].kafka_ms), archive.form.NAME)
    archive.commit(Segment(name, first + len(log), encoder.finish(first + len(log))))


def simulated(seed: int, events: int) -> Iterator[Record]:
    """What a shop with everything wrong with it leaves behind on eight days of five months.

    Of the simulator's events some are late, some dated ahead, some without a key, some spoilt (an order that is
    spoilt leaves its payment alone); some orders are sent again, others placed anew; some counts are followed by one
    of nothing.
    """
    chance = random.Random(seed)
    a_day = events // 8
    calls = iter(range(2**62))

    def clock() -> datetime:
        day, place = divmod(next(calls), a_day)
        return datetime(2025, 9, 28, 8, tzinfo=UTC) + timedelta(days=19 * day, seconds=place * 40_000 / a_day)

    habits = Habits(products=25, customers=150, never_pays=0.1, pays_twice=0.05, pays_wrong=0.05)
    stock = dict.fromkeys(range(1001, 1026), 15)
    shop = shoppers(seed, clock, habits, stock=stock)
    for _, event in zip(range(events), shop, strict=False):
        topic = TOPIC_OF[type(event)]
        kafka_ms = epoch_ms(event.timestamp) + chance.choice([1, 5, 700])
        if chance.random() < 0.02:
            kafka_ms += chance.choice([-HOUR_MS // 2, HOUR_MS, 2 * HOUR_MS])
        key = b"key" if chance.random() < 0.9 else None
        partition = chance.randrange(2)
        value: bytes | None = encode(event)
        if chance.random() < 0.02:
            value = spoil(chance, topic, encode(event))
        yield Record(topic, value, kafka_ms, key, partition)
        if isinstance(event, StockUpdated) and chance.random() < 0.04:
            seconds = chance.choice([0, 30])
            nothing = StockUpdated(
                timestamp=event.timestamp + timedelta(seconds=seconds), id_produit=event.id_produit, stock=0
            )
            yield Record(topic, encode(nothing), kafka_ms, key, partition)
        if isinstance(event, OrderPlaced) and chance.random() < 0.1:
            again = event.timestamp + timedelta(seconds=chance.choice([0, 0, 600]))
            other = event.articles[: chance.randrange(1, len(event.articles) + 1)]
            total = event.montant_total if chance.random() < 0.5 else event.montant_total + 1
            anew = OrderPlaced(
                timestamp=again,
                id_commande=event.id_commande,
                user_id=event.user_id,
                articles=other,
                montant_total=total,
            )
            yield Record(topic, encode(anew), kafka_ms, key, partition)
