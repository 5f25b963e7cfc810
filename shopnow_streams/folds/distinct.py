"""How many different customers: themselves while they are few, then a sketch of bounded size.

HyperLogLog of Apache DataSketches (https://datasketches.apache.org/docs/HLL/HLL.html) with a standard error of
`STANDARD_ERROR`. Spark's `hll_sketch_agg` is the same sketch, so that the archive can be asked too. Most windows have
a handful of customers: those as a set cost a tenth of a sketch to make, to store and to merge.
"""

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from datasketches import hll_sketch, hll_union, tgt_hll_type

LG_K = 11
STANDARD_ERROR = 1.04 / 2 ** (LG_K / 2)
"""Relative, of one standard deviation: 2.3%."""

FEW = 16
"""So many customers are kept as they are."""

_FORM = tgt_hll_type.HLL_4
_NAME = "distinct"


class Distinct:
    """A set that only knows how many it holds. To add and to merge come to the same in any order."""

    __slots__ = ("_few", "_sketch")

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._few = set(ids)
        self._sketch: hll_sketch | None = None
        self._bound()

    @classmethod
    def _of(cls, sketch: hll_sketch) -> "Distinct":
        made = cls()
        made._sketch = sketch
        return made

    def add(self, ids: Iterable[int]) -> None:
        """Take these in; who is in it already changes nothing."""
        if self._sketch is not None:
            _update(self._sketch, ids)
            return
        self._few.update(ids)
        self._bound()

    def _bound(self) -> None:
        if len(self._few) > FEW:
            self._sketch, self._few = self._sketched(), set()

    def _sketched(self) -> hll_sketch:
        """To be looked at, not changed."""
        if self._sketch is not None:
            return self._sketch
        made = hll_sketch(LG_K, _FORM)
        _update(made, self._few)
        return made

    def merged(self, *others: "Distinct") -> "Distinct":
        """Who is in any of them."""
        sketches = [each._sketch for each in (self, *others) if each._sketch is not None]
        few = self._few.union(*[other._few for other in others])
        if not sketches:
            return Distinct(few)
        union = hll_union(LG_K)
        for sketch in sketches:
            union.update(sketch)
        _update(union, few)
        return Distinct._of(union.get_result(_FORM))

    @property
    def count(self) -> int:
        """About how many. The same for the same set, whatever order it was made in.

        A sketch that was never merged estimates by the order of its updates (HIP); merged with itself it does not.
        """
        sketch, union = self._sketched(), hll_union(LG_K)
        union.update(sketch)
        union.update(sketch)
        return round(float(union.get_result(_FORM).get_estimate()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distinct) and self.count == other.count == self.merged(other).count

    def __hash__(self) -> int:
        return hash((_NAME, self.count))

    def __repr__(self) -> str:
        return f"Distinct({self.count})"

    def encode(self) -> list[int] | bytes:
        """As it is stored: a few customers in order, or a sketch of 1 KiB at most."""
        return sorted(self._few) if self._sketch is None else bytes(self._sketch.serialize_compact())

    @classmethod
    def decode(cls, stored: Any) -> "Distinct":
        """The inverse of `encode` and of JSON, which has a sketch in base64. Raises ValueError for what is neither."""
        if isinstance(stored, list):
            return cls(_customers(stored))
        return cls._of(_sketch_of(stored))


def _sketch_of(text: Any) -> hll_sketch:
    """Of base64. Raises ValueError for what is no sketch."""
    try:
        return hll_sketch.deserialize(base64.b64decode(text, validate=True))
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        raise ValueError(f"no sketch: {error}") from error


def _customers(stored: list[Any]) -> list[int]:
    if not all(type(one) is int for one in stored):
        raise ValueError(f"no sketch, and not customers: {stored}")
    return stored


def _update(sketch: hll_sketch | hll_union, ids: Iterable[int]) -> None:
    update = sketch.update
    for one in ids:
        update(one)


def either(one: Distinct | None, other: Distinct | None) -> Distinct | None:
    """Who is in one or the other; None is nobody. Neither is changed, nor given back as it is."""
    if one is None or other is None:
        only = one or other
        return None if only is None else only.merged()
    return one.merged(other)


def with_more(distinct: Distinct | None, ids: Sequence[int]) -> Distinct | None:
    """`distinct` with these in it, made where it was None and there are any."""
    if not ids:
        return distinct
    if distinct is None:
        return Distinct(ids)
    distinct.add(ids)
    return distinct


def count(distinct: Distinct | None) -> int:
    """About how many; None is nobody."""
    return 0 if distinct is None else distinct.count
