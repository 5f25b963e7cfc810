"""An id says where a reader stands, to any worker; what is none is told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.topics import Topic
from shopnow_streams.views import bookmark
from shopnow_streams.views.bookmark import Bookmark
from tables.journal import Mark

numbers = st.integers(0, 2**32 - 1)
offsets = st.dictionaries(st.sampled_from([str(topic) for topic in Topic]), st.integers(1, 2**62))
bookmarks = st.builds(
    Bookmark, numbers, st.dictionaries(st.integers(0, 300), st.builds(Mark, numbers, offsets), max_size=8)
)


@given(bookmarks)
def test_an_id_is_read_as_it_was_given(given_out: Bookmark) -> None:
    text = given_out.text
    assert text is not None
    assert text.isascii()
    assert not set(text) & set(" \n\r\0")
    assert bookmark.read(text) == given_out


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_what_is_no_id_is_none(text: str) -> None:
    found = bookmark.read(text)
    assert found is None or isinstance(found, Bookmark)


@pytest.mark.parametrize("text", ["", "0", "null", "AQAAAA", "AQAAAAAB", "é", "A" * 9_000, "AgAAAAA"])
def test_these_are_none(text: str) -> None:
    assert bookmark.read(text) is None


def test_it_is_some_thirty_characters_a_partition_and_never_too_long_for_a_header() -> None:
    mark = Mark(2**32 - 1, {str(topic): 50_000_000 for topic in Topic})
    text = Bookmark(1, dict.fromkeys(range(4), mark)).text
    assert text is not None
    assert len(text) <= 150
    assert Bookmark(1, dict.fromkeys(range(1000), mark)).text is None


def test_it_moves_back_to_an_answer_that_is_not_as_far() -> None:
    views, stock = str(Topic.PRODUCT_VIEWED), str(Topic.STOCK_UPDATED)
    one = Bookmark(1, {0: Mark(7, {views: 10, stock: 4}), 1: Mark(8, {views: 3})})
    assert one.at_most({views: {0: 6}, stock: {0: 9}}).marks == {
        0: Mark(7, {views: 6, stock: 4}),
        1: Mark(8, {views: 3}),
    }
    assert one.at_most({}) == one
    assert one.offsets == {views: {0: 10, 1: 3}, stock: {0: 4}}
