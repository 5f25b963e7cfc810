"""The dashboard in a real browser, served by the routes of a worker: what people see, and what they can do."""

import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, Request, expect

from shopnow_streams.alerts.transition import Rule, State, Transition
from shopnow_streams.events import OrderPlaced, PaymentAccepted, ProductViewed, StockUpdated
from shopnow_streams.topics import Topic
from shopnow_streams.views.access import Access
from shopnow_streams.views.tokens import Tokens
from tests.browser.conftest import Open
from tests.browser.shop import Shop
from tests.unit.alerts.facts import transition

AXE = (Path(__file__).parent / "vendor" / "axe" / "axe.min.js").read_text()
STANDING = "today carts sessions revenue funnel events trending products stock orders pipeline".split()  # noqa: SIM905
PANELS = [*STANDING, "alerts"]
PROBLEMS = ("unpaid", "amount-mismatch", "paid-twice", "paid-before-placed", "payment-without-order")
OF_ITSELF = ("/health/ready", "/api/archive", "/metrics", "/api/alerts")
"""What no event tells of: it is asked now and then while the stream lives."""

MARK = "window.mark = 'not loaded again'"
MIDNIGHT = """(() => {
    const now = new Date();
    return new Date(now.getFullYear(), now.getMonth(), now.getDate()).toISOString().slice(0, 13);
})()"""


def value(page: Page, selector: str) -> int:
    """The number that a `<data>` element stands for."""
    return int(page.locator(selector).get_attribute("value") or "-1")


def values(page: Page, selector: str) -> list[float]:
    return [float(each) for each in page.locator(selector).evaluate_all("all => all.map((each) => each.value)")]


def hurry(page: Page) -> None:
    """Let the page's own clock run past its longest pause but for the metrics', and not as long as an answer may take;
    it needs a page with a fake clock."""
    page.clock.run_for(4_500)


def expect_number(page: Page, selector: str, number: int) -> None:
    expect(page.locator(selector)).to_have_attribute("value", str(number))


def expect_numbers(page: Page, selector: str, numbers: list[float]) -> None:
    written = [re.compile(f"^{re.escape(str(number).removesuffix('.0'))}$") for number in numbers]
    expect(page.locator(selector)).to_have_count(len(numbers))
    for place, text in enumerate(written):
        expect(page.locator(selector).nth(place)).to_have_attribute("value", text)


def all_stand(page: Page, standing: str) -> None:
    for panel in STANDING if standing == "incomplete" else PANELS:
        expect(page.locator(f"#{panel}")).to_have_attribute("data-standing", standing)


def an_order(
    euros: float, paid: float | None = None, name: str = "X-1", age_min: float = 0
) -> list[OrderPlaced | PaymentAccepted]:
    at = datetime.now(UTC) - timedelta(minutes=age_min)
    order = OrderPlaced(timestamp=at, id_commande=name, user_id=1, articles=[], montant_total=euros)
    return [order] if paid is None else [order, a_payment(paid, name, age_min)]


def a_payment(euros: float, name: str, age_min: float = 0) -> PaymentAccepted:
    at = datetime.now(UTC) - timedelta(minutes=age_min)
    return PaymentAccepted(timestamp=at, id_commande=name, user_id=1, montant=euros, moyen_paiement="carte")


def in_trouble() -> list[OrderPlaced | PaymentAccepted]:
    """Each problem that there is, some time ago."""
    return [
        *an_order(10, name="T-unpaid", age_min=45),
        *an_order(10, 9, name="T-other", age_min=44),
        *an_order(10, 5, name="T-twice", age_min=43),
        a_payment(5, "T-twice", age_min=42),
        *an_order(10, name="T-before", age_min=41),
        a_payment(10, "T-before", age_min=50),
        a_payment(10, "T-without", age_min=40),
    ]


def an_alert(rule: Rule, subject: str, state: State = "raised", second: int = 0) -> Transition:
    return replace(transition(rule, subject, state), at=datetime.now(UTC) + timedelta(seconds=second))


def a_product(name: str, id_produit: int, views: int, stock: int) -> list[ProductViewed | StockUpdated]:
    now = datetime.now(UTC)
    view = ProductViewed(timestamp=now, id_produit=id_produit, nom_produit=name, prix=1.0)
    return [view] * views + [StockUpdated(timestamp=now, id_produit=id_produit, stock=stock, nom_produit=name)]


