"""What every answer out of the tables says of itself: how complete it is, and at which offsets it stands."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar, get_type_hints

import msgspec
from msgspec import Meta, Struct

from shopnow_streams.events import Instant
from shopnow_streams.folds.windows import EPOCH
from tables.answer import Answer

Count = Annotated[int, Meta(ge=0)]
Offsets = Annotated[
    dict[str, dict[int, int]],
    Meta(
        description="The next offset by topic and partition: every event below it is in the answer, none from it on.",
        examples=[{"produit-consulte": {"0": 60351, "1": 140897}}],
    ),
]


AsOf = (
    Annotated[
        Instant,
        Meta(
            description="How far event time is: the latest moment of any event in the answer. Windows are counted from "
            "it, never from a wall clock. Null before the first event."
        ),
    ]
    | None
)


class Partitions(Struct, frozen=True):
    """How many of the tables' partitions are in an answer."""

    answered: Count
    of: Annotated[int, Meta(ge=1)]


class Standing(Struct, frozen=True, kw_only=True):
    """How complete an answer is, and where it stands."""

    complete: Annotated[
        bool, Meta(description="Whether every partition answered; else rows may be missing, or numbers too low.")
    ]
    partitions: Partitions
    offsets: Offsets


class Timed(Standing, frozen=True, kw_only=True):
    """The same of an answer about windows of event time."""

    as_of: AsOf


Shown = TypeVar("Shown")


class Page(Standing, Generic[Shown], frozen=True, kw_only=True):
    """Rows of a table."""

    items: list[Shown]
    after: (
        Annotated[int, Meta(ge=0, description="The `after` that gives the next page; null where there is none.")] | None
    )


def standing(answer: Answer[Any]) -> dict[str, Any]:
    """The fields of `Standing`."""
    return {
        "complete": answer.complete,
        "partitions": Partitions(answer.answered, answer.of),
        "offsets": answer.offsets,
    }


def timed(answer: Answer[Any]) -> dict[str, Any]:
    """The fields of `Timed`."""
    return {**standing(answer), "as_of": as_of(answer.clock)}


def as_of(clock: datetime) -> datetime | None:
    """How far event time is, as the API shows it."""
    return None if clock == EPOCH else clock.astimezone(UTC)


def with_standing(shown: type[Struct], name: str, standing_type: type[Standing] = Standing) -> type[Struct]:
    """The type of an answer with one `shown`, and where it stands."""
    types = get_type_hints(standing_type, include_extras=True)
    return msgspec.defstruct(
        name,
        [(field.name, types[field.name]) for field in msgspec.structs.fields(standing_type)],
        bases=(shown,),
        namespace={"__doc__": shown.__doc__},
        module=shown.__module__,
        frozen=True,
        kw_only=True,
    )
