"""`/docs`: all that `/openapi.json` says, readable without a script, and links that work."""

from html.parser import HTMLParser
from typing import Any

import pytest

from shopnow_streams.topics import Topic
from shopnow_streams.views.docs import Docs, links
from tests.unit.views.conftest import FakeArchiver, MakeWorker, Worker

EMPTY = {"br", "link", "meta"}


class Page(HTMLParser):
    """What is on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str, attribute: str) -> list[str]:
        return [value for of, name, value in self.attributes if (of, name) == (tag, attribute)]


@pytest.fixture
async def worker(make_worker: MakeWorker) -> Worker:
    found: Worker = await make_worker(archiver=FakeArchiver({}))
    found.fold(0, Topic.PRODUCT_VIEWED, [b"?"])
    return found


async def text_of(worker: Worker, path: str) -> str:
    async with worker.session.get(worker.server.make_url(path)) as response:
        assert response.status == 200
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        return await response.text()


async def test_every_path_parameter_and_type_is_on_it(worker: Worker) -> None:
    text, described = await text_of(worker, "/docs"), await worker.get("/openapi.json")
    for path, methods in described["paths"].items():
        assert f"<code>{path}</code></h2>" in text
        for parameter in methods["get"].get("parameters", []):
            assert parameter["name"] in text
    for name in described["components"]["schemas"]:
        assert f'id="type-{name}"' in text


async def test_it_is_well_formed_and_has_neither_script_nor_style_of_its_own(worker: Worker) -> None:
    page = Page(await text_of(worker, "/docs"))
    assert not page.open
    assert not {"script", "style", "iframe", "img"} & set(page.seen)
    assert not [name for _, name, _ in page.attributes if name == "style" or name.startswith("on")]
    assert page.all("html", "lang") == ["en"]
    assert page.seen.count("h1") == page.seen.count("main") == 1
    assert page.seen.count("table") == page.seen.count("caption")


async def test_its_links_lead_somewhere(worker: Worker) -> None:
    page = Page(await text_of(worker, "/docs"))
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    tried = set()
    for link in page.all("a", "href") + page.all("link", "href"):
        assert link.startswith(("#", "/")), f"{link} is elsewhere"
        if link.startswith("#"):
            assert link[1:] in ids
        elif link not in tried:
            tried.add(link)
            async with worker.session.get(worker.server.make_url(link)) as response:
                nobody_there = any(one in link for one in ("/1597", "/C-1", "/api/carts/7"))
                assert response.status in ((200, 404) if nobody_there else (200,)), link
    assert len(tried) >= 20
    assert {"/docs/style.css", "/openapi.json", "/api/products?sort=revenue_cents"} <= tried


async def test_its_style_is_ours(worker: Worker) -> None:
    style = await text_of(worker, "/docs/style.css")
    assert "url(" not in style
    assert "@import" not in style


def test_what_the_document_says_is_text_and_no_markup() -> None:
    evil: Any = {
        "info": {"title": "<b>", "version": "1", "description": "<script>"},
        "paths": {"/<i>": {"get": {"operationId": "x", "summary": "<u>", "responses": {}}}},
        "components": {"schemas": {"T": {"description": "<s>", "properties": {"<f>": {"type": "<t>"}}}}},
    }
    page = Page(Docs(evil)._page)
    assert not {"b", "script", "i", "u", "s", "f", "t"} & set(page.seen)


def test_an_example_in_a_path_is_quoted() -> None:
    parameter = {"name": "id", "in": "path", "example": "C/1?"}
    assert links("/api/orders/{id}", [parameter]) == ["/api/orders/C%2F1%3F"]
