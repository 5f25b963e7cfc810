"""What is sent before anything is measured, or meanwhile: a shop's traffic, or a mix of the five topics. Seeded."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

from confluent_kafka import Producer
from rich.progress import Progress

from shopnow_streams.producer.records import unchecked_record_of
from shopnow_streams.simulator.shoppers import Habits, shoppers, steady_clock
from shopnow_streams.topics import Topic

PRODUCTS = 5_000
USERS = 100_000
START = datetime(2026, 11, 1, tzinfo=UTC)
VISIT_S = 300
EVENTS_A_VISIT = 7
Sent = tuple[str, str, bytes]
Traffic = Callable[[int], Iterable[Sent]]
"""So many records, as (topic, key, value)."""


def traffic_of(per_s: float) -> Traffic:
    """Of a shop that has so many events a second; 0: `mixed`."""
    return partial(visited, per_s) if per_s else mixed


def visited(per_s: float, count: int) -> Iterator[Sent]:
    """`count` records of the simulator's shoppers, of whom each is in the shop for some five minutes."""
    habits = Habits(products=PRODUCTS, customers=USERS, in_shop=max(10, round(per_s * VISIT_S / EVENTS_A_VISIT)))
    for event in islice(shoppers("bench", steady_clock(START, per_s), habits), count):
        topic, key, value = unchecked_record_of(event)
        yield str(topic), key.decode(), value


def mixed(count: int, seed: int = 1) -> Iterator[Sent]:
    """`count` records as (topic, key, value): 70 % views, 15 % adds, 5 % orders, 4.5 % payments, 5.5 % stock.

    Products by Zipf's law, as shops have them: the first of 5,000 has 8 % of the views, the first ten a good quarter.
    Every event is of another customer, though, of 100,000: nobody makes a visit.
    """
    chance = random.Random(seed)
    names = [f"T-shirt en coton bio n° {number}" for number in range(PRODUCTS + 1)]
    for number in range(count):
        at = moment(number).isoformat()
        product = int(PRODUCTS ** chance.random())
        user, kind = chance.randrange(USERS), chance.random()
        common = {"id_produit": product, "nom_produit": names[product]}
        if kind < 0.70:
            yield _sent(Topic.PRODUCT_VIEWED, product, {**common, "prix": 29.99, "user_id": user, "timestamp": at})
        elif kind < 0.85:
            fields = {**common, "quantite": 1 + number % 3, "prix": 29.99, "user_id": user, "timestamp": at}
            yield _sent(Topic.ITEM_ADDED, user, fields)
        elif kind < 0.90:
            lines = [
                {"id_produit": product, "quantite": 2, "prix": 29.99},
                {"id_produit": (product + 1) % PRODUCTS, "quantite": 1, "prix": 9.5},
            ]
            fields = {
                "id_commande": f"c{number}",
                "user_id": user,
                "articles": lines,
                "montant_total": 69.48,
                "timestamp": at,
            }
            yield _sent(Topic.ORDER_PLACED, f"c{number}", fields)
        elif kind < 0.945:
            order = f"c{number - 5}"
            fields = {
                "id_commande": order,
                "user_id": user,
                "montant": 69.48,
                "moyen_paiement": "carte",
                "timestamp": at,
            }
            yield _sent(Topic.PAYMENT_ACCEPTED, order, fields)
        else:
            yield _sent(Topic.STOCK_UPDATED, product, {**common, "stock": number % 500, "timestamp": at})


def moment(number: int) -> datetime:
    """When event `number` of the mix happened."""
    return START + timedelta(milliseconds=43 * number)


def load(bootstrap: str, count: int, traffic: Traffic, progress: Progress) -> int:
    """Send so many events of `traffic`; blocks until all are acknowledged. The bytes of their values together."""
    task = progress.add_task(f"loading {count:,} events", total=count)
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": "lz4",
            "linger.ms": 50,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 500_000,
        }
    )
    value_bytes = 0
    for number, (topic, key, value) in enumerate(traffic(count), 1):
        value_bytes += len(value)
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 10_000 == 0:
            producer.poll(0)
            progress.update(task, completed=number)
    producer.flush()
    progress.update(task, completed=count)
    return value_bytes


def _sent(topic: Topic, key: object, fields: dict[str, object]) -> Sent:
    return str(topic), str(key), json.dumps(fields, ensure_ascii=False).encode()
