"""What the tables must hold, worked out a second time: the log read plainly, the rows computed plainly.

Nothing here comes from `shopnow_streams`: not its decoder, not its folds, not its names. `read_log` reads the topics
with a bare consumer, `expected` makes rows of them with dictionaries, `read_rows` asks workers over HTTP, and
`differences` lists where two sets of rows part. Rows have the API's field names; moments are datetimes.
"""

import json
import time
import urllib.request
import zlib
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tests import oracle_windows

TOPICS = ("produit-consulte", "article-ajoute", "commande-validee", "paiement-accepte", "stock-mis-a-jour")
REJECTS = "evenements-rejetes"
MAX_ID = 2**63 - 1

Row = dict[str, Any]
Tables = dict[str, dict[Any, Row]]
"""Rows by table and key: products, stock, orders, hours, rejections, and those of `oracle_windows`."""

Offsets = dict[str, dict[int, int]]
"""The next offset by topic and partition, as the API writes it."""


class Record(NamedTuple):
    """One record as it lies in Kafka."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    stamp_ms: int

    @property
    def checksum(self) -> int:
        """Of the value; 0 for a tombstone."""
        return zlib.crc32(self.value or b"")


@dataclass
class Log:
    """Topics at rest: committed records, and the end of each partition (markers of transactions included)."""

    records: list[Record] = field(default_factory=list)
    ends: Offsets = field(default_factory=dict)

    def below(self, offsets: Offsets) -> Iterator[Record]:
        """The records that a state which stands at `offsets` has seen."""
        return (r for r in self.records if r.offset < offsets.get(r.topic, {}).get(r.partition, 0))

    def since(self, before: "Log") -> "Log":
        """What came after `before` was read."""
        have = [r for r in self.records if r.offset >= before.ends.get(r.topic, {}).get(r.partition, 0)]
        return Log(have, self.ends)


def read_log(bootstrap: str, topics: Sequence[str] = TOPICS, timeout_s: float = 120.0) -> Log:
    """Every committed record of `topics`, up to the ends of this moment."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"oracle-{uuid4()}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
        }
    )
    try:
        partitions = partitions_of(bootstrap, topics)
        log = Log(ends={topic: {} for topic in topics})
        starts = []
        for topic, number in partitions:
            low, high = _watermarks(consumer, TopicPartition(topic, number))
            log.ends[topic][number] = high
            starts.append(TopicPartition(topic, number, low))
        consumer.assign(starts)
        reading = set(partitions)
        idle_s = 0.0
        while reading:
            messages = consumer.consume(10_000, 0.2)
            idle_s = 0.0 if messages else idle_s + 0.2
            if idle_s > timeout_s:
                raise TimeoutError(f"nothing more of {sorted(reading)}")
            for message in messages:
                at = (str(message.topic()), int(message.partition() or 0))
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        reading.discard(at)
                    elif not error.retriable():
                        raise RuntimeError(error.str())
                    continue
                log.records.append(_record(message))
        return log
    finally:
        consumer.close()


def read_ends(bootstrap: str) -> Offsets:
    """The ends of the five topics; empty partitions are left out, since no state stands there."""
    client = Consumer({"bootstrap.servers": bootstrap, "group.id": f"oracle-{uuid4()}", "log_level": 0})
    try:
        ends: Offsets = {}
        for topic, number in sorted(partitions_of(bootstrap, TOPICS)):
            end = _watermarks(client, TopicPartition(topic, number))[1]
            if end:
                ends.setdefault(topic, {})[number] = end
        return ends
    finally:
        client.close()


