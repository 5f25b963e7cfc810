"""The ledger's laws, and its file."""

import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.errors import SettingsError
from shopnow_streams.events import TOPIC_OF, Event, OrderPlaced, PaymentAccepted, ProductViewed, StockUpdated, cents
from shopnow_streams.simulator.ledger import Ledger, LedgerFile, hour_key
from shopnow_streams.simulator.shoppers import shoppers, steady_clock
from shopnow_streams.topics import Topic

START = datetime(2025, 11, 28, 23, 58, tzinfo=UTC)
EVENTS = list(islice(shoppers(7, steady_clock(START, 5)), 2_000))


def kept(events: list[Event], ledger: Ledger | None = None) -> Ledger:
    ledger = ledger or Ledger(id="test")
    for event in events:
        ledger.take(TOPIC_OF[type(event)], event)
    return ledger


@given(events=st.permutations(EVENTS[:200]))
def test_the_order_of_events_does_not_matter(events: list[Event]) -> None:
    assert kept(events) == kept(EVENTS[:200])


@given(at=st.integers(0, len(EVENTS)))
def test_a_second_run_adds_to_the_first(at: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = LedgerFile(tmp_path_factory.mktemp("ledger") / "ledger.json")
    file.save(kept(EVENTS[:at]))
    assert kept(EVENTS[at:], file.load()) == kept(EVENTS)


def test_the_totals_are_what_a_plain_count_gives() -> None:
    ledger = kept(EVENTS)
    assert ledger.events == Counter(str(TOPIC_OF[type(event)]) for event in EVENTS)
    views = Counter(event.id_produit for event in EVENTS if isinstance(event, ProductViewed))
    assert {product: totals.views for product, totals in ledger.products.items() if totals.views} == views
    orders = [event for event in EVENTS if isinstance(event, OrderPlaced)]
    lines = [line for order in orders for line in order.articles]
    assert sum(totals.units_sold for totals in ledger.products.values()) == sum(line.quantite for line in lines)
    # Money, three ways: by product, by order, by hour.
    placed = sum(cents(order.montant_total) for order in orders)
    assert sum(totals.revenue_cents for totals in ledger.products.values()) == placed
    assert sum(totals.placed_cents for totals in ledger.orders.values()) == placed
    assert sum(totals.ordered_cents for totals in ledger.hours.values()) == placed
    paid: defaultdict[str | int, int] = defaultdict(int)
    for event in EVENTS:
        if isinstance(event, PaymentAccepted):
            paid[event.id_commande] += cents(event.montant)
    assert {order: totals.paid_cents for order, totals in ledger.orders.items() if totals.paid_cents} == paid
    assert sum(totals.paid_cents for totals in ledger.hours.values()) == sum(paid.values())
    assert sum(totals.payments for totals in ledger.hours.values()) == ledger.events[Topic.PAYMENT_ACCEPTED]
    assert sum(totals.adds for totals in ledger.hours.values()) == ledger.events[Topic.ITEM_ADDED]
    assert set(ledger.hours) == {"2025-11-28T23", "2025-11-29T00"}


def test_hours_are_those_of_utc() -> None:
    paris = timezone(timedelta(hours=1))
    assert hour_key(datetime(2025, 11, 29, 0, 30, tzinfo=paris)) == "2025-11-28T23"
    assert hour_key(datetime(2025, 11, 28, 0, 30, tzinfo=UTC)) == "2025-11-28T00"


@given(
    counts=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8),
)
def test_the_newest_stock_stands_and_of_equals_the_lower(counts: list[tuple[int, int]]) -> None:
    ledger = kept([StockUpdated(timestamp=START + timedelta(hours=at), id_produit=1, stock=n) for at, n in counts])
    newest = max(at for at, _ in counts)
    assert ledger.stock[1].counted_at == START + timedelta(hours=newest)
    assert ledger.stock[1].stock == min(n for at, n in counts if at == newest)


def test_an_order_has_one_name() -> None:
    ledger = kept(
        [
            OrderPlaced(timestamp=START, id_commande=17, user_id=1, articles=[], montant_total=10.0),
            PaymentAccepted(timestamp=START, id_commande="17", user_id=1, montant=4.0, moyen_paiement="carte"),
            PaymentAccepted(timestamp=START, id_commande=17, user_id=1, montant=6.5, moyen_paiement="carte"),
        ]
    )
    assert {name: (order.placed_cents, order.paid_cents) for name, order in ledger.orders.items()} == {
        "17": (1000, 1050)
    }


def test_nothing_of_the_folds_is_used() -> None:
    program = "import sys, shopnow_streams.simulator; print([name for name in sys.modules if 'folds' in name])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_malformed_values_are_only_counted() -> None:
    ledger = Ledger()
    ledger.take_malformed("produit-consulte")
    assert (ledger.malformed, ledger.events) == ({"produit-consulte": 1}, {})


class TestFile:
    def test_everything_is_kept(self, tmp_path: Path) -> None:
        file = LedgerFile(tmp_path / "ledger.json")
        ledger = kept(EVENTS)
        ledger.counted("produit-consulte", 3, 41)
        ledger.take_malformed("produit-consulte")
        file.save(ledger)
        assert file.load() == ledger
        assert ledger.next_offsets == {"produit-consulte": {3: 42}}
        assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger.json"]

    def test_no_file_is_a_new_ledger(self, tmp_path: Path) -> None:
        one, other = (LedgerFile(tmp_path / "ledger.json").load() for _ in range(2))
        assert one.closed
        assert one.runs == 0
        assert one.id != other.id

    @pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"events": 3}'])
    def test_what_is_no_ledger_is_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "ledger.json"
        path.write_bytes(content)
        with pytest.raises(SettingsError, match="cannot be read as a ledger"):
            LedgerFile(path).load()

    def test_nor_is_one_of_another_version(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.json"
        path.write_bytes(msgspec.json.encode(Ledger(version=2)))
        with pytest.raises(SettingsError, match="version 2"):
            LedgerFile(path).load()

    def test_one_simulator_at_a_time(self, tmp_path: Path) -> None:
        file = LedgerFile(tmp_path / "made" / "ledger.json")
        with (
            file.locked(),
            pytest.raises(SettingsError, match="another simulator keeps"),
            LedgerFile(file.path).locked(),
        ):
            pass
        with file.locked():
            pass

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        file = LedgerFile(tmp_path / "file" / "ledger.json")
        with pytest.raises(SettingsError, match="no ledger can be kept"), file.locked():
            pass
        with pytest.raises(SettingsError, match="cannot be written"):
            file.save(Ledger())
