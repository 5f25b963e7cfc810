"""Every answer is what `/openapi.json` says of it, and every parameter is taken and refused as it says:
requests made up by schemathesis, with all its checks, to a worker whose partitions are made by hand. The stream has no
end: test_stream.py reads it, each event by its type."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from faust.types import TP
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from shopnow_streams.events import (
    Event,
    ItemAddedToCart,
    OrderLine,
    OrderPlaced,
    PaymentAccepted,
    ProductViewed,
    StockUpdated,
)
from shopnow_streams.topics import Topic
from shopnow_streams.views.openapi import document
from shopnow_streams.views.operations import operations
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import PARTITIONS, FakeArchiver, MakeWorker, Worker, fleet


class Served:
    """A worker on a loop of its own, since schemathesis blocks while it asks."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._fleet = fleet(folder)
        self.worker: Worker = self.do(self._made())

    async def _made(self) -> Worker:
        make = await self._fleet.__aenter__()
        worker: Worker = await make(archiver=FakeArchiver({TP("produit-consulte", 0): 10}))
        for topic, event in EVENTS:
            for number in range(4):
                worker.fold(number, topic, [event] * 3)
        return worker

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def close(self) -> None:
        self.do(self._fleet.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


LINE = OrderLine(id_produit=1597, quantite=2, prix=5.0)
EVENTS: list[tuple[Topic, Event]] = [
    (Topic.PRODUCT_VIEWED, ProductViewed(timestamp=NOON, id_produit=1597, nom_produit="Thé", prix=5.0)),
    (
        Topic.ITEM_ADDED,
        ItemAddedToCart(timestamp=NOON, id_produit=0, nom_produit="", quantite=1, prix=0.0, user_id=1),
    ),
    (Topic.ORDER_PLACED, OrderPlaced(timestamp=NOON, id_commande="C-1", user_id=7, articles=[LINE], montant_total=9.9)),
    (
        Topic.PAYMENT_ACCEPTED,
        PaymentAccepted(timestamp=NOON, id_commande="C-2", user_id=7, montant=9.9, moyen_paiement="carte"),
    ),
    (Topic.STOCK_UPDATED, StockUpdated(timestamp=NOON, id_produit=1597, stock=3)),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("contract"))
    yield served
    served.close()


LATE = {"expected-statuses": ["2xx", "3xx", "4xx", "504"]}
"""An event that is waited for may be one that never comes."""

CONFIG = SchemathesisConfig.from_dict({"checks": {"not_a_server_error": LATE}})
schema = schemathesis.openapi.from_dict(
    document(operations(PARTITIONS, archive=True, stream=True, alerts=True)), config=CONFIG
)


async def test_the_description_is_the_one_that_is_served(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker(archiver=FakeArchiver({}))
    assert await worker.get("/openapi.json") == document(operations(PARTITIONS, archive=True, stream=True, alerts=True))


@schema.exclude(path="/api/stream").parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_it_is_as_it_says(case: schemathesis.Case[Any], served: Served) -> None:
    wait_ms = case.query.get("wait_ms", 2_000)
    if "at_least" in case.query and isinstance(wait_ms, int) and 20 < wait_ms <= 10_000:
        case.query["wait_ms"] = 20  # as good as any, and sooner
    case.call_and_validate(
        base_url=str(served.worker.server.make_url("")),
        excluded_checks=[acceptance()] if at_odds(case) else [],
    )


def acceptance() -> Any:
    """The check that what is valid is taken. Registered once a case was made."""
    return CHECKS.get_one("positive_data_acceptance")


def at_odds(case: schemathesis.Case[Any]) -> bool:
    """Two parameters, each right, that do not go together: OpenAPI has no words for that but prose."""
    return "after" in case.query and case.query.get("sort", "id") != "id"