def _watermarks(client: Consumer, at: TopicPartition, timeout_s: float = 30.0) -> tuple[int, int]:
    """First offset and end; a partition that was just made has no leader for a moment."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            low, high = client.get_watermark_offsets(at, timeout=10)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return low, high


def partitions_of(bootstrap: str, topics: Iterable[str]) -> list[tuple[str, int]]:
    """All partitions of existing topics."""
    known = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=30).topics
    return [(topic, number) for topic in topics for number in sorted(known[topic].partitions)]


def _record(message: Any) -> Record:
    headers = {name: value or b"" for name, value in message.headers() or []}
    stamp_ms = message.timestamp()[1]
    return Record(
        message.topic(), message.partition(), message.offset(), message.key(), message.value(), headers, stamp_ms
    )


# --- what the rows must be ---------------------------------------------------------------------------------------


def refusal(topic: str, value: bytes | None) -> str | None:
    """Why a value is not an event of its topic (`no-value`, `not-json`, `not-valid`), or None where it is one."""
    return _read(topic, value)[1]


def expected(log: Log, offsets: Offsets | None = None) -> Tables:
    """All rows of all tables, for a state that stands at `offsets`; at the ends of the log where they are left out."""
    tables, windows = _Tables(), oracle_windows.Windows()
    for record in log.records if offsets is None else log.below(offsets):
        event, reason = _read(record.topic, record.value)
        if event is None:
            reasons = tables.rejections[record.topic]
            reasons[str(reason)] = reasons.get(str(reason), 0) + 1
        else:
            tables.take(record.topic, event)
            windows.take(record.topic, record.partition, record.offset, record.stamp_ms, event)
    return tables.rows() | windows.rows()


def expected_rejects(log: Log) -> list[tuple[str, int, int, str, bytes | None, bytes | None]]:
    """Every record that is not an event: topic, partition, offset, reason, key, value; sorted."""
    found = []
    for record in log.records:
        reason = refusal(record.topic, record.value)
        if reason is not None:
            found.append((record.topic, record.partition, record.offset, reason, record.key, record.value))
    return sorted(found, key=lambda reject: reject[:3])


def emitted_rejects(rejects: Log) -> list[tuple[str, int, int, str, bytes | None, bytes | None]]:
    """What stands in the reject topic, in the form of `expected_rejects`; one emitted twice is in it twice."""
    found = []
    for record in rejects.records:
        headers = {name: value.decode() for name, value in record.headers.items()}
        found.append(
            (
                headers["topic"],
                int(headers["partition"]),
                int(headers["offset"]),
                headers["reason"],
                record.key,
                record.value,
            )
        )
    return sorted(found, key=lambda reject: reject[:3])


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _read(topic: str, value: bytes | None) -> tuple[Row | None, str | None]:
    """An event with its timestamp as a datetime, or the reason why there is none."""
    if value is None:
        return None, "no-value"
    try:
        event = json.loads(value.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None, "not-json"
    if not isinstance(event, dict):
        return None, "not-valid"
    moment = _moment(event.get("timestamp"))
    if moment is None or not _fits(event, _FIELDS[topic]):
        return None, "not-valid"
    event["timestamp"] = moment
    return event, None


_ABSENT = object()


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def _whole(low: int, high: int) -> Any:
    return lambda value: type(value) is int and low <= value <= high


def _euros(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1e7


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 1_000


def _order(value: Any) -> bool:
    return _id(value) or (isinstance(value, str) and 1 <= len(value) <= 200)


def _lines(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= 1_000
        and all(isinstance(line, dict) and _fits(line, _LINE) for line in value)
    )


def _fits(event: Row, fields: dict[str, Any]) -> bool:
    return all(check(event.get(name, _ABSENT)) for name, check in fields.items())


def _may(check: Any) -> Any:
    return lambda value: value is _ABSENT or value is None or check(value)


_id = _whole(0, MAX_ID)
_quantity = _whole(1, 10_000)
_LINE: dict[str, Any] = {"id_produit": _id, "quantite": _quantity, "prix": _euros}
_FIELDS: dict[str, dict[str, Any]] = {
    "produit-consulte": {"id_produit": _id, "nom_produit": _text, "prix": _euros, "user_id": _may(_id)},
    "article-ajoute": {
        "id_produit": _id,
        "nom_produit": _text,
        "quantite": _quantity,
        "prix": _euros,
        "user_id": _id,
    },
    "commande-validee": {"id_commande": _order, "user_id": _id, "articles": _lines, "montant_total": _euros},
    "paiement-accepte": {"id_commande": _order, "user_id": _id, "montant": _euros, "moyen_paiement": _text},
    "stock-mis-a-jour": {"id_produit": _id, "stock": _id, "nom_produit": _may(_text)},
}


def centimes(euros: float) -> int:
    """Half to even, of the double."""
    return round(euros * 100)


def hour_of(moment: datetime) -> str:
    """`2025-11-28T10`, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H")


