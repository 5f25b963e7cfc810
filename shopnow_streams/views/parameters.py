"""What a request may say. The type that bounds a parameter is the one that its schema is made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from shopnow_streams.views.page import Problem

Value = TypeVar("Value")


class Described(Protocol):
    """A parameter as `/openapi.json` tells it."""

    @property
    def name(self) -> str:
        """As it stands in the query or the path."""

    @property
    def meaning(self) -> str:
        """A sentence."""

    @property
    def example(self) -> str:
        """One that is accepted."""

    def schema(self) -> dict[str, Any]:
        """JSON Schema of its value."""


def converted(text: str, kind: Any) -> Any:
    """The value of that type that `text` stands for. Raises msgspec.ValidationError."""
    if text.endswith("\n"):  # which `$` of Python's patterns lets pass
        raise msgspec.ValidationError("a line's end")
    return msgspec.convert(text, kind, strict=False)


@dataclass(frozen=True)
class Parameter(Generic[Value]):
    """One value. `type` is what its text is converted to; `wanted` tells that to whoever gave another."""

    name: str
    type: Any
    default: Value
    wanted: str
    meaning: str
    example: str

    def read(self, request: web.Request) -> Value:
        """That of the query, or the default. Raises Problem 400 for one of another form, or two."""
        texts = request.query.getall(self.name, [])
        if not texts:
            return self.default
        if len(texts) > 1:
            raise Problem(400, "Bad Request", f"{self.name} is given {len(texts)} times: once is enough")
        try:
            return self.of(texts[0])
        except msgspec.ValidationError:
            raise Problem(400, "Bad Request", f"{self.name} must be {self.wanted}, not {texts[0][:40]!r}") from None

    def of(self, text: str) -> Value:
        """The value that `text` stands for. Raises msgspec.ValidationError."""
        value: Value = converted(text, self.type)
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema, with the default where there is one."""
        schema = {"type": "string", **msgspec.json.schema(self.type)}
        return schema if self.default is None else schema | {"default": self.default}


class Moment(Parameter["datetime | None"]):
    """A moment with its offset from UTC, or none."""

    def __init__(self, name: str, meaning: str) -> None:
        example = "2025-11-28T12:00:00Z"
        super().__init__(name, _MOMENT, None, f"a moment with its offset, such as {example}", meaning, example)

    def of(self, text: str) -> datetime:
        """See `Parameter`. A number is none, which msgspec would take for seconds."""
        moment: datetime = msgspec.convert(text, _MOMENT, strict=True)
        return moment


_MOMENT = Annotated[datetime, Meta(tz=True)]


def whole(name: str, low: int, high: int, default: Value, meaning: str, example: str) -> "Parameter[int | Value]":
    """A whole number from `low` to `high`."""
    bounded = Annotated[int, Meta(ge=low, le=high)]
    return Parameter(name, bounded, default, f"a whole number from {low} to {high}", meaning, example)


def choice(name: str, choices: tuple[str, ...], meaning: str) -> Parameter[str]:
    """One of `choices`; the first by default."""
    one_of: Any = Literal.__getitem__(choices)
    return Parameter(name, one_of, choices[0], f"one of {', '.join(choices)}", meaning, choices[-1])
