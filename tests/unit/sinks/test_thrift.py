"""Thrift's compact protocol: what Arrow wrote comes out as it went in, byte for byte."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.errors import ArchiveCorrupt
from sinks.footers import footer_of
from sinks.thrift import BINARY, BYTE, DOUBLE, FALSE, I64, LIST, STRUCT, TRUE, Elements, Field, decode, encode

NUMBERS = st.integers(-(2**63), 2**63 - 1)


def fields(deeper: st.SearchStrategy[list[Field]]) -> st.SearchStrategy[list[Field]]:
    values: dict[int, st.SearchStrategy[Any]] = {
        TRUE: st.none(),
        FALSE: st.none(),
        BYTE: st.integers(0, 255),
        I64: NUMBERS,
        DOUBLE: st.binary(min_size=8, max_size=8),
        BINARY: st.binary(max_size=200),
        LIST: st.one_of(
            st.builds(Elements, st.just(I64), st.lists(NUMBERS, max_size=20)),
            st.builds(Elements, st.just(STRUCT), st.lists(deeper, max_size=3)),
            st.builds(Elements, st.just(TRUE), st.lists(st.sampled_from([1, 2]), max_size=20)),
        ),
        STRUCT: deeper,
    }
    one = st.one_of(*(st.builds(Field, st.integers(1, 500), st.just(kind), value) for kind, value in values.items()))
    return st.lists(one, max_size=6, unique_by=lambda each: each.number)


@given(st.recursive(st.just([]), fields, max_leaves=12))
def test_a_tree_comes_back(tree: list[Field]) -> None:
    assert decode(encode(tree)) == tree


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=300), st.integers(1, 50))
def test_a_footer_of_arrow_comes_back_byte_for_byte(numbers: list[int], group: int) -> None:
    out = io.BytesIO()
    table = pa.table(
        {"n": numbers, "text": [str(number) for number in numbers], "list": [[number] for number in numbers]}
    )
    pq.write_table(table, out, row_group_size=group, write_page_index=True, bloom_filter_options={"n": {"ndv": 10}})
    footer = footer_of(out.getvalue())
    assert encode(decode(footer)) == footer


@pytest.mark.parametrize("data", [b"", b"\x15", b"\x18\x05abc", b"\x1b\x01\x88\x01", b"\x19\xf6\xff\xff"])
def test_what_is_no_struct_is_refused(data: bytes) -> None:
    with pytest.raises(ArchiveCorrupt):
        decode(data)