def test_the_numbers_on_the_page_are_those_of_the_api(shop: Shop, open_page: Open) -> None:
    shop.fold([(Topic.PRODUCT_VIEWED, b"not an event")] * 3)
    shop.archive(behind=2)
    page = open_page()
    today = page.evaluate(MIDNIGHT)
    total = shop.get(f"/api/revenue?from={today}")["total"]
    assert value(page, "#placed-today") == total["placed_cents"] > 0
    assert value(page, "#paid-today") == total["paid_cents"]
    assert value(page, "#orders-today") == total["orders"]
    assert value(page, "#payments-today") == total["payments"]
    assert value(page, "#unpaid-today") == max(0, total["orders"] - total["payments"])
    assert values(page, "#basket-today") == [total["average_basket_cents"]]
    assert values(page, "#basket-items") == [total["items_per_basket"]]
    funnel = shop.get(f"/api/funnel?from={today}")["total"]
    stages = [funnel[stage] for stage in ("views", "adds", "orders", "payments")]
    assert values(page, "#stages .stage-head data") == stages
    customers = [funnel[stage] for stage in ("viewers", "adders", "buyers", "payers")]
    assert values(page, "#stages .customers") == customers
    assert all(customers)
    for tab, sort in (("Views", "views"), ("Carts", "adds"), ("Revenue", "revenue_cents")):
        page.get_by_role("tab", name=tab).click()
        items = shop.get(f"/api/products?sort={sort}&limit=8")["items"]
        expect(page.locator("#ranking-rows .name")).to_have_text([item["name"] for item in items])
        assert values(page, "#ranking-rows .value") == [item[sort] for item in items]
    offsets = shop.get("/api/products?limit=1")["offsets"]
    counted = [sum(offsets[topic].values()) for topic in Topic]
    assert values(page, "#topic-rows .counted data") == counted
    assert (value(page, "#rejected"), value(page, "#lag"), value(page, "#partitions")) == (3, 0, 4)
    assert value(page, "#archived") == sum(counted) - 2 * 4 * len(Topic)
    expect(page.locator("#archive-note")).to_contain_text(f"{2 * 4 * len(Topic)} behind")


def test_the_numbers_of_carts_visits_rankings_and_charts_are_those_of_the_api(shop: Shop, open_page: Open) -> None:
    old = replace(next(iter(a_product("Tard", 9, 1, 0))), timestamp=datetime.now(UTC) - timedelta(hours=3))
    shop.fold([old])
    page = open_page()
    carts = shop.get("/api/carts?limit=1")
    assert value(page, "#carts-open") == carts["open"]["carts"] > 0
    assert value(page, "#carts-open-value") == carts["open"]["value_cents"]
    assert value(page, "#carts-abandoned") == carts["abandoned"]["carts"]
    summary = shop.get("/api/sessions?last_h=1&limit=1")["summary"]
    assert value(page, "#sessions-count") == summary["sessions"] > 0
    expect(page.locator("#sessions-note")).to_contain_text(f"{summary['open']} going on")
    late = shop.get("/api/late")
    assert value(page, "#late") == sum(topic["late"] + topic["ahead"] for topic in late["topics"]) == 1
    expect(page.locator("#event-time")).to_have_attribute("datetime", late["as_of"])
    for by, last in (("Conversion", "5 minutes"), ("Revenue", "24 hours"), ("Views", "hour")):
        panel = page.locator("#trending")
        panel.get_by_role("radio", name=by).check()
        panel.get_by_role("radio", name=last, exact=True).check()
        ranked = {"Conversion": "conversion", "Revenue": "revenue_cents", "Views": "views"}[by]
        span = {"5 minutes": "5min", "24 hours": "24h", "hour": "1h"}[last]
        items = shop.get(f"/api/trending?by={ranked}&last={span}&limit=8")["items"]
        expect(page.locator("#trends:not(.turning) .name")).to_have_text([item["name"] for item in items])
        assert values(page, "#trending-rows .value") == [item["value"] for item in items]
    expect(page.locator("#trending-rows .rise").first).to_have_text("★new")
    for order, sort in (("Lowest count", "units"), ("Out soonest", "hours_until_out")):
        page.get_by_role("radio", name=order).check()
        items = shop.get(f"/api/stock?sort={sort}&limit=8")["items"]
        expect_numbers(page, "#shelves .units", [item["estimated_units"] for item in items])
    assert values(page, "#shelves .until") == [item["hours_until_out"] for item in items]
    page.get_by_text("As a table").click()
    for by, rows in (("Minute", 60), ("Day", 30), ("Hour", 24)):
        page.locator("#revenue").get_by_role("radio", name=by).check()
        limit = "&limit=60" if by == "Minute" else ""
        placed = shop.get(f"/api/revenue?by={by.lower()}{limit}")["total"]["placed_cents"]
        expect(page.locator("#revenue-chart")).not_to_have_class(re.compile("turning"))
        expect(page.locator("#revenue-rows tr")).to_have_count(rows)
        assert sum(values(page, "#revenue-rows tr td:nth-child(3) data")) == placed > 0


