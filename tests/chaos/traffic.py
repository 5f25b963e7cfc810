"""Seeded events of all five topics, good and bad, and a process that sends them and writes down what was acknowledged.

    python -m tests.chaos.traffic BOOTSTRAP SEED EVENTS_A_SECOND LEDGER

It sends until its standard input is closed, waits for the last acknowledgement and exits 0. The ledger then has a line
`topic partition offset crc32` for each acknowledged record. An event of the log that nobody folded, or a record that
was acknowledged and is gone, is found by comparing.
"""

import json
import random
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Message, Producer

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
PARTITIONS = 4
PRODUCTS = 400

_BEHIND = (timedelta(0), timedelta(seconds=5), timedelta(hours=1), timedelta(hours=2), timedelta(days=-365 * 75))
_SHARES = (0.6, 0.2, 0.18, 0.0195, 0.0005)
"""Of events: most in order; some just on time or late; late ones; a few by a clock gone wrong."""


class Sent(NamedTuple):
    """One record to send; `partition` None is the producer's choice, by key or at random."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None


def traffic(seed: int, bad_share: float = 0.01) -> Iterator[Sent]:
    """Events without end, the same ones for the same seed."""
    chance = random.Random(seed)
    start = datetime(2025, 11, 28, 18, tzinfo=UTC)
    for number in range(10**12):
        moment = start + timedelta(milliseconds=number * 20) - chance.choices(_BEHIND, _SHARES)[0]
        topic, key, event = _event(chance, number, _written(chance, moment))
        value: bytes | None = json.dumps(event, ensure_ascii=chance.random() < 0.5).encode()
        if chance.random() < bad_share:
            value = _spoilt(chance, event)
        choice = chance.random()
        if choice < 0.6:
            yield Sent(topic, str(key).encode(), value, None)
        elif choice < 0.8:
            yield Sent(topic, None, value, None)
        else:
            yield Sent(topic, str(key).encode(), value, chance.randrange(PARTITIONS))


def _event(chance: random.Random, number: int, timestamp: str) -> tuple[str, Any, dict[str, Any]]:
    product = min(int(chance.paretovariate(0.7)), PRODUCTS) - 1
    user = chance.randrange(5_000)
    price = round(chance.uniform(0.01, 300), chance.choice((0, 1, 2, 2, 2, 3)))
    name = f"T-shirt en coton bio été nº {product} v{chance.randrange(3)}"
    kind = chance.random()
    if kind < 0.5:
        event = {"id_produit": product, "nom_produit": name, "prix": price, "timestamp": timestamp}
        return "produit-consulte", product, event | chance.choice(({}, {"user_id": user}, {"user_id": None}))
    if kind < 0.7:
        event = {
            "id_produit": product,
            "nom_produit": name,
            "quantite": chance.randint(1, 5),
            "prix": price,
            "user_id": user,
            "timestamp": timestamp,
            "panier": ["inconnu", {"de": "nous"}],
        }
        return "article-ajoute", user, event
    # the same order now and then twice, its id as a text or as a number; paid before it was placed, in parts, or never
    order: str | int = max(0, number - chance.choice((0, 0, 0, 1, 7, 300)))
    order = order if chance.random() < 0.3 else str(order) if chance.random() < 0.3 else f"c-{order}"
    if kind < 0.82:
        lines = [
            {"id_produit": (product + more) % PRODUCTS, "quantite": chance.randint(1, 3), "prix": price}
            for more in range(chance.randint(0, 4))
        ]
        total = round(sum(line["quantite"] * line["prix"] for line in lines), 2)
        event = {
            "id_commande": order,
            "user_id": user,
            "articles": lines,
            "montant_total": total,
            "timestamp": timestamp,
        }
        return "commande-validee", order, event
    if kind < 0.9:
        event = {
            "id_commande": order,
            "user_id": user,
            "montant": price,
            "moyen_paiement": "carte",
            "timestamp": timestamp,
        }
        return "paiement-accepte", order, event
    event = {"id_produit": product, "stock": chance.randrange(1_000), "timestamp": timestamp}
    return "stock-mis-a-jour", product, event | chance.choice(({}, {"nom_produit": name}))


def _written(chance: random.Random, moment: datetime) -> str:
    """The moment in one of the ways that producers write it."""
    way = chance.random()
    if way < 0.6:
        return moment.isoformat().replace("+00:00", "Z")
    if way < 0.8:
        return moment.astimezone(timezone(timedelta(hours=1))).isoformat(timespec="milliseconds")
    return moment.astimezone(timezone(-timedelta(hours=9, minutes=30))).isoformat()


def _spoilt(chance: random.Random, event: dict[str, Any]) -> bytes | None:
    """What is not an event of its topic; why it is not is beyond doubt."""
    whole = json.dumps(event).encode()
    return chance.choice(
        (
            None,
            b"",
            b"\xff\xfe\x00pas du JSON",
            whole[:-1],
            whole + b"}",
            b"[]",
            b"null",
            json.dumps(event | {"timestamp": "2026-11-27T18:00:00"}).encode(),
            json.dumps(event | {"timestamp": "hier"}).encode(),
            json.dumps({name: value for name, value in event.items() if name != "timestamp"}).encode(),
            json.dumps(dict.fromkeys(event, -1) | {"timestamp": event["timestamp"]}).encode(),
            json.dumps(dict.fromkeys(event, True) | {"timestamp": event["timestamp"]}).encode(),
        )
    )


class Sender:
    """Sends through one producer a codec, and keeps a ledger of acknowledgements."""

    def __init__(self, bootstrap: str, codecs: tuple[str, ...] = CODECS) -> None:
        self.ledger: list[tuple[str, int, int, int]] = []
        self.refused: list[str] = []
        self._producers = [
            Producer(
                {
                    "bootstrap.servers": bootstrap,
                    "compression.type": codec,
                    "enable.idempotence": True,
                    "message.timeout.ms": 300_000,
                    "linger.ms": 20,
                    "queue.buffering.max.messages": 200_000,
                    "log_level": 0,
                }
            )
            for codec in codecs
        ]
        self._sent = 0

    def send(self, sent: Sent) -> None:
        """Hand one record to the next producer in turn; waits where its queue is full."""
        producer = self._producers[self._sent // 50 % len(self._producers)]
        self._sent += 1
        partition = -1 if sent.partition is None else sent.partition  # -1 is the producer's choice
        while True:
            try:
                producer.produce(sent.topic, sent.value, sent.key, partition, on_delivery=self._delivered)
                break
            except BufferError:
                producer.poll(0.1)
        if self._sent % 100 == 0:
            for each in self._producers:
                each.poll(0)

    def flush(self, timeout_s: float = 300.0) -> None:
        """Wait for every acknowledgement. Raises TimeoutError where they do not come."""
        deadline = time.monotonic() + timeout_s
        for producer in self._producers:
            if producer.flush(max(0.1, deadline - time.monotonic())):
                raise TimeoutError("Kafka did not acknowledge all that was sent")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.refused.append(error.str())
            return
        self.ledger.append(
            (str(message.topic()), message.partition() or 0, message.offset() or 0, zlib.crc32(message.value() or b""))
        )


def main(bootstrap: str, seed: int, rate: float, ledger: Path) -> int:
    """Send at a steady rate until standard input ends."""
    ended = threading.Event()

    def until_input_ends() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=until_input_ends, daemon=True).start()
    sender = Sender(bootstrap)
    started = time.monotonic()
    events = traffic(seed)
    sent = 0
    while not ended.is_set():
        due = int((time.monotonic() - started) * rate) - sent
        for event in (next(events) for _ in range(min(due, 2_000))):
            sender.send(event)
        sent += max(0, min(due, 2_000))
        if due <= 0:
            ended.wait(0.01)
    sender.flush()
    with ledger.open("w") as lines:
        lines.writelines(f"{topic} {partition} {offset} {crc}\n" for topic, partition, offset, crc in sender.ledger)
    for reason in sender.refused[:10]:
        print(reason, file=sys.stderr)
    return 1 if sender.refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
