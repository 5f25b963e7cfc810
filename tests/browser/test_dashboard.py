"""The dashboard in a real browser, served by the routes of a worker: what people see, and what they can do."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from shopnow_streams.events import OrderPlaced, PaymentAccepted, ProductViewed, StockUpdated
from shopnow_streams.topics import Topic
from shopnow_streams.views.access import Access
from shopnow_streams.views.tokens import Tokens
from tests.browser.conftest import Open
from tests.browser.shop import Shop

AXE = (Path(__file__).parent / "vendor" / "axe" / "axe.min.js").read_text()
PANELS = ("today", "revenue", "funnel", "products", "stock", "events", "pipeline")
MARK = "window.mark = 'not loaded again'"


def value(page: Page, selector: str) -> int:
    """The number that a `<data>` element stands for."""
    return int(page.locator(selector).get_attribute("value") or "-1")


def values(page: Page, selector: str) -> list[int]:
    return [int(each) for each in page.locator(selector).evaluate_all("all => all.map((each) => each.value)")]


def hurry(page: Page) -> None:
    """Let the page's own clock run past its longest pause but for the metrics'; it needs a page with a fake clock."""
    page.clock.run_for(4_500)


def expect_number(page: Page, selector: str, number: int) -> None:
    expect(page.locator(selector)).to_have_attribute("value", str(number))


def all_stand(page: Page, standing: str) -> None:
    for panel in PANELS:
        expect(page.locator(f"#{panel}")).to_have_attribute("data-standing", standing)


def an_order(euros: float, paid: bool = True) -> list[OrderPlaced | PaymentAccepted]:
    now = datetime.now(UTC)
    order = OrderPlaced(timestamp=now, id_commande="X-1", user_id=1, articles=[], montant_total=euros)
    payment = PaymentAccepted(timestamp=now, id_commande="X-1", user_id=1, montant=euros, moyen_paiement="carte")
    return [order, payment] if paid else [order]


def a_product(name: str, id_produit: int, views: int, stock: int) -> list[ProductViewed | StockUpdated]:
    now = datetime.now(UTC)
    view = ProductViewed(timestamp=now, id_produit=id_produit, nom_produit=name, prix=1.0)
    return [view] * views + [StockUpdated(timestamp=now, id_produit=id_produit, stock=stock, nom_produit=name)]


def test_the_numbers_on_the_page_are_those_of_the_api(shop: Shop, open_page: Open) -> None:
    shop.fold([(Topic.PRODUCT_VIEWED, b"not an event")] * 3)
    shop.archive(behind=2)
    page = open_page()
    total = shop.get("/api/revenue")["total"]
    assert value(page, "#placed-today") == total["placed_cents"] > 0
    assert value(page, "#paid-today") == total["paid_cents"]
    assert value(page, "#orders-today") == total["orders"]
    assert value(page, "#payments-today") == total["payments"]
    assert value(page, "#unpaid-today") == max(0, total["orders"] - total["payments"])
    funnel = shop.get("/api/funnel")["total"]
    stages = [funnel[stage] for stage in ("views", "adds", "orders", "payments")]
    assert values(page, "#stages .stage-head data") == stages
    lowest = shop.get("/api/stock?sort=units&limit=8")["items"]
    assert values(page, "#shelves .units") == [item["units"] for item in lowest]
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
    page.get_by_text("As a table").click()
    rows = page.locator("#revenue-rows tr")
    assert rows.count() == 24
    placed = "#revenue-rows tr td:nth-child(3) data"
    assert sum(values(page, placed)) == total["placed_cents"]


def test_what_happens_is_seen_without_a_reload(shop: Shop, open_page: Open) -> None:
    page = open_page(fake_clock=True)
    page.evaluate(MARK)
    before, unpaid = value(page, "#placed-today"), value(page, "#unpaid-today")
    shop.fold(an_order(1_234.56, paid=False))
    expect_number(page, "#placed-today", before + 123_456)
    expect_number(page, "#unpaid-today", unpaid + 1)
    shop.fold(a_product("Nouveau", 9, 3_000, 0))
    hurry(page)
    first = page.locator("#ranking-rows li").first
    expect(first.locator(".name")).to_have_text("Nouveau")
    expect(first.locator(".value")).to_have_attribute("value", "3000")
    expect(page.locator("#events-total")).not_to_have_attribute("value", re.compile("^0?$"))
    expect(page.locator("#topic-rows tr").first.locator(".speed data")).not_to_have_attribute("value", "0")
    assert page.evaluate("window.mark") == "not loaded again"


def test_what_is_sold_out_is_marked_in_words(shop: Shop, open_page: Open) -> None:
    shop.fold(a_product("Vide", 9, 1, 0) + a_product("Presque", 10, 1, 2))
    page = open_page()
    gone = sum(item["units"] == 0 for item in shop.get("/api/stock?sort=units&limit=50")["items"])
    shelf = page.locator("#shelves li", has_text="Vide")
    expect(shelf).to_have_attribute("data-level", "none")
    expect(shelf.locator(".units")).to_have_text("Sold out")
    expect(page.locator("#shelves li", has_text="Presque")).to_have_attribute("data-level", "low")
    expect(page.locator("#sold-out")).to_have_text(f"Sold out: {gone}")


def test_a_worker_that_is_away_is_told_and_its_return_needs_no_reload(shop: Shop, open_page: Open) -> None:
    page = open_page(silences="net::ERR_")
    page.evaluate(MARK)
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
    shop.fold(an_order(10.0))
    shop.start()
    all_stand(page, "live")
    expect_number(page, "#orders-today", before + 1)
    expect(page.locator("#revenue .badge")).to_be_hidden()
    assert page.evaluate("window.mark") == "not loaded again"


def test_an_incomplete_answer_is_told_in_every_panel(shop: Shop, open_page: Open) -> None:
    page = open_page(fake_clock=True)
    shop.let_go(1)
    hurry(page)
    all_stand(page, "incomplete")
    for panel in PANELS:
        expect(page.locator(f"#{panel} .badge")).to_have_text("Incomplete: 3 of 4 partitions answered")
    expect_number(page, "#partitions", 3)
    shop.take_back()
    hurry(page)
    all_stand(page, "live")


def test_the_pipeline_tells_what_is_wrong(shop: Shop, open_page: Open) -> None:
    page = open_page(silences="503", fake_clock=True)
    shop.settled = False
    shop.archiver.outage = "connection refused"
    hurry(page)
    expect(page.locator("#ready")).to_have_text("Not ready")
    expect(page.locator("#ready-note")).to_contain_text("being assigned or restored")
    expect(page.locator("#outage")).to_have_text("Archive away")
    expect(page.locator("#outage-note")).to_contain_text("connection refused")


def test_a_product_named_like_markup_is_shown_as_text(shop: Shop, open_page: Open) -> None:
    name = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
    shop.fold(a_product(name, 9, 3_000, 0))
    page = open_page()
    expect(page.locator("#ranking-rows .name").first).to_have_text(name)
    expect(page.locator("#shelves .name").filter(has_text="<script>")).to_have_count(1)
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img, main script").count() == 0


@pytest.mark.parametrize("width", [360, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_object_to(shop: Shop, open_page: Open, scheme: str, width: int) -> None:
    shop.fold(a_product("Vide", 9, 1, 0) + a_product("Presque", 10, 1, 2))
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


def objections(page: Page) -> list[Any]:
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert len(found["passes"]) > 20
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]]


def test_everything_can_be_reached_and_used_by_keyboard(shop: Shop, open_page: Open) -> None:
    page = open_page()
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.name || document.activeElement.id || document.activeElement.localName"
            )
        )
    assert reached[:5] == ["language", "theme", "summary", "tab-views", "ranking"]
    assert reached[5] == "body", "nothing else takes the focus"
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
    with page.expect_response("**/api/funnel*"):
        page.clock.run_for(2_000)
    show(page, hidden=True)
    page.wait_for_load_state("networkidle")
    asked = len(shop.asked)
    page.clock.run_for(120_000)
    shop.get("/health/live")  # whatever the page asked would be counted by now
    assert shop.asked[asked:] == ["/health/live"]
    with page.expect_response("**/api/revenue*"), page.expect_response("**/metrics"):
        show(page, hidden=False)


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
            page.clock.run_for(3_000)  # three times what it waits between two
    assert set(shop.most_at_once) >= {"/api/funnel", "/api/revenue", "/api/products", "/api/stock", "/metrics"}
    assert {path: most for path, most in shop.most_at_once.items() if most > 1 and not path.startswith("/static")} == {}


def test_where_a_token_is_needed_it_asks_for_one_and_keeps_it_for_the_tab(shop: Shop, open_page: Open) -> None:
    shop.stop()
    shop.access = Access(tokens=Tokens(["the-right-one-of-16"]))
    shop.start()
    page = open_page(silences="401", standing="silent", fake_clock=True)
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
    assert value(page, "#placed-today") > 0
    page.reload()
    all_stand(page, "live")
    assert "the-right-one" not in page.content() + page.evaluate("JSON.stringify(localStorage)")
