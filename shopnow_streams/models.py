"""The events as `faust models` lists them and `faust model commande-validee` shows them. Nothing decodes by these."""

from types import new_class
from typing import get_type_hints

import faust
import msgspec

from shopnow_streams.events import EVENT_TYPES


def declare_models() -> list[type[faust.Record]]:
    """Make each topic's event known to Faust's commands, under the topic's name."""
    return [_described(str(topic), event_type) for topic, event_type in EVENT_TYPES.items()]


def _described(topic: str, event_type: type[msgspec.Struct]) -> type[faust.Record]:
    fields = msgspec.structs.fields(event_type)
    body = {
        "__annotations__": get_type_hints(event_type),
        "__doc__": (event_type.__doc__ or "").partition(": ")[2] or event_type.__doc__,
        "__module__": event_type.__module__,
        **{field.name: field.default for field in fields if not field.required},
    }
    return new_class(event_type.__name__, (faust.Record,), {"namespace": topic}, lambda names: names.update(body))
