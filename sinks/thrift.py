"""Thrift's compact protocol, as far as Parquet's footers need it: a struct as a tree of fields, and back. Pure.

The protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md. It is read without a
schema: what a field means is for whoever asks for its number, and fields that nobody knows stay as they are.
"""

from dataclasses import dataclass
from typing import Any

from shopnow_streams.errors import ArchiveCorrupt

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


@dataclass
class Field:
    """One field of a struct: its number, its type, and its value: a number, bytes, `Elements` or a list of fields."""

    number: int
    type: int
    value: Any


@dataclass
class Elements:
    """A list: the type of its elements, and them."""

    type: int
    values: list[Any]


def decode(data: bytes, at: int = 0) -> list[Field]:
    """The struct that begins at `at`. Raises ArchiveCorrupt where there is none."""
    try:
        return _Reader(data, at).struct()
    except (IndexError, RecursionError) as error:
        raise ArchiveCorrupt("a Parquet footer ends before its end") from error


def encode(fields: list[Field]) -> bytes:
    """The inverse of `decode`."""
    out = bytearray()
    _write_struct(out, fields)
    return bytes(out)


def field(fields: list[Field], number: int) -> Field | None:
    """The field of that number, None where the struct has none."""
    return next((each for each in fields if each.number == number), None)


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def struct(self) -> list[Field]:
        fields: list[Field] = []
        number = 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self._signed()
            kind = header & 15
            fields.append(Field(number, kind, None if kind in (TRUE, FALSE) else self._value(kind)))
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (I16, I32, I64):
            return self._signed()
        if kind == BINARY:
            return self._take(self._varint())
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, SET):
            header = self._byte()
            count = header >> 4 if header >> 4 < 15 else self._varint()
            return Elements(header & 15, [self._value(header & 15) for _ in range(count)])
        if kind in (TRUE, FALSE, BYTE):  # of a list: a byte each
            return self._byte()
        if kind == DOUBLE:
            return self._take(8)
        raise ArchiveCorrupt(f"a Parquet footer has a field of type {kind}, which no Parquet footer has")

    def _signed(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise IndexError
        self._at += count
        return taken


def _write_struct(out: bytearray, fields: list[Field]) -> None:
    before = 0
    for each in fields:
        step = each.number - before
        if 0 < step < 16:
            out.append(step << 4 | each.type)
        else:
            out.append(each.type)
            _write_signed(out, each.number)
        before = each.number
        if each.type not in (TRUE, FALSE):
            _write(out, each.type, each.value)
    out.append(0)


def _write(out: bytearray, kind: int, value: Any) -> None:
    if kind in (I16, I32, I64):
        _write_signed(out, value)
    elif kind == BINARY:
        _write_varint(out, len(value))
        out += value
    elif kind == STRUCT:
        _write_struct(out, value)
    elif kind in (LIST, SET):
        count = len(value.values)
        out.append(min(count, 15) << 4 | value.type)
        if count >= 15:
            _write_varint(out, count)
        for element in value.values:
            _write(out, value.type, element)
    elif kind in (TRUE, FALSE, BYTE):
        out.append(value)
    else:
        out += value


def _write_signed(out: bytearray, number: int) -> None:
    _write_varint(out, number << 1 if number >= 0 else (-number << 1) - 1)


def _write_varint(out: bytearray, number: int) -> None:
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
