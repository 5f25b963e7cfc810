"""`/openapi.json`: all that is public and nothing else, in the words of the types."""

from typing import Any

import msgspec
import pytest

from shopnow_streams.events import MAX_ID
from shopnow_streams.topics import Topic
from tests.unit.views.conftest import FakeArchiver, MakeWorker, Worker

APART = ("/internal/", "/static/", "/docs")
"""Not of the API that others build on."""

PAGES = {"/"}
STREAM = "/api/stream"
"""It has no end that could be waited for; test_stream.py tries its parameters."""


@pytest.fixture
async def described(make_worker: MakeWorker) -> Any:
    worker: Worker = await make_worker(archiver=FakeArchiver({}))
    return await worker.get("/openapi.json")


async def test_every_public_path_is_in_it_and_nothing_else(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker(archiver=FakeArchiver({}))
    router = worker.server.app.router
    paths = {resource.canonical for resource in router.resources() if not resource.canonical.startswith(APART)} - PAGES
    assert (await worker.get("/openapi.json"))["paths"].keys() == paths
    assert "/api/archive" in paths


async def test_a_worker_that_does_not_archive_does_not_claim_it(worker: Worker) -> None:
    assert "/api/archive" not in (await worker.get("/openapi.json"))["paths"]
    await worker.get("/api/archive", 404)


def parameters(described: Any, path: str) -> dict[str, Any]:
    return {each["name"]: each for each in described["paths"][path]["get"]["parameters"]}


async def test_bounds_choices_and_defaults_are_those_of_the_views(described: Any) -> None:
    listed = parameters(described, "/api/products")
    assert listed["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
    assert listed["after"]["schema"] == {"type": "integer", "minimum": 0, "maximum": MAX_ID}
    assert listed["sort"]["schema"]["default"] == "id"
    assert set(listed["sort"]["schema"]["enum"]) == {
        "id",
        "views",
        "adds",
        "units_added",
        "units_sold",
        "revenue_cents",
    }
    spans = parameters(described, "/api/funnel")
    assert spans["limit"]["schema"]["maximum"] == spans["limit"]["schema"]["default"] == 2_400
    assert (spans["by"]["schema"]["default"], set(spans["by"]["schema"]["enum"])) == (
        "hour",
        {"hour", "day", "minute"},
    )
    assert parameters(described, "/api/orders/{id}")["id"]["schema"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
    }


async def test_each_parameter_has_an_example_that_is_accepted(described: Any, make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker(archiver=FakeArchiver({}))
    worker.fold(0, Topic.PRODUCT_VIEWED, [b"?"])  # of which `at_least` has an example
    tried = 0
    for path, methods in described["paths"].items():
        for parameter in methods["get"].get("parameters", []):
            assert parameter["description"]
            if parameter["in"] == "query" and "{" not in path and path != STREAM:
                example = parameter["example"]
                await worker.get(path, **{parameter["name"]: example[0] if isinstance(example, list) else example})
                tried += 1
    assert tried >= 12


async def test_every_answer_is_of_a_named_type_with_all_its_fields(described: Any) -> None:
    schemas = described["components"]["schemas"]
    product = schemas["ProductAnswer"]
    assert set(product["required"]) == product["properties"].keys() >= {"views", "complete", "offsets", "partitions"}
    assert schemas["RevenueByDay"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/RevenueDay"}
    assert schemas["ProblemDetails"]["properties"].keys() == {"type", "title", "status", "detail"}
    text = msgspec.json.encode(described).decode()
    assert text.count('"$ref"') >= 20
    for name in schemas:
        assert f'"#/components/schemas/{name}"' in text, f"{name} is not used"


async def test_a_stream_is_described_by_its_events(described: Any) -> None:
    stream = described["paths"][STREAM]["get"]
    ok = stream["responses"]["200"]
    assert ok["content"] == {"text/event-stream": {"schema": {"type": "string"}}}
    assert ok["x-events"].keys() == {"products", "stock", "orders", "hours", "alerts", "position", "reset", "dropped"}
    assert ok["x-events"]["products"] == {"$ref": "#/components/schemas/ProductChanges"}
    assert "headers" not in ok
    assert "Retry-After" in stream["responses"]["503"]["headers"]
    assert {(each["name"], each["in"]) for each in stream["parameters"]} == {
        ("tables", "query"),
        ("ids", "query"),
        ("Last-Event-ID", "header"),
    }


async def test_readiness_says_503_in_its_own_words(described: Any) -> None:
    answers = described["paths"]["/health/ready"]["get"]["responses"]
    assert answers["503"]["content"].keys() == {"application/json"}


async def test_it_takes_no_parameter(worker: Worker) -> None:
    assert "unknown" in (await worker.get("/openapi.json", 400, version=2))["detail"]