class _Tables:
    """Rows in the making: counts as dictionaries, whatever is decided by time as the list of its candidates' best."""

    def __init__(self) -> None:
        self.products: dict[int, dict[str, int]] = defaultdict(
            lambda: dict.fromkeys(("views", "adds", "units_added", "order_lines", "units_sold", "revenue_cents"), 0)
        )
        self.names: dict[int, tuple[datetime, str]] = {}
        self.counts: dict[int, int] = defaultdict(int)
        self.levels: dict[int, tuple[datetime, int]] = {}  # newest moment, and minus the units: the lower one stands
        self.placements: dict[str, int] = defaultdict(int)
        self.placed: dict[str, tuple[datetime, int, int, int]] = {}
        self.payments: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
        self.hours: dict[str, dict[str, int]] = defaultdict(
            lambda: dict.fromkeys(("views", "adds", "orders", "placed_cents", "payments", "paid_cents"), 0)
        )
        self.rejections: dict[str, dict[str, int]] = defaultdict(dict)

    def take(self, topic: str, event: Row) -> None:
        at: datetime = event["timestamp"]
        hour = None if topic == "stock-mis-a-jour" else self.hours[hour_of(at)]
        if topic == "stock-mis-a-jour":
            product = event["id_produit"]
            self.counts[product] += 1
            count = (at, -event["stock"])
            self.levels[product] = max(self.levels.get(product, count), count)
            return
        assert hour is not None
        if topic in ("produit-consulte", "article-ajoute"):
            product = event["id_produit"]
            name = (at, event["nom_produit"])
            self.names[product] = max(self.names.get(product, name), name)
            if topic == "produit-consulte":
                hour["views"] += 1
                self.products[product]["views"] += 1
            else:
                hour["adds"] += 1
                self.products[product]["adds"] += 1
                self.products[product]["units_added"] += event["quantite"]
        elif topic == "commande-validee":
            hour["orders"] += 1
            hour["placed_cents"] += centimes(event["montant_total"])
            for line in event["articles"]:
                sold = self.products[line["id_produit"]]
                sold["order_lines"] += 1
                sold["units_sold"] += line["quantite"]
                sold["revenue_cents"] += line["quantite"] * centimes(line["prix"])
            order = str(event["id_commande"])
            units = sum(line["quantite"] for line in event["articles"])
            placement = (at, centimes(event["montant_total"]), units, event["user_id"])
            self.placements[order] += 1
            self.placed[order] = max(self.placed.get(order, placement), placement)
        else:
            hour["payments"] += 1
            hour["paid_cents"] += centimes(event["montant"])
            self.payments[str(event["id_commande"])].append((at, centimes(event["montant"])))

    def rows(self) -> Tables:
        return {
            "products": {
                product: {"id_produit": product, "name": self.names.get(product, (None, None))[1] or None, **counts}
                for product, counts in self.products.items()
            }
            | {
                product: {"id_produit": product, "name": name or None, **self.products[product]}
                for product, (_, name) in self.names.items()
            },
            "stock": {
                product: {"id_produit": product, "units": -minus, "counted_at": at, "counts": self.counts[product]}
                for product, (at, minus) in self.levels.items()
            },
            "orders": {order: self._order(order) for order in self.placed.keys() | self.payments.keys()},
            "hours": dict(self.hours),
            "rejections": dict(self.rejections),
        }

    def _order(self, order: str) -> Row:
        at, cents, units, user = self.placed.get(order, (None, None, None, None))
        payments = self.payments.get(order, [])
        return {
            "id_commande": order,
            "user_id": user,
            "placed_at": at,
            "placed_cents": cents,
            "units": units,
            "placements": self.placements.get(order, 0),
            "paid_at": max((moment for moment, _ in payments), default=None),
            "paid_cents": sum(paid for _, paid in payments),
            "payments": len(payments),
        }


