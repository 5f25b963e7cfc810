"""How many different customers: a sketch of bounded size, since the customers themselves would not be.

HyperLogLog of Apache DataSketches (https://datasketches.apache.org/docs/HLL/HLL.html): exact up to a handful, then with
a standard error of `STANDARD_ERROR`. Spark's `hll_sketch_agg` is the same sketch, so that the archive can be asked too.
"""

import base64
from collections.abc import Iterable, Sequence

from datasketches import hll_sketch, hll_union, tgt_hll_type

LG_K = 11
STANDARD_ERROR = 1.04 / 2 ** (LG_K / 2)
"""Relative, of one standard deviation: 2.3%."""

_FORM = tgt_hll_type.HLL_4
_NAME = "distinct"


class Distinct:
    """A set that only knows how many it holds. To add and to merge come to the same in any order."""

    __slots__ = ("_sketch",)

    def __init__(self, sketch: hll_sketch | None = None) -> None:
        self._sketch = hll_sketch(LG_K, _FORM) if sketch is None else sketch

    def add(self, ids: Iterable[int]) -> None:
        """Take these in; who is in it already changes nothing."""
        update = self._sketch.update
        for one in ids:
            update(one)

    def merged(self, *others: "Distinct") -> "Distinct":
        """Who is in any of them."""
        union = hll_union(LG_K)
        for each in (self, *others):
            union.update(each._sketch)
        return Distinct(union.get_result(_FORM))

    @property
    def count(self) -> int:
        """About how many. The same for the same set, whatever order it was made in.

        A sketch that was never merged estimates by the order of its updates (HIP); merged with itself it does not.
        """
        union = hll_union(LG_K)
        union.update(self._sketch)
        union.update(self._sketch)
        return round(float(union.get_result(_FORM).get_estimate()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distinct) and self.count == other.count == self.merged(other).count

    def __hash__(self) -> int:
        return hash((_NAME, self.count))

    def __repr__(self) -> str:
        return f"Distinct({self.count})"

    def encode(self) -> bytes:
        """As it is stored: 8 bytes and 4 for each of few, about 1 KiB at most."""
        return bytes(self._sketch.serialize_compact())

    @classmethod
    def decode(cls, stored: bytes) -> "Distinct":
        """The inverse of `encode`. Raises ValueError for bytes that are none."""
        try:
            return cls(hll_sketch.deserialize(stored))
        except (ValueError, RuntimeError, IndexError) as error:
            raise ValueError(f"no sketch: {error}") from error

    @classmethod
    def decode_text(cls, text: str) -> "Distinct":
        """Of base64, as a row has it. Raises ValueError."""
        return cls.decode(base64.b64decode(text, validate=True))


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
    found = Distinct() if distinct is None else distinct
    found.add(ids)
    return found


def count(distinct: Distinct | None) -> int:
    """About how many; None is nobody."""
    return 0 if distinct is None else distinct.count
