"""`/docs`: `/openapi.json` as a page for people, made here: no script, nothing from elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

STYLE_PATH = "/docs/style.css"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters at most",
    "maxItems": "{} times at most",
    "default": "{} by default",
}

Document = Mapping[str, Any]


class Docs:
    """The page of one document, and its style."""

    def __init__(self, document: Document) -> None:
        self._page = "".join(_page(document))
        self._style = (resources.files(__package__) / "docs.css").read_text()

    async def page(self, _request: web.Request) -> web.Response:
        """The page."""
        return web.Response(text=self._page, content_type="text/html", headers=_HEADERS)

    async def style(self, _request: web.Request) -> web.Response:
        """Its style."""
        return web.Response(text=self._style, content_type="text/css", headers=_HEADERS)


def _page(document: Document) -> Iterator[str]:
    info, paths = document["info"], document["paths"]
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(info["title"])}: the API</title><link rel="stylesheet" href="{STYLE_PATH}"></head><body>\n'
        f'<a class="skip" href="#paths">Skip to the paths</a><header><h1>{escape(info["title"])}: the API</h1>'
        f"<p>{escape(info['description'])}</p>"
        f'<p>Version {escape(info["version"])}. For programs: <a href="/openapi.json">/openapi.json</a>.</p></header>\n'
    )
    yield '<nav aria-label="Paths"><ul>'
    for path, methods in paths.items():
        name = methods["get"]["operationId"]
        yield f'<li><a href="#{escape(name)}"><code>{escape(path)}</code></a></li>'
    yield '</ul></nav>\n<main id="paths">\n'
    for path, methods in paths.items():
        yield from _operation(path, methods["get"])
    yield "<h2>Types</h2>\n"
    for name, schema in document["components"]["schemas"].items():
        yield from _type(name, schema)
    yield "</main></body></html>\n"


def _operation(path: str, operation: Document) -> Iterator[str]:
    name, parameters = escape(operation["operationId"]), operation.get("parameters", [])
    yield f'<section aria-labelledby="{name}"><h2 id="{name}">GET <code>{escape(path)}</code></h2>'
    yield f"<p>{escape(operation['summary'])}.</p>"
    if parameters:
        yield '<div class="wide"><table><caption>Parameters</caption><thead><tr><th scope="col">name</th>'
        yield '<th scope="col">in</th><th scope="col">value</th><th scope="col">meaning</th></tr></thead><tbody>'
        for parameter in parameters:
            yield f'<tr><th scope="row"><code>{escape(parameter["name"])}</code></th><td>{parameter["in"]}</td>'
            yield f"<td>{_value(parameter['schema'])}</td><td>{escape(parameter['description'])}</td></tr>"
        yield "</tbody></table></div>"
    yield '<div class="wide"><table><caption>Answers</caption><thead><tr><th scope="col">status</th>'
    yield '<th scope="col">when</th><th scope="col">body</th></tr></thead><tbody>'
    for status, answer in operation["responses"].items():
        bodies = "; ".join(f"{_value(body['schema'])}" for body in answer.get("content", {}).values())
        yield f'<tr><th scope="row">{status}</th><td>{escape(answer["description"])}</td>'
        yield f"<td>{bodies or 'none'}</td></tr>"
        for event, data in answer.get("x-events", {}).items():
            yield f'<tr><th scope="row"></th><td>event <code>{escape(event)}</code></td><td>{_value(data)}</td></tr>'
    yield "</tbody></table></div><p>Try it:</p><ul>"
    for link in links(path, parameters):
        yield f'<li><a href="{escape(link)}"><code>{escape(link)}</code></a></li>'
    yield "</ul></section>\n"


def links(path: str, parameters: list[Document]) -> list[str]:
    """Requests to try: the path with the examples of what stands in it, alone and with each parameter's example."""
    for parameter in parameters:
        path = path.replace(f"{{{parameter['name']}}}", quote(str(parameter["example"]), safe=""))
    queries = [
        urlencode({parameter["name"]: parameter["example"]}, doseq=True, safe=":")
        for parameter in parameters
        if parameter["in"] == "query"
    ]
    return [path, *(f"{path}?{query}" for query in queries)]


def _type(name: str, schema: Document) -> Iterator[str]:
    yield f'<section aria-labelledby="type-{escape(name)}"><h3 id="type-{escape(name)}">{escape(name)}</h3>'
    yield f"<p>{escape(schema.get('description', ''))}</p>"
    yield '<div class="wide"><table><caption>Fields</caption><thead><tr><th scope="col">name</th>'
    yield '<th scope="col">value</th><th scope="col">meaning</th></tr></thead><tbody>'
    for field, of in schema.get("properties", {}).items():
        meaning = next((one["description"] for one in (of, *of.get("anyOf", ())) if "description" in one), "")
        yield f'<tr><th scope="row"><code>{escape(field)}</code></th><td>{_value(of)}</td>'
        yield f"<td>{escape(meaning)}</td></tr>"
    yield "</tbody></table></div></section>\n"


def _value(schema: Document) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_value(each) for each in schema["anyOf"])
    if "enum" in schema:
        kind = "one of " + ", ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    elif schema.get("type") == "array":
        kind = f"list of {_value(schema['items'])}"
    elif "additionalProperties" in schema and isinstance(schema["additionalProperties"], Mapping):
        kind = f"map to {_value(schema['additionalProperties'])}"
    else:
        kind = escape(schema.get("format", schema.get("type", "anything")))
    bounds = [escape(words.format(schema[name])) for name, words in _BOUNDS.items() if name in schema]
    return ", ".join([kind, *bounds])