def test_orders_in_trouble_are_those_of_the_api_also_when_they_change(shop: Shop, open_page: Open) -> None:
    shop.fold(in_trouble())
    page = open_page(fake_clock=True)
    since = (datetime.now(UTC) - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def counts() -> list[float]:
        queries = [f"unpaid&placed_before={since}", *PROBLEMS[1:]]
        return [len(shop.get(f"/api/orders?problem={query}&limit=500")["items"]) for query in queries]

    expect_numbers(page, "#trouble-counts data", counts())
    assert all(values(page, "#trouble-counts data"))
    waiting = len(shop.get("/api/orders?problem=unpaid&limit=500")["items"]) - 1
    expect(page.locator("#orders-note")).to_have_text(f"{waiting} more wait for their payment")
    expect(page.locator("#troubled .order", has_text="T-unpaid")).to_have_count(0)  # others are newer
    asked = len(shop.asked)
    shop.fold([a_payment(10, "T-unpaid"), *an_order(77, 70, name="T-new")])
    expect(page.locator("#troubled .order").first).to_contain_text("T-new")
    hurry(page)
    expect_numbers(page, "#trouble-counts data", counts())
    asked_by_page = [path for path in shop.asked[asked:] if path.startswith("/api/orders?problem=any")]
    assert asked_by_page == [], "the stream said all that is needed"


def test_alerts_are_pushed_told_and_greyed_when_they_are_over(shop: Shop, open_page: Open) -> None:
    shop.fold(a_product("Vide", 9, 1, 0))
    shop.alerts.judged_at_s = time.time()
    shop.alert(an_alert("low-stock", "9"))
    page = open_page()
    rows = page.locator("#alert-rows .alert")
    expect(rows).to_have_count(1)
    for said in ("Warning", "Low stock", "Vide", "the limit is 2"):
        expect(rows.first).to_contain_text(said)
    expect(page.locator("#alerts-news")).to_be_empty()
    shop.alert(an_alert("payment-mismatch", "C-7", second=1))
    expect(rows.first).to_contain_text("Critical")
    for said in ("order C-7", "1 instead of 2"):
        expect(rows.first).to_contain_text(said)
    expect(page.locator("#alerts-news")).to_have_text("Alert. Another amount paid: order C-7.")
    expect(page.locator("#alerts-open")).to_have_text("2 open")
    shop.alert(an_alert("low-stock", "9", "resolved", second=2))
    expect(rows.first).to_have_attribute("data-severity", "resolved")
    expect(rows.first).to_contain_text("Resolved")
    expect(page.locator("#alerts-open")).to_have_text("1 open")
    shown = page.locator("#alert-rows time").evaluate_all("all => all.map((each) => each.dateTime)")
    assert shown == [item["at"] for item in shop.get("/api/alerts?state=any")["items"]]


def test_what_happens_is_pushed_and_nothing_is_asked_in_turn(shop: Shop, open_page: Open) -> None:
    page = open_page(fake_clock=True)
    page.evaluate(MARK)
    expect(page.locator("#pulse")).to_have_attribute("data-push", "open")
    expect(page.locator("#pulse-text")).to_have_text("Live")
    hurry(page)  # what was owed at first
    page.wait_for_timeout(500)
    asked = len(shop.asked)
    page.clock.run_for(20_000)
    page.wait_for_timeout(500)
    assert [path for path in shop.asked[asked:] if not path.startswith(OF_ITSELF)] == []
    before, unpaid = value(page, "#placed-today"), value(page, "#unpaid-today")
    shop.fold(an_order(1_234.56))
    expect_number(page, "#placed-today", before + 123_456)
    expect_number(page, "#unpaid-today", unpaid + 1)
    shop.fold(a_product("Nouveau", 9, 3_000, 0))
    expect(page.locator("#events-total")).not_to_have_attribute("value", re.compile("^0?$"))
    expect(page.locator("#topic-rows tr").first.locator(".speed data")).not_to_have_attribute("value", "0")
    hurry(page)
    for rows in ("#ranking-rows", "#trending-rows"):
        first = page.locator(f"{rows} li").first
        expect(first.locator(".name")).to_have_text("Nouveau")
        expect(first.locator(".value")).to_have_attribute("value", "3000")
    assert sum(path.startswith("/api/stream") for path in shop.asked) == 1
    assert page.evaluate("window.mark") == "not loaded again"


@pytest.mark.parametrize("why", ["full", "buffered"])
def test_where_there_is_no_stream_it_asks_in_turn_and_says_so(shop: Shop, open_page: Open, why: str) -> None:
    if why == "full":
        shop.stop()
        shop.streams = 0
        shop.start()

    def hold_back(page: Page) -> None:
        if why == "buffered":
            page.route("**/api/stream*", lambda _route: None)

    page = open_page(
        silences="503", push="refused" if why == "full" else "connecting", fake_clock=True, before=hold_back
    )
    page.clock.run_for(7_000)
    expect(page.locator("#pulse-text")).to_have_text("Live, every 5 seconds")
    before = value(page, "#orders-today")
    shop.fold(an_order(10, 10))
    page.clock.run_for(6_000)
    expect_number(page, "#orders-today", before + 1)
    all_stand(page, "live")


def test_what_is_sold_out_is_marked_in_words(shop: Shop, open_page: Open) -> None:
    shop.fold(a_product("Vide", 9, 1, 0) + a_product("Presque", 10, 1, 2))
    page = open_page()
    page.get_by_role("radio", name="Lowest count").check()
    gone = sum(item["estimated_units"] == 0 for item in shop.get("/api/stock?sort=units&limit=20")["items"])
    shelf = page.locator("#shelves li", has_text="Vide")
    expect(shelf).to_have_attribute("data-level", "none")
    expect(shelf.locator(".units")).to_have_text("Sold out")
    expect(page.locator("#shelves li", has_text="Presque")).to_have_attribute("data-level", "low")
    expect(page.locator("#sold-out")).to_have_text(f"Sold out: {gone}")


def test_a_worker_that_is_away_is_told_and_its_return_needs_no_reload(shop: Shop, open_page: Open) -> None:
    page = open_page(silences="net::ERR_")
    page.evaluate(MARK)
    resumed: list[str | None] = []

    def asks(request: Request) -> None:
        if "stream" in request.url:
            resumed.append(request.headers.get("last-event-id"))

    page.on("request", asks)
    before = value(page, "#orders-today")
    asked: list[float] = []
    page.on("requestfailed", lambda request: asked.append(time.monotonic()) if "funnel" in request.url else None)
    shop.stop()
    all_stand(page, "silent")
    expect(page.locator("#pulse")).to_contain_text("does not answer")
    expect(page.locator("#revenue .badge")).to_contain_text("No answer since")
    expect(page.locator("#revenue .body")).to_have_css("opacity", "0.42")
    assert value(page, "#orders-today") == before, "the last numbers stay, dimmed"
    page.wait_for_event("requestfailed", lambda _: len(asked) >= 3)
    assert asked[2] - asked[1] > asked[1] - asked[0] > 0.7, "it is asked less and less often"
    shop.fold(an_order(10.0, 10.0))
    shop.start()
    all_stand(page, "live")
    expect(page.locator("#pulse")).to_have_attribute("data-push", "open")
    expect(page.locator("#pulse-text")).to_have_text("Live")
    assert all(resumed), "it says where it was"
    expect_number(page, "#orders-today", before + 1)
    expect(page.locator("#revenue .badge")).to_be_hidden()
    assert page.evaluate("window.mark") == "not loaded again"


def test_an_incomplete_answer_is_told_in_every_panel(shop: Shop, open_page: Open) -> None:
    page = open_page(fake_clock=True)
    shop.let_go(1)
    hurry(page)
    all_stand(page, "incomplete")
    for panel in STANDING:
        expect(page.locator(f"#{panel} .badge")).to_have_text("Incomplete: 3 of 4 partitions answered")
    expect_number(page, "#partitions", 3)
    shop.take_back()
    hurry(page)
    all_stand(page, "live")


def test_the_pipeline_tells_what_is_wrong(shop: Shop, open_page: Open) -> None:
    page = open_page(silences="503", fake_clock=True)
    shop.settled = False
    shop.archiver.outage = "connection refused"
    shop.fold(an_order(10))  # the stream lives
    hurry(page)
    expect(page.locator("#ready")).to_have_text("Not ready")
    expect(page.locator("#ready-note")).to_contain_text("being assigned or restored")
    expect(page.locator("#outage")).to_have_text("Archive away")
    expect(page.locator("#outage-note")).to_contain_text("connection refused")


def test_what_is_named_like_markup_is_shown_as_text(shop: Shop, open_page: Open) -> None:
    name = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
    shop.fold([*a_product(name, 9, 3_000, 0), *an_order(10, 9, name=name, age_min=-1)])
    shop.alert(an_alert("low-stock", "9"), an_alert("paid-twice", name, second=1))
    page = open_page()
    page.get_by_role("radio", name="Lowest count").check()
    for rows in ("#ranking-rows .name", "#trending-rows .name", "#troubled .name"):
        expect(page.locator(rows).first).to_have_text(name)
    expect(page.locator("#shelves .name").filter(has_text="<script>")).to_have_count(1)
    expect(page.locator("#alert-rows .detail .name")).to_have_text([f"order {name}", name])
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img, main script").count() == 0


@pytest.mark.parametrize("width", [360, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_object_to(shop: Shop, open_page: Open, scheme: str, width: int) -> None:
    shop.fold([*a_product("Vide", 9, 1, 0), *a_product("Presque", 10, 1, 2), *in_trouble()])
    shop.alert(an_alert("low-stock", "9"), an_alert("paid-twice", "C-1"), an_alert("paid-twice", "C-1", "resolved"))
    viewport = {"width": width, "height": 1080}
    page = open_page(color_scheme=scheme, viewport=viewport, fake_clock=True)
    page.get_by_text("As a table").click()
    if (scheme, width) in (("light", 1920), ("dark", 360)):
        shop.let_go(1)
        hurry(page)
        all_stand(page, "incomplete")
    page.clock.resume()
    page.evaluate(AXE)
    assert objections(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the screen"


@pytest.mark.parametrize("width", [320, 360, 736, 1280, 2560])
def test_amounts_of_millions_stay_in_their_figures(shop: Shop, open_page: Open, width: int) -> None:
    shop.fold(an_order(8_765_432.1))
    page = open_page(locale="fr-FR", viewport={"width": width, "height": 1080})
    expect(page.locator("#placed-today")).to_contain_text("€")
    wide = page.locator(".figure dd").evaluate_all(
        "all => all.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.innerText)"
    )
    assert (value(page, "#placed-today") > 8e8, wide) == (True, [])


@pytest.mark.parametrize("width", [736, 1280, 2560])
def test_the_end_of_an_order_s_id_is_seen(shop: Shop, open_page: Open, width: int) -> None:
    """Ids differ at their end, so what has no room is their beginning."""
    shop.alert(an_alert("payment-mismatch", "CMD-" + "0123456789" * 6))
    page = open_page(locale="fr-FR", viewport={"width": width, "height": 1080})
    name = page.locator("#alert-rows .detail .name")
    expect(name).to_contain_text("CMD-")
    ends = name.evaluate(
        "each => [each.firstChild.getBoundingClientRect().right, each.getBoundingClientRect().right + 1]"
    )
    assert ends[0] <= ends[1]
    assert name.evaluate("each => each.scrollWidth > each.clientWidth")


def objections(page: Page) -> list[Any]:
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert len(found["passes"]) > 20
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]]


def test_everything_can_be_reached_and_used_by_keyboard(shop: Shop, open_page: Open) -> None:
    page = open_page()
    reached = []
    for _ in range(11):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.name || document.activeElement.id || document.activeElement.localName"
            )
        )
    radios = ["language", "theme", "revenue-by"]
    rankings = ["trending-last", "trending-by", "tab-views", "ranking", "stock-by"]
    assert reached[:9] == [*radios, "summary", *rankings]
    assert reached[9] == "body", "nothing else takes the focus"
    page.locator("input[name=revenue-by]:checked").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#revenue-title")).to_contain_text("by day")
    page.keyboard.press("ArrowLeft")
    page.locator("#tab-views").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Revenue")).to_be_focused()
    expect(page.get_by_role("tab", name="Revenue")).to_have_attribute("aria-selected", "true")
    best = shop.get("/api/products?sort=revenue_cents&limit=1")["items"][0]["name"]
    expect(page.locator("#ranking-rows .name").first).to_have_text(best)
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#revenue-rows")).to_be_visible()
    page.locator("input[name=language]:checked").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator("#revenue-title")).to_contain_text("Chiffre d\u2019affaires")


