"""Parts of a batch by key: what each row gets."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)


def grouped(keys: Iterable[Key], parts: Sequence[Any]) -> dict[Key, list[Any]]:
    """Each part under its key. Keys, and the parts of each, in the order of `parts`."""
    groups: dict[Key, list[Any]] = {}
    known = groups.get
    for key, part in zip(keys, parts, strict=True):
        already = known(key)
        if already is None:
            groups[key] = [part]
        else:
            already.append(part)
    return groups
