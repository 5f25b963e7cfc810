"""Segments as JSON lines: one object a record, for those who want to read the archive with `grep` and `jq`.

    {"kafka_topic":"produit-consulte","kafka_partition":0,"kafka_offset":7,"kafka_timestamp":1764325800000,
     "kafka_key":"1597","value":"{\\"id_produit\\":1597, …}"}

A key or value that is not UTF-8 stands as `kafka_key_base64` or `value_base64` instead: either way the very bytes.
"""

from collections.abc import Callable

import msgspec

from shopnow_streams.errors import ArchiveCorrupt
from sinks.segments import Records, SegmentName, segment_name

NAME = "jsonl"

TAIL_GUESS = 64 << 10
"""Bytes read from a file's end in the hope that its last line begins in them."""


class Line(msgspec.Struct, omit_defaults=True):
    """One record. Neither form of key or value: the record has none."""

    kafka_topic: str
    kafka_partition: int
    kafka_offset: int
    kafka_timestamp: int  # milliseconds since 1970 UTC
    kafka_key: str | msgspec.UnsetType = msgspec.UNSET
    kafka_key_base64: bytes | msgspec.UnsetType = msgspec.UNSET
    value: str | msgspec.UnsetType = msgspec.UNSET
    value_base64: bytes | msgspec.UnsetType = msgspec.UNSET


class JsonLinesEncoder:
    """An `Encoder`."""

    def __init__(self, topic: str, partition: int, first: int) -> None:
        self._topic = topic
        self._partition = partition
        self._file = bytearray()

    @property
    def size(self) -> int:
        """See `Encoder`."""
        return len(self._file)

    @property
    def held(self) -> int:
        """See `Encoder`."""
        return len(self._file)

    def add(self, records: Records) -> None:
        """See `Encoder`."""
        lines = []
        columns = (records.offsets, records.timestamps_ms, records.keys, records.values)
        for offset, timestamp, key, value in zip(*columns, strict=True):
            line = Line(self._topic, self._partition, offset, timestamp)
            if key is not None:
                line.kafka_key, line.kafka_key_base64 = _text_or_bytes(key)
            if value is not None:
                line.value, line.value_base64 = _text_or_bytes(value)
            lines.append(line)
        self._file += _ENCODER.encode_lines(lines)

    def finish(self, next_offset: int) -> bytes:
        """See `Encoder`. The last line already says which offset comes next."""
        return bytes(self._file)


encoder = JsonLinesEncoder


def next_offset(name: SegmentName, size: int, read: Callable[[int, int], bytes]) -> int:
    """See `Format`. Reads the last line: one read, or more where it is long."""
    path = segment_name(name)
    length = min(size, TAIL_GUESS)
    while True:
        tail = read(size - length, length)
        begin = tail.rfind(b"\n", 0, len(tail) - 1) + 1
        if begin or length == size:
            break
        length = min(size, 4 * length)
    try:
        last = msgspec.json.decode(tail[begin:], type=Line)
    except msgspec.MsgspecError as error:
        raise ArchiveCorrupt(f"{path} does not end with a whole line of ours: {error}") from error
    found = (last.kafka_topic, last.kafka_partition)
    if found != (name.topic, name.partition) or last.kafka_offset < name.first or not tail.endswith(b"\n"):
        raise ArchiveCorrupt(f"{path} ends with offset {last.kafka_offset} of {found[0]}/{found[1]}")
    return last.kafka_offset + 1


_ENCODER = msgspec.json.Encoder()


def _text_or_bytes(raw: bytes) -> tuple[str, msgspec.UnsetType] | tuple[msgspec.UnsetType, bytes]:
    try:
        return raw.decode(), msgspec.UNSET
    except UnicodeDecodeError:
        return msgspec.UNSET, raw