@pytest.mark.parametrize(
    ("locale", "title", "money"), [("fr-FR", "Commandé aujourd\u2019hui", "€$"), ("en-US", "Ordered today", "^€")]
)
def test_it_speaks_the_language_of_the_browser(
    shop: Shop, open_page: Open, locale: str, title: str, money: str
) -> None:
    page = open_page(locale=locale)
    expect(page.locator("#today dt").first).to_have_text(title)
    expect(page.locator("#placed-today")).to_have_text(re.compile(money))
    written = page.evaluate(
        "(cents) => Intl.NumberFormat(navigator.language, {style: 'currency', currency: 'EUR'}).format(cents / 100)",
        value(page, "#placed-today"),
    )
    expect(page.locator("#placed-today")).to_have_text(written)


def test_theme_and_language_are_kept(open_page: Open) -> None:
    page = open_page(color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("radio", name="Dark").check()
    page.get_by_role("radio", name="Français").check()
    page.reload()
    page.wait_for_selector("#pulse[data-standing=live]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    expect(page.locator("#funnel-title")).to_contain_text("De la visite au paiement")
    expect(page.get_by_role("radio", name="Sombre")).to_be_checked()


def test_a_hidden_tab_asks_nothing_and_asks_at_once_when_it_is_seen_again(shop: Shop, open_page: Open) -> None:
    page = open_page(fake_clock=True)
    show(page, hidden=True)
    page.wait_for_load_state("networkidle")
    asked = len(shop.asked)
    page.clock.run_for(120_000)
    shop.get("/health/live")  # whatever the page asked would be counted by now
    assert shop.asked[asked:] == ["/health/live"]
    assert not shop.stream.hub.clients, "the stream is closed too"
    with (
        page.expect_response("**/api/revenue*"),
        page.expect_response("**/metrics"),
        page.expect_request("**/api/stream*") as stream,
    ):
        show(page, hidden=False)
    assert stream.value.headers["last-event-id"]


def show(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_no_endpoint_is_asked_twice_at_a_time_however_slow(shop: Shop, open_page: Open) -> None:
    page = open_page(fake_clock=True)
    shop.pause_s = 0.5
    for _ in range(3):
        with page.expect_response("**/api/funnel*"):
            shop.fold(an_order(10, 10))
            page.clock.run_for(3_000)  # three times what it waits between two
    most = Counter({path: most for path, most in shop.most_at_once.items() if not path.startswith("/static")})
    assert most.keys() >= {"/api/funnel", "/api/products", "/api/trending", "/api/stock", "/api/orders", "/metrics"}
    assert most.pop("/api/revenue") <= 2, "today's, and the chart's"
    assert {path: times for path, times in most.items() if times > 1} == {}


def test_where_a_token_is_needed_it_asks_for_one_and_keeps_it_for_the_tab(shop: Shop, open_page: Open) -> None:
    shop.stop()
    shop.access = Access(tokens=Tokens(["the-right-one-of-16"]))
    shop.start()
    page = open_page(silences="401", standing="silent", push="refused", fake_clock=True)
    expect(page.locator("#pulse-text")).to_have_text("A token is needed")
    field, refused = page.get_by_label("one of the API"), page.locator("#token-refused")
    expect(field).to_be_focused()
    expect(refused).to_be_hidden()
    page.clock.resume()
    page.evaluate(AXE)
    assert page.evaluate("axe.run('#token')")["violations"] == []
    field.fill("a-wrong-one-of-16")
    page.get_by_role("button", name="Show the numbers").click()
    expect(refused).to_be_visible()
    field.fill(" the-right-one-of-16 ")
    field.press("Enter")
    all_stand(page, "live")
    expect(page.locator("#token")).to_be_hidden()
    expect(page.locator("#pulse")).to_have_attribute("data-push", "open")
    assert value(page, "#placed-today") > 0
    page.reload()
    all_stand(page, "live")
    assert "the-right-one" not in page.content() + page.evaluate("JSON.stringify(localStorage)")
