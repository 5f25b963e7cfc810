"""The pure generator: laws that hold for any seed."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.events import (
    TOPIC_OF,
    Event,
    ItemAddedToCart,
    OrderPlaced,
    PaymentAccepted,
    ProductViewed,
    StockUpdated,
    cents,
    decode,
    encode,
)
from shopnow_streams.simulator.catalogue import catalogue
from shopnow_streams.simulator.shoppers import Habits, shoppers, steady_clock

START = datetime(2025, 11, 28, 10, 30, tzinfo=UTC)
MANY = 3_000

seeds = st.integers(0, 2**32)
shops = st.builds(
    Habits,
    products=st.integers(1, 50),
    customers=st.integers(1, 1_000),
    in_shop=st.integers(1, 100),
    zipf=st.floats(0, 3),
    adds=st.floats(0.1, 1),
    orders=st.floats(0, 1),
    never_pays=st.floats(0, 1),
    pays_twice=st.floats(0, 1),
    pays_wrong=st.floats(0, 1),
)


def some(seed: int | str = 1, habits: Habits | None = None, count: int = MANY) -> list[Event]:
    return list(islice(shoppers(seed, steady_clock(START, 100), habits or Habits()), count))


@given(seed=seeds, habits=shops)
def test_the_same_seed_gives_the_same_events(seed: int, habits: Habits) -> None:
    assert some(seed, habits, 500) == some(seed, habits, 500)


def test_another_seed_gives_others() -> None:
    assert some(1) != some(2)


@given(seed=seeds, habits=shops)
def test_every_event_is_one_of_its_topic(seed: int, habits: Habits) -> None:
    for event in some(seed, habits):
        assert decode(TOPIC_OF[type(event)], encode(event)) == event


@given(seed=seeds, habits=shops)
def test_an_order_is_the_sum_of_its_lines_and_of_the_cart(seed: int, habits: Habits) -> None:
    added: Counter[int] = Counter()
    ordered: Counter[int] = Counter()
    for event in some(seed, habits):
        if isinstance(event, ItemAddedToCart):
            added[event.id_produit] += event.quantite
        if isinstance(event, OrderPlaced):
            assert event.articles
            assert cents(event.montant_total) == sum(cents(line.prix) * line.quantite for line in event.articles)
            ordered.update({line.id_produit: line.quantite for line in event.articles})
            assert ordered <= added  # nobody orders what nobody put in a cart


@given(seed=seeds, habits=shops)
def test_stock_follows_orders_and_is_never_negative(seed: int, habits: Habits) -> None:
    last: dict[int, int] = {}
    fallen: Counter[int] = Counter()
    ordered: Counter[int] = Counter()
    for event in some(seed, habits):
        if isinstance(event, OrderPlaced):
            ordered.update({line.id_produit: line.quantite for line in event.articles})
        if isinstance(event, StockUpdated):
            assert event.stock >= 0
            fallen[event.id_produit] += max(0, last.get(event.id_produit, event.stock) - event.stock)
            last[event.id_produit] = event.stock
    assert fallen <= ordered  # counted down by what was ordered, and by nothing else


@given(seed=seeds, backwards=st.lists(st.integers(-3_600, 3_600), min_size=1, max_size=50))
def test_time_never_goes_back_even_where_the_clock_does(seed: int, backwards: list[int]) -> None:
    ticks = iter(range(10**9))
    events = list(
        islice(shoppers(seed, lambda: START + timedelta(seconds=backwards[next(ticks) % len(backwards)])), 300)
    )
    moments = [event.timestamp for event in events]
    assert moments == sorted(moments)


@given(seed=seeds, habits=shops)
def test_an_order_is_placed_once_and_paid_after_that(seed: int, habits: Habits) -> None:
    placed: dict[str | int, OrderPlaced] = {}
    for event in some(seed, habits):
        if isinstance(event, OrderPlaced):
            assert event.id_commande not in placed
            placed[event.id_commande] = event
        if isinstance(event, PaymentAccepted):
            assert event.user_id == placed[event.id_commande].user_id
            assert event.timestamp > placed[event.id_commande].timestamp


def test_some_never_pay_some_pay_twice_and_some_wrongly() -> None:
    placed: dict[str | int, int] = {}
    paid: defaultdict[str | int, list[int]] = defaultdict(list)
    for event in some(count=60_000):
        if isinstance(event, OrderPlaced):
            placed[event.id_commande] = cents(event.montant_total)
        if isinstance(event, PaymentAccepted):
            paid[event.id_commande].append(cents(event.montant))
    never = sum(not paid[order] for order in placed) / len(placed)
    twice = sum(len(amounts) == 2 for amounts in paid.values()) / len(placed)
    wrong = sum(amount != placed[order] for order, amounts in paid.items() for amount in amounts) / len(placed)
    assert 0.03 < never < 0.12
    assert 0.002 < twice < 0.03
    assert 0.002 < wrong < 0.03


def test_popularity_is_skewed_alike_for_every_seed() -> None:
    def views(seed: int) -> list[tuple[int, int]]:
        return Counter(
            event.id_produit for event in some(seed, count=20_000) if isinstance(event, ProductViewed)
        ).most_common()

    one, other = views(1), views(2)
    assert one[0][0] == other[0][0]
    assert one[0][1] > 20 * one[100][1]


def test_all_five_happen_and_some_views_are_of_strangers() -> None:
    events = some()
    assert {type(event) for event in events} == set(TOPIC_OF)
    views = [event for event in events if isinstance(event, ProductViewed)]
    assert 0 < sum(view.user_id is None for view in views) < len(views) / 2


def test_a_later_run_goes_on_with_the_stock_it_finds() -> None:
    levels = dict.fromkeys((product.id_produit for product in catalogue()), 5_000)
    for event in islice(shoppers(1, steady_clock(START, 100), stock=levels), MANY):
        if isinstance(event, StockUpdated):
            assert 4_000 < event.stock < 5_000


def test_the_prefix_keeps_runs_apart() -> None:
    first, second = (
        {
            event.id_commande
            for event in islice(shoppers(1, steady_clock(START, 1), order_prefix=p), MANY)
            if isinstance(event, OrderPlaced)
        }
        for p in ("A", "B")
    )
    assert first
    assert first.isdisjoint(second)


def test_a_steady_clock_moves_by_the_rate() -> None:
    clock = steady_clock(START, 4)
    assert [clock() - START for _ in range(3)] == [timedelta(0), timedelta(seconds=0.25), timedelta(seconds=0.5)]


class TestCatalogue:
    def test_a_larger_one_begins_with_the_smaller(self) -> None:
        assert catalogue(500)[:200] == catalogue()

    def test_ids_and_names_are_unique(self) -> None:
        products = catalogue(2_000)
        assert len({product.id_produit for product in products}) == len(products)
        assert len({product.nom_produit for product in products}) == len(products)

    def test_prices_have_cents_and_survive_the_wire(self) -> None:
        products = catalogue()
        assert any(product.price_cents % 100 for product in products)
        assert all(cents(product.prix) == product.price_cents > 0 for product in products)
