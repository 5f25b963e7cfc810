"""Rounds over the tables of real workers: what is raised and resolved, and when nothing is said."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from shopnow_streams.alerting import shop as shop_module
from shopnow_streams.alerting.evaluator import Evaluator, no_more
from shopnow_streams.alerting.shop import NotNow, Shop
from shopnow_streams.alerting.tables import GatheredTables
from shopnow_streams.alerts.facts import Facts, Rate
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.alerts.transition import Offsets
from shopnow_streams.events import OrderPlaced, PaymentAccepted, StockUpdated
from shopnow_streams.topics import ALERTS_KEPT_DAYS, Topic
from tests.unit.alerting.conftest import FakeLog
from tests.unit.alerts.facts import NOON, NOON_S
from tests.unit.views.conftest import PARTITIONS, MakeWorker, Worker

RULES = Rules(low_stock_units=5, unpaid_minutes=30)


def stock(product: int, units: int, seconds: float = 0) -> StockUpdated:
    return StockUpdated(timestamp=NOON + timedelta(seconds=seconds), id_produit=product, stock=units)


def placed(name: str, minutes: float = 0) -> OrderPlaced:
    at = NOON + timedelta(minutes=minutes)
    return OrderPlaced(timestamp=at, id_commande=name, user_id=7, articles=[], montant_total=10.0)


def paid(name: str, euros: float = 10.0, minutes: float = 0) -> PaymentAccepted:
    at = NOON + timedelta(minutes=minutes)
    return PaymentAccepted(timestamp=at, id_commande=name, user_id=7, montant=euros, moyen_paiement="carte")


class Office:
    """Terms of evaluators over one topic. `ends` is where Kafka says that its topics end: nowhere at first."""

    def __init__(self, worker: Worker, rules: Rules = RULES, most_open: int = 100, more: Any = no_more) -> None:
        self.log = FakeLog()
        self.ends: Callable[[], Any] = dict
        self.minutes = 0.0
        self._worker, self._rules, self._most_open = worker, rules, most_open
        self._more = more
        self._threads = ThreadPoolExecutor(1)
        self.begin()

    def begin(self, worker: Worker | None = None) -> None:
        """Another evaluator takes over."""
        worker = worker or self._worker
        tables = GatheredTables(worker.live, worker.hub.changed, worker.gather)
        self.evaluator = Evaluator(
            Shop(tables, PARTITIONS),
            self.log,  # type: ignore[arg-type]
            self.log.take_over(),
            self._rules,
            self._most_open,
            lambda: self.ends(),
            self._threads,
            self._more,
            lambda: NOON_S + self.minutes * 60,
        )

    async def judge(self, minutes: float | None = None) -> list[str]:
        """What a round wrote."""
        self.minutes = self.minutes if minutes is None else minutes
        before = len(self.log.records)
        await self.evaluator.round()
        return self.log.told[before:]


async def test_a_product_is_raised_and_resolved_once_at_the_offsets_that_decided(worker: Worker) -> None:
    office = Office(worker)
    worker.fold(1, Topic.STOCK_UPDATED, [stock(1597, 40), stock(1597, 3, 1)])
    worker.fold(2, Topic.STOCK_UPDATED, [stock(8, 40)])
    assert await office.judge() == ["low-stock:1597 raised"]
    assert await office.judge() == []
    raised = office.log.records[0].transition
    assert raised is not None
    assert (raised.value, raised.threshold, raised.at) == (3, 5, NOON)
    assert raised.offsets == {"stock-mis-a-jour": {1: 2, 2: 1}}
    worker.fold(1, Topic.STOCK_UPDATED, [stock(1597, 5, 2)])
    assert await office.judge() == []
    worker.fold(3, Topic.STOCK_UPDATED, [stock(1597, 7, 3)])
    assert await office.judge() == ["low-stock:1597 resolved"]


async def test_an_order_is_unpaid_by_the_clock_and_paid_in_another_worker_s_partition(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    office = Office(one)
    one.fold(0, Topic.ORDER_PLACED, [placed("C-17"), placed("C-18")])
    assert await office.judge(29) == []
    assert await office.judge(30) == ["unpaid-order:C-17 raised", "unpaid-order:C-18 raised"]
    other.fold(3, Topic.PAYMENT_ACCEPTED, [paid("C-17", 9.0, 31)])
    assert await office.judge(31) == ["payment-mismatch:C-17 raised", "unpaid-order:C-17 resolved"]
    other.fold(2, Topic.PAYMENT_ACCEPTED, [paid("C-17", 1.0, 32)])
    assert await office.judge(32) == ["paid-twice:C-17 raised", "payment-mismatch:C-17 resolved"]
    assert await office.judge(30 + 24 * 60) == ["unpaid-order:C-18 resolved"]
    assert await office.judge(33 + 24 * 60) == ["paid-twice:C-17 resolved"]


async def test_whoever_takes_over_knows_what_is_open_and_what_changed_meanwhile(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    office = Office(one)
    one.fold(0, Topic.STOCK_UPDATED, [stock(1, 0), stock(2, 0), stock(3, 40)])
    assert len(await office.judge()) == 2
    other.fold(2, Topic.STOCK_UPDATED, [stock(2, 40, 1), stock(3, 0, 1)])
    office.begin(other)
    assert await office.judge() == ["low-stock:2 resolved", "low-stock:3 raised"]
    assert await office.judge() == []


async def test_nothing_is_said_while_a_partition_does_not_answer(make_worker: MakeWorker) -> None:
    one = await make_worker([0, 1, 2])
    office = Office(one)
    one.fold(0, Topic.STOCK_UPDATED, [stock(1, 0)])
    with pytest.raises(NotNow, match="3 of 4 partitions answer"):
        await office.judge()
    await make_worker([3])
    assert await office.judge() == ["low-stock:1 raised"]


async def test_nothing_is_said_while_the_tables_lack_what_kafka_has(worker: Worker) -> None:
    office = Office(worker)
    worker.fold(0, Topic.ORDER_PLACED, [placed("C-17")])
    office.ends = lambda: {"commande-validee": {0: 1}, "paiement-accepte": {1: 1}}
    office.minutes = 60
    assert await office.evaluator.round() == (None, [])
    worker.fold(1, Topic.PAYMENT_ACCEPTED, [paid("C-17")])
    office.ends = lambda: {"paiement-accepte": {1: 2}}  # more came meanwhile: it is judged as of when it was asked
    assert await office.evaluator.round() == (NOON_S + 3_600, [])


async def test_an_order_is_as_old_as_the_facts_are(worker: Worker) -> None:
    """Of the payments that came since nothing is known."""
    office = Office(worker)
    worker.fold(0, Topic.ORDER_PLACED, [placed("C-17")])
    office.ends = lambda: {"commande-validee": {0: 2}}
    assert await office.judge(29) == []
    worker.fold(0, Topic.ORDER_PLACED, [placed("C-18")])
    office.ends = lambda: {"commande-validee": {0: 3}}
    assert await office.judge(31) == []


async def test_where_kafka_does_not_say_its_ends_nothing_is_judged(worker: Worker) -> None:
    office = Office(worker)

    def away() -> Any:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "away"))

    office.ends = away
    with pytest.raises(NotNow, match="away"):
        await office.judge()


async def test_tables_that_stand_below_what_was_judged_say_nothing(make_worker: MakeWorker) -> None:
    """After a kill the next owner folds again what was not cut: it must not resolve by what it does not know yet."""
    one, other = await make_worker(), await make_worker([])
    office = Office(one)
    one.fold(0, Topic.STOCK_UPDATED, [stock(1, 40)])
    one.fold(0, Topic.STOCK_UPDATED, [stock(1, 0, 1)])
    one.fold(0, Topic.STOCK_UPDATED, [stock(1, 0, 2)])
    assert await office.judge() == ["low-stock:1 raised"]
    for number in range(PARTITIONS):
        other.own(other.take(one, number))
    office.begin(other)
    with pytest.raises(NotNow, match="below what was judged"):
        await office.judge()
    at = other.live.owned[0].partition.positions["stock-mis-a-jour"]
    other.fold(0, Topic.STOCK_UPDATED, [stock(1, 0, 1), stock(1, 0, 2)][at - 3 :])
    assert await office.judge() == []


async def test_many_rows_are_read_in_pages_and_parts(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop_module, "PAGE_ROWS", 2)
    monkeypatch.setattr(shop_module, "READ_KEYS", 2)
    office = Office(worker)
    for number in range(PARTITIONS):
        worker.fold(number, Topic.STOCK_UPDATED, [stock(product, 0) for product in range(5)])
        worker.fold(number, Topic.PAYMENT_ACCEPTED, [paid(f"C-{order}") for order in range(5)])
        worker.fold(number, Topic.ORDER_PLACED, [placed(f"C-{order}") for order in range(5)])
    assert len(await office.judge()) == 5 + 2 * 5
    worker.fold(0, Topic.STOCK_UPDATED, [stock(product, 40, 1) for product in range(5)])
    assert await office.judge() == [f"low-stock:{product} resolved" for product in range(5)]


async def test_where_it_is_not_known_what_changed_all_is_read_again(worker: Worker) -> None:
    office = Office(worker)
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 40)])
    assert await office.judge() == []
    worker.changes.end()  # as after a journal ran over
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 0, 1)])
    assert await office.judge() == ["low-stock:1 raised"]


async def test_more_than_may_be_open_wait_and_are_counted(worker: Worker) -> None:
    office = Office(worker, most_open=2)
    worker.fold(0, Topic.STOCK_UPDATED, [stock(product, 0) for product in range(5)])
    assert await office.judge() == ["low-stock:0 raised", "low-stock:1 raised"]
    assert office.evaluator.left_out["low-stock"] == 3
    worker.fold(0, Topic.STOCK_UPDATED, [stock(0, 40, 1)])
    assert await office.judge() == ["low-stock:0 resolved"]
    assert await office.judge() == ["low-stock:2 raised"]
    assert office.evaluator.left_out["low-stock"] == 2


async def test_a_transaction_that_failed_is_judged_again_by_the_next_term(worker: Worker) -> None:
    office = Office(worker)
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 0)])
    office.log.failure = KafkaException(KafkaError(KafkaError._FATAL, "gone"))
    with pytest.raises(KafkaException):
        await office.judge()
    office.begin()
    assert await office.judge() == ["low-stock:1 raised"]


async def test_what_was_resolved_long_ago_is_forgotten(worker: Worker) -> None:
    office = Office(worker)
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 0), stock(2, 0)])
    await office.judge()
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 40, 1)])
    assert await office.judge() == ["low-stock:1 resolved"]
    assert await office.judge(ALERTS_KEPT_DAYS * 1_440) == []
    assert await office.judge(ALERTS_KEPT_DAYS * 1_440 + 1) == ["low-stock:1 forgotten"]
    assert await office.judge() == []


async def test_alerts_of_a_rule_that_was_switched_off_end(worker: Worker) -> None:
    office = Office(worker)
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 0)])
    await office.judge()
    office._rules = Rules(low_stock_units=-1)
    office.begin()
    assert await office.judge() == ["low-stock:1 resolved"]


async def test_other_facts_are_judged_in_the_same_round_at_offsets_of_their_own(worker: Worker) -> None:
    rates = [Rate(100, 100), Rate(10, 100), Rate(10, 100), Rate(90, 100)]

    async def more(_shop: Shop, as_of_s: float, open_alerts: Any) -> list[tuple[Facts, Offsets]]:
        assert set(open_alerts) == set(office.evaluator._register.open)
        found = [(Facts(as_of_s, rates={"orders": rates.pop(0)}), {"commande-validee": {0: 0}})]
        if len(rates) == 3:
            found.append((Facts(as_of_s, hours_until_out={1: 5.0, 2: 6.0}), {"stock-mis-a-jour": {0: 0}}))
        return found

    office = Office(worker, Rules(rate_fall=0.5, out_within_hours=8), most_open=1, more=more)
    assert [await office.judge() for _ in range(4)] == [
        ["running-out:1 raised"],
        ["rate-fall:orders raised"],
        [],
        ["rate-fall:orders resolved"],
    ]
    assert office.log.records[1].transition is not None
    assert office.log.records[1].transition.offsets == {"commande-validee": {0: 0}}
    assert office.evaluator.left_out["running-out"] == 1