# --- what the workers answer --------------------------------------------------------------------------------------


class Incomplete(Exception):
    """An answer that says itself that it is not the whole: the caller asks again later."""


@dataclass
class Answers:
    """Rows that workers gave, and the offsets that they all say they stand at."""

    tables: Tables
    offsets: Offsets


def read_rows(urls: Sequence[str], partitions: int = 4) -> Answers:
    """Every row of every table: pages and lists from the first worker, what has no list from each worker itself.

    Raises Incomplete where an answer is, or where the answers do not stand at the same offsets.
    """
    url = urls[0]
    products, stands = _pages(url, "/api/products")
    stock, at = _pages(url, "/api/stock")
    stands += at
    revenue, funnel = get(url, "/api/revenue?by=hour"), get(url, "/api/funnel?by=hour")
    stands += [_standing(revenue), _standing(funnel)]
    whole = {table: _all_workers(urls, table, partitions) for table in _WITHOUT_LISTS}
    stands += [of.offsets for of in whole.values()]
    if any(stand != stands[0] for stand in stands):
        raise Incomplete(f"answers stand at different offsets: {stands[0]} and others")
    hours: dict[Any, Row] = {row["hour"]: _of(row, _REVENUE) for row in revenue["items"]}
    stages = {row["hour"]: row for row in funnel["items"]}
    if hours.keys() != stages.keys():
        raise AssertionError(f"/api/revenue and /api/funnel have other hours: {hours.keys() ^ stages.keys()}")
    for name, hour in hours.items():
        hour |= {"views": stages[name]["views"], "adds": stages[name]["adds"]}
        assert (hour["orders"], hour["payments"]) == (stages[name]["orders"], stages[name]["payments"]), name
    by_reason: dict[Any, Row] = defaultdict(dict)
    for topic, state in whole["rejections"].rows:
        for reason, count in state["by_reason"].items():
            by_reason[topic][reason] = by_reason[topic].get(reason, 0) + count
    return Answers(
        {
            "products": {row["id_produit"]: row for row in products},
            "stock": {
                row["id_produit"]: _of(row, _STOCK) | {"counted_at": _moment(row["counted_at"])} for row in stock
            },
            "orders": _merged_orders(whole["orders"].rows),
            "hours": hours,
            "rejections": dict(by_reason),
            **oracle_windows.merged(
                {table: of.rows for table, of in whole.items()}, max(of.clock for of in whole.values())
            ),
        },
        stands[0],
    )


_REVENUE = ("orders", "placed_cents", "payments", "paid_cents")
_STOCK = ("id_produit", "units", "counts")


def _of(row: Row, fields: Sequence[str]) -> Row:
    """What a row says of these; the rest is worked out of other rows."""
    return {name: row[name] for name in fields}


def get(url: str, path: str) -> Any:
    """A path's JSON. Raises OSError where the worker does not answer, or answers with an error."""
    with urllib.request.urlopen(url + path, timeout=20) as response:  # noqa: S310
        return json.loads(response.read())


def order(url: str, name: str) -> Row:
    """One order by its own path, moments as datetimes. Raises Incomplete where the answer is."""
    row: Row = get(url, "/api/orders/" + quote(name, safe=""))
    _standing(row)
    for standing in ("complete", "partitions", "offsets"):
        row.pop(standing)
    problems = row.pop("problems")
    order = row | {"placed_at": _moment(row["placed_at"]), "paid_at": _moment(row["paid_at"])}
    assert problems == [name for name, has in _PROBLEMS.items() if has(order)], order
    return order


