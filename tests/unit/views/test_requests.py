"""Requests as `/metrics` has them: by the pattern of their path, so that nobody can make up labels."""

from typing import Any

from shopnow_streams.views.requests import Requests
from tests.unit.views.conftest import Worker
from tests.unit.views.test_metrics import scraped


async def counts(worker: Worker) -> dict[tuple[str, str], float]:
    """How many requests were timed, by path and status."""
    samples = (await scraped(worker)).get("shopnow_http_request_seconds_count", {})
    return {(labels[0][1], labels[1][1]): count for labels, count in samples.items()}


async def test_requests_are_timed_by_pattern_and_status(worker: Worker) -> None:
    for product in range(3):
        await worker.get(f"/api/products/{product}", 404)
    await worker.get("/api/products")
    await worker.get("/api/products", 400, limit=0)
    await worker.get("/nowhere", 404)
    await worker.get("/nobody/made/this/up", 404)
    assert await counts(worker) == {
        ("/api/products/{id}", "404"): 3,
        ("/api/products", "200"): 1,
        ("/api/products", "400"): 1,
        ("unknown", "404"): 2,
    }
    assert ("/metrics", "200") in await counts(worker)


async def test_nothing_is_kept_of_a_request_that_was_answered(worker: Worker) -> None:
    hooks: list[Any] = list(worker.server.app.on_response_prepare)
    (requests,) = [hook.__self__ for hook in hooks if isinstance(hook.__self__, Requests)]
    for _ in range(3):
        await worker.get("/api/products")
    assert not requests._begun_s
