"""An answer that its reader may keep, and ask about: a strong ETag of its bytes, and 304 where they are the same."""

import hashlib
from typing import Any

import msgspec
from aiohttp import web

REVALIDATED = ("/api/", "/openapi.json")
"""What the paths begin with whose answers have a tag."""

_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def etag(body: bytes) -> str:
    """The tag of these bytes, without quotes."""
    return hashlib.sha256(body).hexdigest()[:32]


def revalidated(request: web.Request, answer: Any) -> web.Response:
    """`answer` as JSON with its tag; 304 without a body where `If-None-Match` has it (RFC 9110, 13.1.2)."""
    body = msgspec.json.encode(answer)
    tag = etag(body)
    headers = {**_HEADERS, "ETag": f'"{tag}"'}
    if any(known.value in (tag, "*") for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
