"""The table of a benchmark of pushing, and what its clients look into."""

import asyncio
from io import StringIO

from rich.console import Console

from benchmarks.push import Result, _read, shown


def test_a_row_a_number_of_clients_and_the_ratio_to_the_first() -> None:
    console = Console(file=StringIO(), width=120)
    nan = float("nan")
    console.print(shown([Result(0, 0, nan, nan, 0.3, 100_000), Result(1_000, 9_000, 336, 1_001, 0.43, 80_000)]))
    assert isinstance(console.file, StringIO)
    _, _, none, many = (line.split() for line in console.file.getvalue().splitlines())
    assert none == ["0", "0", "-", "-", "0.30", "100,000", "1.00"]
    assert many == ["1,000", "9,000", "336", "1,001", "0.43", "80,000", "0.80"]


async def test_a_client_counts_events_and_knows_when_a_stock_event_was_sent() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b'event: stock\ndata: {"items":[{"id_produit":1,"units":3,"counted_at":"2026-11-01T00:00:00Z",')
    reader.feed_data(b'"counts":1}]}\n\nid: a\nevent: position\ndata: {}\n\n')
    reader.feed_eof()
    heard, latencies = [0], list[float]()
    await _read(reader, heard, latencies)
    assert heard == [2]
    assert len(latencies) == 1
    assert latencies[0] > 0
