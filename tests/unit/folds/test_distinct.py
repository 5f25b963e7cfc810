"""How many different customers: about right, and the same whatever the order and the parts it was made of."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import MAX_ID
from shopnow_streams.folds.distinct import STANDARD_ERROR, Distinct, count, either, with_more

few = st.lists(st.integers(0, 12) | st.integers(0, MAX_ID), max_size=40)


def of(ids: list[int]) -> Distinct:
    distinct = Distinct()
    distinct.add(ids)
    return distinct


@given(ids=st.lists(st.integers(0, MAX_ID), max_size=8))
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
    stored = of(ids).encode()
    read = Distinct.decode(stored)
    assert read == of(ids) == Distinct.decode_text(base64.b64encode(stored).decode())
    read.add([1, 2, 3])
    assert read == of([*ids, 1, 2, 3])


def test_its_size_is_bounded() -> None:
    assert len(of(list(range(100_000))).encode()) < 1_200
    assert len(of([1]).encode()) < 20


@pytest.mark.parametrize("stored", [b"", b"?", b"\x00" * 40])
def test_what_is_no_sketch_is_refused(stored: bytes) -> None:
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
