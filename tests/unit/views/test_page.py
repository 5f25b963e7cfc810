"""Errors as RFC 9457 problems, whatever went wrong."""

from typing import Any

import pytest

from tests.unit.views.conftest import Worker


@pytest.mark.parametrize("path", ["/api", "/api/nothing", "/api/products/1/2", "/health", "/internal/other"])
async def test_a_path_that_is_none_is_a_problem(worker: Worker, path: str) -> None:
    async with worker.session.get(worker.server.make_url(path)) as response:
        assert (response.status, response.content_type) == (404, "application/problem+json")
        problem = await response.json(content_type=None)
    assert problem == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": f"GET {path}: Not Found"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_the_api_is_read_only(worker: Worker, method: str) -> None:
    async with worker.session.request(method, worker.server.make_url("/api/products")) as response:
        assert (response.status, response.content_type) == (405, "application/problem+json")


async def test_a_method_that_is_not_allowed_comes_with_those_that_are(worker: Worker) -> None:
    async with worker.session.post(worker.server.make_url("/api/products")) as response:
        assert "GET" in response.headers.get("Allow", "")


async def test_a_bug_is_a_problem_that_tells_nothing_of_it_and_the_log_tells_all(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("shopnow_streams.views.gather.Gather.read", broken)
    problem = await worker.get("/api/products", 500)
    assert problem["status"] == 500
    assert "secret" not in str(problem)
    assert "a secret" in caplog.text
    assert "GET /api/products failed" in caplog.text


async def test_a_question_is_answered_without_a_body_too(worker: Worker) -> None:
    async with worker.session.head(worker.server.make_url("/api/products")) as response:
        assert response.status == 200


async def test_answers_are_not_sniffed(worker: Worker) -> None:
    async with worker.session.get(worker.server.make_url("/api/products")) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.content_type == "application/json"
