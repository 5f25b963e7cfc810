"""How many different customers: about right, and the same whatever the order and the parts it was made of."""

import base64

import msgspec
import pytest
from datasketches import hll_sketch
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import MAX_ID
from shopnow_streams.folds.distinct import FEW, LG_K, STANDARD_ERROR, Distinct, count, either, with_more
from shopnow_streams.folds.encoding import encode

few = st.lists(st.integers(0, 12) | st.integers(0, MAX_ID), max_size=40)


def of(ids: list[int]) -> Distinct:
    distinct = Distinct()
    for one in ids:
        distinct.add([one])
    return distinct


def sketched(ids: list[int]) -> Distinct:
    """The same customers, as a sketch however few they are."""
    crowd = hll_sketch(LG_K)
    for one in ids:
        crowd.update(one)
    return Distinct.decode(base64.b64encode(crowd.serialize_compact()).decode())


@given(ids=st.lists(st.integers(0, MAX_ID), max_size=FEW))
def test_a_handful_is_exact(ids: list[int]) -> None:
    assert of(ids).count == len(set(ids))


@pytest.mark.parametrize("customers", [100, 1_000, 20_000, 200_000])
def test_of_many_it_is_about_right(customers: int) -> None:
    assert of([7 * number for number in range(customers)]).count == pytest.approx(customers, rel=3 * STANDARD_ERROR)


@given(one=few, other=few)
def test_order_repetition_and_parts_do_not_matter(one: list[int], other: list[int]) -> None:
    together = of([*one, *other])
    assert together == of([*reversed(other), *one, *one]) == of(one).merged(of(other)) == of(other).merged(of(one))
    assert hash(together) == hash(of(other).merged(of(one)))


@settings(max_examples=10)
@given(seed=st.integers(0, 1_000), parts=st.integers(1, 5), backwards=st.booleans())
def test_nor_where_it_only_estimates(seed: int, parts: int, backwards: bool) -> None:
    ids = [seed + 31 * number for number in range(3_000)]
    split = [of(ids[part::parts]) for part in range(parts)]
    assert Distinct().merged(*split).count == of(ids[::-1] if backwards else ids).count


@given(one=few, other=few)
def test_two_are_equal_where_the_same_customers_are_in_them(one: list[int], other: list[int]) -> None:
    assert (of(one) == of(other)) == (set(one) == set(other))
    assert of(one) != "no sketch"


@given(ids=few)
def test_it_is_stored_and_read_again_and_goes_on(ids: list[int]) -> None:
    read = Distinct.decode(msgspec.json.decode(encode(of(ids))))
    assert read == of(ids)
    assert encode(read) == encode(of(ids))
    read.add([1, 2, 3])
    assert read == of([*ids, 1, 2, 3])


def test_its_size_is_bounded() -> None:
    assert len(of(list(range(100_000))).encode()) < 1_200
    assert of([3, 1, 2]).encode() == [1, 2, 3]


@given(ids=st.lists(st.integers(0, MAX_ID), unique=True, max_size=2 * FEW))
def test_few_are_kept_as_they_are_whatever_they_came_from(ids: list[int]) -> None:
    for distinct in (Distinct(ids), of(ids), of(ids[::2]).merged(of(ids[1::2]))):
        assert isinstance(distinct.encode(), list) == (len(ids) <= FEW)


@given(one=few, other=few)
def test_a_sketch_of_few_is_as_good(one: list[int], other: list[int]) -> None:
    assert sketched(one) == of(one)
    assert sketched(one).merged(of(other)) == of(one).merged(sketched(other)) == of([*one, *other])


@pytest.mark.parametrize("stored", ["", "?", "AAAA" * 10, 3, None, [1, "2"], [True], [[1]]])
def test_what_is_no_sketch_is_refused(stored: object) -> None:
    with pytest.raises(ValueError, match="sketch"):
        Distinct.decode(stored)


def test_nobody_is_none_until_somebody_comes() -> None:
    assert count(with_more(None, [])) == count(either(None, None)) == 0
    one = with_more(None, [1])
    assert one is not None
    assert count(either(one, None)) == count(either(None, one)) == 1
    assert either(one, None) is not one
    assert with_more(one, [2]) is one
    assert count(one) == 2
