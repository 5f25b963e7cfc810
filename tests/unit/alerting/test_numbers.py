"""Rates and running out, over the tables of real workers: raised, and resolved, at the offsets that decided."""

from datetime import timedelta
from typing import Any

import pytest

from shopnow_streams.alerting import numbers as numbers_module
from shopnow_streams.alerting.numbers import ShopNumbers
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.events import OrderLine, OrderPlaced, ProductViewed
from shopnow_streams.topics import Topic
from shopnow_streams.views.sales import Sales
from tests.unit.alerting.test_evaluator import Office, stock
from tests.unit.alerts.facts import NOON
from tests.unit.views.conftest import MakeWorker, Worker


def office_of(worker: Worker, rules: Rules, most_open: int = 100) -> Office:
    numbers = ShopNumbers(rules, Sales(worker.gather, worker.live), most_open)
    return Office(worker, rules, most_open, numbers)


def views(minute: int, count: int) -> list[ProductViewed]:
    at = NOON + timedelta(minutes=minute)
    return [ProductViewed(timestamp=at, id_produit=1, nom_produit="Thé", prix=1.0)] * count


def sold(minute: int, product: int, units: int) -> OrderPlaced:
    lines = [OrderLine(id_produit=product, quantite=units, prix=1.0)]
    at = NOON + timedelta(minutes=minute)
    return OrderPlaced(timestamp=at, id_commande=f"C-{minute}-{product}", user_id=7, articles=lines, montant_total=1.0)


async def test_a_rate_falls_and_recovers(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    office = office_of(one, Rules(rate_fall=0.5, rate_floor_per_min=2, unpaid_minutes=0))
    for minute in range(30):
        one.fold(minute % 2, Topic.PRODUCT_VIEWED, views(minute, 2))
        other.fold(2 + minute % 2, Topic.PRODUCT_VIEWED, views(minute, 2))
    assert await office.judge(31) == []
    assert await office.judge(34) == ["rate-fall:views raised"]  # three of the last five minutes had none
    (raised,) = (one.transition for one in office.log.records)
    assert raised is not None
    assert raised.value == pytest.approx(8 / 5)
    assert raised.threshold == pytest.approx(2)
    assert raised.offsets == {"produit-consulte": {0: 30, 1: 30, 2: 30, 3: 30}}
    for minute in range(33, 39):
        other.fold(2, Topic.PRODUCT_VIEWED, views(minute, 4))
    assert await office.judge(40) == ["rate-fall:views resolved"]


async def test_a_shop_that_has_just_opened_neither_falls_nor_has_a_spike(worker: Worker) -> None:
    office = office_of(worker, Rules(rate_fall=0.5, rate_spike=2, rate_floor_per_min=2))
    worker.fold(0, Topic.PRODUCT_VIEWED, views(0, 50))
    assert await office.judge(3) == []


async def test_a_product_is_running_out_by_what_was_sold_of_it_and_no_longer_once_it_was_counted(
    make_worker: MakeWorker,
) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    office = office_of(one, Rules(low_stock_units=-1, unpaid_minutes=0, out_within_hours=10))
    one.fold(0, Topic.STOCK_UPDATED, [stock(1, 100), stock(2, 100), stock(3, 100)])
    other.fold(3, Topic.ORDER_PLACED, [sold(1, 1, 40), sold(59, 2, 1)])  # product 3 does not sell
    assert await office.judge(61) == ["running-out:1 raised"]
    raised = office.log.records[0].transition
    assert raised is not None
    assert raised.value == 1.5  # 60 are left, and 40 an hour are sold
    assert raised.offsets == {"stock-mis-a-jour": {0: 3}, "commande-validee": {3: 2}}
    one.fold(0, Topic.STOCK_UPDATED, [stock(1, 1_000, 3_600)])
    assert await office.judge(61.4) == [], "it is looked for twice a minute"
    assert await office.judge(62) == ["running-out:1 resolved"]


async def test_no_more_products_are_looked_at_than_may_have_an_alert(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers_module, "READ_PRODUCTS", 2)
    office = office_of(worker, Rules(low_stock_units=-1, unpaid_minutes=0, out_within_hours=1_000), most_open=3)
    worker.fold(0, Topic.STOCK_UPDATED, [stock(product, 10) for product in range(9)])
    worker.fold(0, Topic.ORDER_PLACED, [sold(1, product, 1) for product in range(9)])
    assert await office.judge(2) == [f"running-out:{product} raised" for product in range(3)]
    assert office.evaluator.left_out["running-out"] == 2


async def test_only_what_a_rule_needs_is_read(worker: Worker) -> None:
    class Unasked:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    unasked: Any = Unasked()
    assert await ShopNumbers(Rules(), unasked, 1)(unasked, 0.0, {}) == []
