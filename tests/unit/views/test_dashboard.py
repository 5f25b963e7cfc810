"""`/` and its files: what is served, in which language, under which headers; and nothing else."""

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web

from shopnow_streams.settings import Settings
from shopnow_streams.views import dashboard
from shopnow_streams.wiring import create_app
from tests.unit.views.conftest import Worker


async def fetched(worker: Worker, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers, and the body as it came over the wire."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with worker.session.get(
        worker.server.make_url(path), headers={"Accept-Encoding": "identity", **names}
    ) as response:
        return response.status, response.headers, await response.read()


async def test_every_file_that_the_page_names_is_there_under_its_type(worker: Worker) -> None:
    status, headers, body = await fetched(worker, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"{{" not in body
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', body.decode())
    assert len(named) >= 5
    for path in named:
        status, headers, _ = await fetched(worker, path)
        assert status == 200, path
        assert headers["Content-Type"].partition(";")[0] in ("text/javascript", "text/css", "image/svg+xml")


async def test_every_module_that_a_script_imports_is_there() -> None:
    scripts = {name: asset.body.decode() for name, asset in dashboard.assets().items() if name.endswith(".js")}
    imported = {name for text in scripts.values() for name in re.findall(r'from "\./([^"]+)"', text)}
    assert imported
    assert imported <= set(scripts)


async def test_nothing_but_our_own_scripts_styles_and_requests_is_allowed(worker: Worker) -> None:
    for path in ("/", f"/static/{dashboard.version()}/main.js"):
        _, headers, _ = await fetched(worker, path)
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


async def test_the_page_has_no_inline_script_or_style_and_names_no_other_host(worker: Worker) -> None:
    text = (await fetched(worker, "/"))[2].decode()
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)


async def test_files_of_this_version_are_kept_for_ever_others_are_asked_for_again(worker: Worker) -> None:
    path = "main.js"
    _, ours, body = await fetched(worker, f"/static/{dashboard.version()}/{path}")
    status, other, same = await fetched(worker, f"/static/0123456789abcdef/{path}")
    assert "immutable" in ours["Cache-Control"]
    assert (status, other["Cache-Control"], same) == (200, "no-cache", body)


@pytest.mark.parametrize("path", ["/", "/static/any/main.js"])
async def test_what_did_not_change_is_not_sent_again(worker: Worker, path: str) -> None:
    _, headers, _ = await fetched(worker, path)
    status, again, body = await fetched(worker, path, If_None_Match=headers["ETag"])
    assert (status, body, again["ETag"]) == (304, b"", headers["ETag"])
    assert (await fetched(worker, path, If_None_Match='W/"another"'))[0] == 200


async def test_who_takes_gzip_gets_it(worker: Worker) -> None:
    path = f"/static/{dashboard.version()}/vendor/uplot/uplot.js"
    _, _, plain = await fetched(worker, path)
    request = worker.session.get(worker.server.make_url(path), headers={"Accept-Encoding": "gzip"})
    async with request as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in response.headers["Vary"]
        assert await response.read() == plain
    assert gzip.decompress(dashboard.assets()["vendor/uplot/uplot.js"].zipped) == plain
    assert len(dashboard.assets()["vendor/uplot/uplot.js"].zipped) < len(plain) / 3


@pytest.mark.parametrize(
    "name",
    [
        "none.js",
        "index.html",
        "vendor/README.md",
        "..%2f__init__.py",
        "%2e%2e/%2e%2e/wiring.py",
        "vendor/..%2fmain.js",
        "%2fetc%2fpasswd",
        "main.js%00",
    ],
)
async def test_nothing_else_can_be_asked_for(worker: Worker, name: str) -> None:
    async with worker.session.get(f"{worker.server.make_url('/static/v')}/{name}") as response:
        assert response.status in (400, 404)
        assert (await response.json(content_type=None))["status"] == response.status


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("de-DE,de;q=0.9,fr;q=0.5,en;q=0.3", "fr"),
        ("de", "en"),
        ("FR;q=1", "fr"),
        ("fr;q=0", "en"),
        ("fr;q=so", "en"),
        ("*", "en"),
        (",;q=,", "en"),
    ],
)
async def test_the_page_is_in_the_language_that_the_browser_likes_better(
    worker: Worker, accept: str, language: str
) -> None:
    assert dashboard.preferred(accept) == language
    _, headers, body = await fetched(worker, "/", Accept_Language=accept)
    assert headers["Content-Language"] == language
    assert "Accept-Language" in headers["Vary"]
    assert f'<html lang="{language}">'.encode() in body


async def test_both_languages_have_the_same_messages() -> None:
    texts = [dashboard.assets()[name].body.decode() for name in ("english.js", "french.js")]
    keys = [re.findall(r"^  (\w+):", text, re.MULTILINE) for text in texts]
    assert len(keys[0]) > 100
    assert keys[0] == keys[1]
    page = dashboard.assets()[dashboard.PAGE].body.decode()
    assert set(re.findall(r'data-(?:text|label)="(\w+)"', page)) <= set(keys[0])


async def test_the_worker_shows_it_in_place_of_fausts_index_and_keeps_fausts_other_pages(tmp_path: Path) -> None:
    app = create_app(Settings(application_id="shop", data_dir=tmp_path, archive=""))
    served = app.web
    served.init_server()
    application: web.Application = served.web_app  # type: ignore[attr-defined]
    found = [route for route in application.router.routes() if route.resource is not None and route.method == "GET"]
    paths = [route.resource.canonical for route in found if route.resource is not None]
    assert paths.index("/") < paths.index("/router/")
    assert {"/router/", "/table/", "/table/{name}/"} <= set(paths)
