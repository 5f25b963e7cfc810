"""`/`: the dashboard, and the files it is made of under `/static/{version}/`.

The version is a hash of all files, so a browser keeps them for ever, and a page never mixes files of two versions.
"""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from aiohttp import web

from shopnow_streams.views.page import Problem

FILE_PATH = "/static/{version}/{file:.+}"
PAGE = "index.html"
LANGUAGES = ("en", "fr")

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@dataclass(frozen=True)
class Asset:
    """One file: its bytes, and the same compressed."""

    content_type: str
    body: bytes
    zipped: bytes


@cache
def assets() -> dict[str, Asset]:
    """Every file that is served, by its path: nothing else can be asked for. Reads them once."""
    root = resources.files("shopnow_streams.dashboard") / "static"
    return {name: _asset(name, file.read_bytes()) for name, file in sorted(_files(root)) if _suffix(name) in _TYPES}


@cache
def version() -> str:
    """A hash of all files."""
    digest = hashlib.sha256()
    for name, asset in assets().items():
        digest.update(f"{name}\0{len(asset.body)}\0".encode())
        digest.update(asset.body)
    return digest.hexdigest()[:16]


@cache
def page(language: str) -> Asset:
    """The page in a language, which names its files under their version."""
    text = assets()[PAGE].body.decode()
    return _asset(PAGE, text.replace("{{language}}", language).replace("{{version}}", version()).encode())


async def index(request: web.Request) -> web.Response:
    """The page, in the language of the two that the browser likes better."""
    language = preferred(request.headers.get("Accept-Language", ""))
    return _response(
        request,
        page(language),
        f"{version()}-{language}",
        {"Cache-Control": _ASK_AGAIN, "Content-Language": language, "Vary": "Accept-Encoding, Accept-Language"},
    )


async def file(request: web.Request) -> web.Response:
    """A file. One of another version is what an older page asks a newer worker for: it gets today's, uncached.

    Raises Problem 404 for what is not one of the dashboard's files.
    """
    name = request.match_info["file"]
    asset = assets().get(name)
    if asset is None or name == PAGE:
        raise Problem(404, "Not Found", f"the dashboard has no file {name[:200]!r}")
    caching = _FOR_EVER if request.match_info["version"] == version() else _ASK_AGAIN
    return _response(request, asset, version(), {"Cache-Control": caching, "Vary": "Accept-Encoding"})


def preferred(accept_language: str) -> str:
    """The language of ours with the highest weight (RFC 9110, 12.5.4); the first where none is liked."""
    weights = dict.fromkeys(LANGUAGES, 0.0)
    for part in accept_language[:500].lower().split(","):
        name, _, weight = part.partition(";q=")
        primary = name.strip().partition("-")[0]
        try:
            liked = float(weight) if weight else 1.0
        except ValueError:
            continue
        if primary in weights:
            weights[primary] = max(weights[primary], liked)
    return max(LANGUAGES, key=lambda language: weights[language])


def _response(request: web.Request, asset: Asset, tag: str, headers: dict[str, str]) -> web.Response:
    headers = {**_HEADERS, **headers, "ETag": f'W/"{tag}"'}
    if any(known.value in (tag, "*") for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=asset.zipped, content_type=asset.content_type, charset="utf-8", headers=headers)
    return web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8", headers=headers)


def _asset(name: str, body: bytes) -> Asset:
    return Asset(_TYPES[_suffix(name)], body, gzip.compress(body, 9, mtime=0))


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix


def _files(folder: Traversable, under: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{under}{entry.name}/")
        else:
            yield under + entry.name, entry