_PROBLEMS: Mapping[str, Callable[[Row], bool]] = {
    "unpaid": lambda order: order["payments"] == 0,
    "amount-mismatch": lambda order: order["payments"] > 0 < order["placements"] and _difference(order) != 0,
    "paid-twice": lambda order: order["payments"] > 1 and order["placements"] > 0,
    "paid-before-placed": lambda order: order["payments"] > 0 < order["placements"] and _late(order),
    "payment-without-order": lambda order: order["placements"] == 0 < order["payments"],
}


def _difference(order: Row) -> int:
    return int(order["paid_cents"] - order["placed_cents"])


def _late(order: Row) -> bool:
    return bool(order["placed_at"] > order["paid_at"])


def stands_at(url: str, ends: Offsets) -> bool:
    """Whether a worker says that all tables stand there: asked for until they do, it costs little, unlike all rows.

    Raises OSError where it does not answer, Incomplete where the answer is.
    """
    return _standing(get(url, "/api/funnel")) == ends


def offsets_of(answer: Row) -> Offsets:
    """The offsets that an answer says it stands at."""
    return _stands(answer["offsets"])


def _stands(offsets: Mapping[str, Mapping[Any, int]]) -> Offsets:
    """In order, and without partitions that nothing was read of: whether a state names those says nothing."""
    stands = {
        topic: {int(number): offset for number, offset in sorted(at.items()) if offset}
        for topic, at in sorted(offsets.items())
    }
    return {topic: at for topic, at in stands.items() if at}


def _standing(answer: Row) -> Offsets:
    if not answer["complete"] or answer["partitions"]["answered"] != answer["partitions"]["of"]:
        raise Incomplete(f"{answer['partitions']} answered")
    return offsets_of(answer)


def _pages(url: str, path: str) -> tuple[list[Row], list[Offsets]]:
    rows: list[Row] = []
    stands: list[Offsets] = []
    after = ""
    while True:
        page = get(url, f"{path}?limit=500{after}")
        rows += page["items"]
        stands.append(_standing(page))
        if page["after"] is None:
            return rows, stands
        after = f"&after={page['after']}"


def own_partitions(url: str) -> list[int]:
    """The partition numbers that a worker itself answers for. Raises OSError where it does not answer."""
    return sorted(answer["partition"] for answer in _ask(url, "rejections"))


