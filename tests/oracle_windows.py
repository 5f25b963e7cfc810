"""The part of the oracle that knows event time: what is late, what windows of days and customers must hold.

Rows are at a grain that does not depend on when a worker moved them to longer windows: products and the shop by the
day, customers over all their hours, merged over partitions. What no answer may show any more is in neither side.
"""

import base64
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from datasketches import hll_sketch, hll_union

Row = dict[str, Any]
Tables = dict[str, dict[Any, Row]]
Partials = Iterable[tuple[str, Row]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATENESS, SKEW = timedelta(hours=1), timedelta(minutes=1)
DAYS_KEPT, HOURS_KEPT = timedelta(days=90), timedelta(hours=24)
PAUSE_MS = 30 * 60 * 1000
NAMED = 100

KINDS = {"produit-consulte": 2, "article-ajoute": 3, "commande-validee": 4, "paiement-accepte": 5}
"""Where a visit counts them; its first two numbers are the first and the last moment of it."""

_ACTIVITY = ("views", "adds", "units_added", "orders", "units_sold", "revenue_cents")
_SHOP = ("views", "adds", "orders", "units", "placed_cents", "payments", "paid_cents")
_STAGES = {
    "produit-consulte": "viewers",
    "article-ajoute": "adders",
    "commande-validee": "buyers",
    "paiement-accepte": "payers",
}


class Crowd:
    """Customers, exactly. Equal to an estimate of how many they are: exact of few, else within five standard errors."""

    def __init__(self) -> None:
        self.members: set[int] = set()

    def __eq__(self, other: object) -> bool:
        count = len(self.members)
        off = abs(other - count) if isinstance(other, int) else len(self.members ^ getattr(other, "members", set()))
        return off <= (0 if count <= 8 or not isinstance(other, int) else 1 + 5 * 0.023 * count)

    def __hash__(self) -> int:
        raise TypeError("equal to several numbers")

    def __repr__(self) -> str:
        return f"about {len(self.members)}"


class Windows:
    """Windowed rows and late events in the making: records of each partition in order of offset."""

    def __init__(self) -> None:
        self._watermarks: dict[tuple[str, int], datetime] = {}
        self._days: dict[str, Row] = {}
        self._shop_days: dict[str, Row] = {}
        self._customers: dict[int, list[tuple[datetime, str, Row]]] = defaultdict(list)
        self._late: dict[str, Row] = defaultdict(lambda: {"late": 0, "ahead": 0, "newest": []})

    def take(self, topic: str, partition: int, offset: int, stamp_ms: int, event: Row) -> None:
        """The next event of its partition."""
        at: datetime = event["timestamp"]
        watermark = self._watermarks.setdefault((topic, partition), EPOCH + LATENESS)
        ahead = at > EPOCH + timedelta(milliseconds=stamp_ms) + SKEW
        if ahead or at < watermark - LATENESS:
            late = self._late[topic]
            late["ahead" if ahead else "late"] += 1
            late["newest"].append([stamp_ms, partition, offset, at, ahead])
            return
        self._watermarks[topic, partition] = max(watermark, at)
        if topic == "stock-mis-a-jour":
            return
        self._take_day(topic, at.astimezone(UTC).strftime("%Y-%m-%d"), event)
        if event.get("user_id") is not None:
            self._customers[event["user_id"]].append((at, topic, event))

    def _take_day(self, topic: str, day: str, event: Row) -> None:
        shop = self._shop_days.setdefault(day, _nothing(_SHOP, _STAGES.values()))
        if event.get("user_id") is not None:
            shop[_STAGES[topic]].members.add(event["user_id"])
        if topic == "produit-consulte":
            product = self._product(day, event["id_produit"])
            product["views"] += 1
            if event.get("user_id") is not None:
                product["visitors"].members.add(event["user_id"])
            shop["views"] += 1
        elif topic == "article-ajoute":
            product = self._product(day, event["id_produit"])
            product["adds"] += 1
            product["units_added"] += event["quantite"]
            shop["adds"] += 1
        elif topic == "commande-validee":
            for name in {line["id_produit"] for line in event["articles"]}:
                self._product(day, name)["orders"] += 1
            for line in event["articles"]:
                product = self._product(day, line["id_produit"])
                product["units_sold"] += line["quantite"]
                product["revenue_cents"] += line["quantite"] * round(line["prix"] * 100)
                shop["units"] += line["quantite"]
            shop["orders"] += 1
            shop["placed_cents"] += round(event["montant_total"] * 100)
        else:
            shop["payments"] += 1
            shop["paid_cents"] += round(event["montant"] * 100)

    def _product(self, day: str, name: int) -> Row:
        return self._days.setdefault(f"{day}+{name}", _nothing(_ACTIVITY, ("visitors",)))

    def rows(self) -> Tables:
        """What the events so far make."""
        clock = max(self._watermarks.values(), default=EPOCH)
        first_day, first_hour = _oldest(clock)
        return {
            "activity": {key: row for key, row in self._days.items() if key[:10] >= first_day},
            "shop": {key: row for key, row in self._shop_days.items() if key[:10] >= first_day},
            "shoppers": {
                name: _shopper(kept)
                for name, events in self._customers.items()
                if (kept := [each for each in events if _hour(each[0]) >= first_hour])
            },
            "late": {topic: late | {"newest": sorted(late["newest"])[-NAMED:]} for topic, late in self._late.items()},
        }


def _nothing(counts: Iterable[str], crowds: Iterable[str]) -> Row:
    return dict.fromkeys(counts, 0) | {name: Crowd() for name in crowds}


def _oldest(clock: datetime) -> tuple[str, str]:
    """The first day and the first hour that are shown at that moment."""
    clock = clock.astimezone(UTC)
    day = max(EPOCH, clock.replace(hour=0, minute=0, second=0, microsecond=0) - DAYS_KEPT)
    return day.strftime("%Y-%m-%d"), _hour(max(EPOCH, clock - HOURS_KEPT))


def _hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H")


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _shopper(events: Sequence[tuple[datetime, str, Row]]) -> Row:
    """Sessions, and what is in the cart after the last order."""
    visits: list[list[int]] = []
    for at_ms, topic in sorted((_ms(at), topic) for at, topic, _ in events):
        if not visits or at_ms > visits[-1][1] + PAUSE_MS:
            visits.append([at_ms, at_ms, 0, 0, 0, 0])
        visits[-1][1] = at_ms
        visits[-1][KINDS[topic]] += 1
    ordered_ms = max((_ms(at) for at, topic, _ in events if topic == "commande-validee"), default=-1)
    cart = sorted(
        [_ms(at), event["id_produit"], event["quantite"], round(event["prix"] * 100)]
        for at, topic, event in events
        if topic == "article-ajoute" and _ms(at) > ordered_ms
    )
    return {"visits": visits, "cart": cart, "ordered_ms": ordered_ms}


# --- what the workers answer ---


def merged(partials: Mapping[str, Partials], clock: datetime) -> Tables:
    """Rows of all partitions as `Windows.rows` has them. `clock` is the latest that any partition said it was."""
    first_day, first_hour = _oldest(clock)
    hours = [(key, row) for key, row in partials["shoppers"] if key[1:].partition("+")[0] >= first_hour]
    return {
        "activity": _by_day(partials["activity"], _ACTIVITY, ("visitors",), first_day),
        "shop": _by_day(partials["shop"], _SHOP, tuple(_STAGES.values()), first_day),
        "shoppers": _by_customer(hours),
        "late": _late(partials["late"]),
    }


def _by_day(partials: Partials, counts: Sequence[str], crowds: Sequence[str], first_day: str) -> dict[Any, Row]:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    unions: dict[str, dict[str, hll_union]] = defaultdict(lambda: {name: hll_union(11) for name in crowds})
    for key, row in partials:
        day, subject = key[1:11], key.partition("+")[2]
        if day < first_day:
            continue
        name = f"{day}+{subject}" if subject else day
        if row.keys() - {*counts, *crowds}:
            raise AssertionError(f"{key} has fields that nobody knows: {row}")
        sums[name].update({field: row.get(field, 0) for field in counts})
        for crowd in crowds:
            if crowd in row:
                _take_in(unions[name][crowd], row[crowd])
    return {
        name: {field: row[field] for field in counts}
        | {crowd: _about(unions[name][crowd].get_result()) for crowd in crowds}
        for name, row in sums.items()
    }


def _take_in(crowd: hll_union, stored: list[int] | str) -> None:
    """Few customers stand there as they are, more of them as a sketch."""
    if isinstance(stored, str):
        crowd.update(hll_sketch.deserialize(base64.b64decode(stored)))
        return
    if len(stored) != len(set(stored)) or len(stored) > 16:
        raise AssertionError(f"not a few different customers: {stored}")
    for customer in stored:
        crowd.update(customer)


def _about(crowd: hll_sketch) -> int:
    """How many. Merged with itself a sketch says the same in whatever order it was made."""
    twice = hll_union(11)
    for _ in range(2):
        twice.update(crowd)
    return round(float(twice.get_result().get_estimate()))


def _by_customer(partials: Partials) -> dict[Any, Row]:
    rows: dict[int, list[Row]] = defaultdict(list)
    for key, row in partials:
        rows[int(key.partition("+")[2])].append(row)
    return {name: _joined(hours) for name, hours in rows.items()}


def _joined(hours: Sequence[Row]) -> Row:
    visits: list[list[int]] = []
    for visit in sorted(visit for hour in hours for visit in hour.get("visits", [])):
        if visits and visit[0] <= visits[-1][1] + PAUSE_MS:
            last = visits[-1]
            last[1] = max(last[1], visit[1])
            last[2:] = [one + other for one, other in zip(last[2:], visit[2:], strict=True)]
        else:
            visits.append(list(visit))
    ordered_ms = max(hour.get("ordered_ms", -1) for hour in hours)
    cart = sorted(add for hour in hours for add in hour.get("cart", []) if add[0] > ordered_ms)
    return {"visits": visits, "cart": cart, "ordered_ms": ordered_ms}


def _late(partials: Partials) -> dict[Any, Row]:
    rows: dict[str, Row] = defaultdict(lambda: {"late": 0, "ahead": 0, "newest": []})
    for topic, state in partials:
        row = rows[topic]
        row["late"] += state["late"]
        row["ahead"] += state["ahead"]
        row["newest"] += [[*event[:3], datetime.fromisoformat(event[3]), event[4]] for event in state["newest"]]
    return {topic: row | {"newest": sorted(row["newest"])[-NAMED:]} for topic, row in rows.items()}
