"""A table's state as JSON: what stands in changelog and store, and goes from worker to worker."""

from typing import Any, TypeVar

import msgspec

from shopnow_streams.folds.distinct import Distinct

State = TypeVar("State")


def _encoded(value: Any) -> Any:
    if isinstance(value, Distinct):
        return value.encode()
    raise NotImplementedError(f"a state can't hold a {type(value).__name__}")


def _decoded(kind: type, value: Any) -> Any:
    if kind is Distinct:
        return Distinct.decode(value)
    raise NotImplementedError(f"a state can't hold a {kind.__name__}")


encode = msgspec.json.Encoder(enc_hook=_encoded).encode
"""A state, or rows of them."""


def decoder(kind: type[State]) -> msgspec.json.Decoder[State]:
    """Of what `encode` makes of a `kind`. Its decode raises msgspec.ValidationError for what is none."""
    return msgspec.json.Decoder(kind, dec_hook=_decoded)
