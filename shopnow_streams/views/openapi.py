"""`/openapi.json`: OpenAPI 3.1 of the API, made of the types that the views send and read."""

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from aiohttp import web

from shopnow_streams.views.access import EVERYBODY, Access
from shopnow_streams.views.awaited import NotYetDetails
from shopnow_streams.views.operations import Operation
from shopnow_streams.views.page import ProblemDetails, only
from shopnow_streams.views.parameters import Described
from shopnow_streams.views.tokens import is_open

_REFERENCE = "#/components/schemas/{name}"
_DESCRIPTION = (
    "What the shop's customers do, counted exactly once. Any worker answers for all of them. Every answer out of the "
    "tables says how complete it is, and at which Kafka offsets it stands. Errors are problems by RFC 9457."
)
_ETAG = {
    "description": "The strong tag of these bytes, for `If-None-Match`.",
    "required": True,
    "schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
}
_SCHEMES = {"token": {"type": "http", "scheme": "bearer"}}
_RETRY_AFTER = {"description": "In seconds.", "required": True, "schema": {"type": "string"}}
_REFUSED: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    429: {"Retry-After": _RETRY_AFTER},
    503: {"Retry-After": _RETRY_AFTER},
}
_PROBLEMS = {
    400: "A parameter that is unknown, or not as it should be.",
    401: "No bearer token, or none of those that are known.",
    404: "There is none.",
    413: "More rows than can be ranked.",
    429: "More requests than a client's share.",
    500: "The worker failed on this.",
    503: "As many streams are open as may be.",
    504: "An event of `at_least` was not counted in time.",
}


class Description:
    """The document, as a resource."""

    def __init__(self, operations: Sequence[Operation], access: Access) -> None:
        self.document = document(operations, access)
        self._encoded = msgspec.Raw(msgspec.json.encode(self.document))

    async def shown(self, request: web.Request) -> msgspec.Raw:
        """All of it."""
        only(request)
        return self._encoded


def document(operations: Sequence[Operation], access: Access = EVERYBODY) -> dict[str, Any]:
    """The whole document. Refusals are in it where `access` has them."""
    types: set[type] = {kind for operation in operations for kind in _types(operation)}
    types |= {_problem_type(status) for operation in operations for status in operation.problems}
    ordered: list[type] = sorted((types | {ProblemDetails}), key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ShopNow+ streams", "version": version("shopnow-streams"), "description": _DESCRIPTION},
        "paths": {operation.path: {"get": _operation(operation, access)} for operation in operations},
        "components": {"schemas": schemas, **({"securitySchemes": _SCHEMES} if access.tokens.needed else {})},
    }


def _types(operation: Operation) -> Iterator[type]:
    yield from (*operation.answers, *operation.events.values())
    if operation.not_ready is not None:
        yield operation.not_ready


def _operation(operation: Operation, access: Access) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.parameters:
        found["parameters"] = [_parameter(parameter, operation.path) for parameter in operation.parameters]
        found["parameters"] += [_parameter(header, operation.path) | {"in": "header"} for header in operation.headers]
    refusals = [429] if access.rate.limited and not operation.path.startswith("/health/") else []
    if access.tokens.needed and not is_open(operation.path):
        found["security"] = [{"token": []}]
        refusals.append(401)
    return {**found, "responses": _responses(operation, refusals)}


def _parameter(parameter: Described, path: str) -> dict[str, Any]:
    in_path = f"{{{parameter.name}}}" in path
    schema = parameter.schema()
    return {
        "name": parameter.name,
        "in": "path" if in_path else "query",
        "required": in_path,
        "description": parameter.meaning,
        "schema": schema,
        "example": _typed(parameter.example, schema["type"]),
    }


def _typed(example: str, kind: str) -> Any:
    if kind == "array":
        return [example]
    return int(example) if kind == "integer" else example


def _responses(operation: Operation, refusals: Sequence[int]) -> dict[str, Any]:
    ok: dict[str, Any] = {
        "description": "The answer.",
        "content": {operation.content_type: {"schema": _schema(operation)}},
    }
    if operation.events:
        ok["description"] = "Events without end: the type of each one's data is under x-events."
        ok["x-events"] = {name: _one_of((kind,)) for name, kind in operation.events.items()}
    found = {"200": ok}
    if operation.tagged:
        ok["headers"] = {"ETag": _ETAG}
        found["304"] = {"description": "What `If-None-Match` names is still the answer.", "headers": {"ETag": _ETAG}}
    found |= {str(status): _problem(status) for status in (*operation.problems, *refusals, 500)}
    if operation.not_ready is not None:
        content = {"application/json": {"schema": _one_of((operation.not_ready,))}}
        found["503"] = {"description": "It is not ready.", "content": content}
    return dict(sorted(found.items()))


def _problem(status: int) -> dict[str, Any]:
    schema = _one_of((_problem_type(status),))
    found = {"description": _PROBLEMS[status], "content": {"application/problem+json": {"schema": schema}}}
    return found | ({"headers": _REFUSED[status]} if status in _REFUSED else {})


def _problem_type(status: int) -> type[ProblemDetails]:
    return NotYetDetails if status == 504 else ProblemDetails


def _schema(operation: Operation) -> dict[str, Any]:
    if operation.answers:
        return _one_of(operation.answers)
    return {"type": "string"} if operation.content_type.startswith("text/") else {"type": "object"}


def _one_of(types: Iterable[type]) -> dict[str, Any]:
    references = [{"$ref": _REFERENCE.format(name=kind.__name__)} for kind in types]
    return references[0] if len(references) == 1 else {"anyOf": references}