def _ask(url: str, table: str) -> Any:
    request = urllib.request.Request(  # noqa: S310
        url + "/internal/rows", data=json.dumps({"table": table}).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        return json.loads(response.read())


_WITHOUT_LISTS = ("orders", "rejections", "activity", "shop", "shoppers", "late")


class _Whole(NamedTuple):
    """All rows of a table, a key of several partitions several times; how far event time was in any of them."""

    rows: list[tuple[str, Row]]
    offsets: Offsets
    clock: datetime


def _all_workers(urls: Sequence[str], table: str, partitions: int) -> _Whole:
    rows: list[tuple[str, Row]] = []
    offsets: Offsets = {}
    clock = datetime(1970, 1, 1, tzinfo=UTC)
    answered = []
    for url in urls:
        for answer in _ask(url, table):
            answered.append(answer["partition"])
            rows += [(key, state) for key, state in answer["rows"]]
            clock = max(clock, datetime.fromisoformat(answer["clock"]))
            for topic, offset in answer["offsets"].items():
                offsets.setdefault(topic, {})[answer["partition"]] = offset
    if sorted(answered) != list(range(partitions)):
        raise Incomplete(f"partitions {sorted(answered)} answered for {table}")
    return _Whole(rows, _stands(offsets), clock)


_NEVER = "0001-01-01T00:00:00+23:59"


def _merged_orders(partials: Iterable[tuple[str, Row]]) -> dict[Any, Row]:
    by_order: dict[str, list[Row]] = defaultdict(list)
    for name, state in partials:
        by_order[name].append(state)
    rows: dict[Any, Row] = {}
    for name, parts in by_order.items():
        placed = max(
            (
                (_moment(part["placed_at"]), part["placed_cents"], part["units"], part["user_id"])
                for part in parts
                if part["placements"]
            ),
            default=(None, None, None, None),
        )
        rows[name] = {
            "id_commande": name,
            "user_id": placed[3],
            "placed_at": placed[0],
            "placed_cents": placed[1],
            "units": placed[2],
            "placements": sum(part["placements"] for part in parts),
            "paid_at": max(
                (_moment(part["paid_at"]) for part in parts if part["paid_at"] != _NEVER),  # type: ignore[type-var]
                default=None,
            ),
            "paid_cents": sum(part["paid_cents"] for part in parts),
            "payments": sum(part["payments"] for part in parts),
        }
    return rows


# --- where they part ----------------------------------------------------------------------------------------------


def differences(wanted: Tables, given: Tables) -> list[str]:
    """One line a row that is missing, unasked for, or other than wanted."""
    lines = []
    for table in sorted(wanted.keys() | given.keys()):
        want, have = wanted.get(table, {}), given.get(table, {})
        for key in sorted(want.keys() | have.keys(), key=str):
            if key not in have:
                lines.append(f"{table} {key!r}: missing; must be {want[key]}")
            elif key not in want:
                lines.append(f"{table} {key!r}: must not be; is {have[key]}")
            elif want[key] != have[key]:
                fields = [
                    f"{name} is {have[key].get(name)!r}, must be {want[key].get(name)!r}"
                    for name in sorted(want[key].keys() | have[key].keys())
                    if want[key].get(name) != have[key].get(name)
                ]
                lines.append(f"{table} {key!r}: {'; '.join(fields)}")
    return lines


def reject_differences(log: Log, rejects: Log) -> list[str]:
    """One line a record of `log` that was set aside wrongly, twice, or not at all."""
    must, have = Counter(expected_rejects(log)), Counter(emitted_rejects(rejects))
    return [
        f"{reject}: emitted {have[reject]} times, must be {must[reject]}"
        for reject in sorted(must.keys() | have.keys(), key=str)
        if have[reject] != must[reject]
    ]


class Totals:
    """What `/api/funnel` and `/api/revenue` must have as their total at any offsets, looked up and not folded again."""

    def __init__(self, log: Log) -> None:
        self._at: dict[tuple[str, int], tuple[list[int], list[int], list[int]]] = {}
        for record in log.records:
            event, _ = _read(record.topic, record.value)
            if event is None or record.topic not in _STAGE:
                continue
            offsets, counts, cents = self._at.setdefault((record.topic, record.partition), ([], [0], [0]))
            offsets.append(record.offset)
            counts.append(counts[-1] + 1)
            cents.append(cents[-1] + centimes(event.get("montant_total") or event.get("montant") or 0))

    def at(self, offsets: Mapping[str, Mapping[int, int]]) -> dict[str, int]:
        """Counts of each stage and both revenues, of all records below `offsets`."""
        total = dict.fromkeys(("views", "adds", "orders", "payments", "placed_cents", "paid_cents"), 0)
        for (topic, number), (seen, counts, cents) in self._at.items():
            below = _below(seen, offsets.get(topic, {}).get(number, 0))
            stage, money = _STAGE[topic]
            total[stage] += counts[below]
            if money:
                total[money] += cents[below]
        return total


_STAGE = {
    "produit-consulte": ("views", ""),
    "article-ajoute": ("adds", ""),
    "commande-validee": ("orders", "placed_cents"),
    "paiement-accepte": ("payments", "paid_cents"),
}


def _below(sorted_offsets: list[int], end: int) -> int:
    return bisect_left(sorted_offsets, end)
