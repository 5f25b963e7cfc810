"""The reader: batches that follow one another, and none of an epoch that is over. librdkafka is a fake."""

import asyncio
from collections.abc import AsyncIterator

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException
from faust.types import TP

from shopnow_streams.delivery import reader as reader_module
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.delivery.reader import Reader
from shopnow_streams.errors import OffsetsLost
from tests.fakes import FakeClient, Record

VIEWS, STOCK = "produit-consulte", "stock-mis-a-jour"
A, B = TP(VIEWS, 0), TP(STOCK, 1)


def records(at: TP, offsets: range | list[int]) -> list[Record]:
    return [Record(offset, b"%d" % offset, at=(at.topic, at.partition)) for offset in offsets]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient({(VIEWS, 0): records(A, range(10)), (STOCK, 1): records(B, [3, 5, 8])})
    monkeypatch.setattr(confluent_kafka, "Consumer", fake)
    return fake


@pytest.fixture
async def reader(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reader]:
    monkeypatch.setattr(reader_module, "FETCH_RECORDS", 4)
    made = Reader({"bootstrap.servers": "nowhere:1"})
    yield made
    client.let_go.set()
    await made.close()


async def take_all(reader: Reader) -> dict[TP, list[Batch]]:
    """Fetches until one brings nothing."""
    taken: dict[TP, list[Batch]] = {}
    while fetched := await reader.take():
        for tp, batch in fetched.items():
            assert batch.tp == tp
            taken.setdefault(tp, []).append(batch)
    return taken


def spans(batches: list[Batch]) -> list[tuple[int, int]]:
    return [(batch.start, batch.next_offset) for batch in batches]


async def test_batches_of_a_partition_follow_one_another_over_fetches(reader: Reader) -> None:
    await reader.assign({A: 0, B: 0})
    taken = await take_all(reader)
    assert spans(taken[A]) == [(0, 4), (4, 8), (8, 10)]
    assert [batch.start for batch in taken[B]][1:] == [batch.next_offset for batch in taken[B]][:-1]
    assert (taken[B][0].start, taken[B][-1].next_offset) == (0, 9)
    for tp, batches in taken.items():
        assert [record.offset() for batch in batches for record in batch.records] == (
            list(range(10)) if tp == A else [3, 5, 8]
        )


async def test_it_begins_at_the_offset_that_was_asked_for_though_no_record_has_it(reader: Reader) -> None:
    await reader.assign({B: 4})
    assert spans((await take_all(reader))[B]) == [(4, 9)]


def end_of(at: TP, offset: int) -> Record:
    """librdkafka's word that it has read all of a partition."""
    return Record(offset, at=(at.topic, at.partition), failure=KafkaError(KafkaError._PARTITION_EOF, "end"))


async def test_markers_at_the_end_make_a_batch_of_no_records(reader: Reader, client: FakeClient) -> None:
    await reader.assign({A: 10})
    client.failures.append(end_of(A, 12))
    (batch,) = (await reader.take()).values()
    assert (list(batch.records), batch.start, batch.next_offset) == ([], 10, 12)


async def test_markers_after_the_last_record_are_in_its_batch(reader: Reader, client: FakeClient) -> None:
    await reader.assign({A: 8})
    client.failing_at[(VIEWS, 0), 10] = end_of(A, 12)
    (batch,) = (await reader.take()).values()
    assert [record.offset() for record in batch.records] == [8, 9]
    assert (batch.start, batch.next_offset) == (8, 12)


async def test_an_end_that_is_known_is_no_batch(reader: Reader, client: FakeClient) -> None:
    await reader.assign({A: 10})
    client.failures.append(end_of(A, 10))
    assert await reader.take() == {}


async def test_an_end_before_records_that_came_after_it_does_not_hold_them_back(
    reader: Reader, client: FakeClient
) -> None:
    await reader.assign({A: 4})
    client.failures.append(end_of(A, 4))
    taken = await take_all(reader)
    assert spans(taken[A])[0][0] == 4
    assert taken[A][-1].next_offset == 10


async def test_a_fetch_that_brings_nothing_is_no_batch(reader: Reader) -> None:
    assert await reader.take() == {}
    await reader.assign({A: 10})
    assert await reader.take() == {}


async def test_the_next_fetch_is_made_while_the_last_is_worked_on(reader: Reader, client: FakeClient) -> None:
    await reader.assign({A: 0})
    await reader.take()
    client.consuming.clear()
    assert await asyncio.to_thread(client.consuming.wait, 10) or client.stands[VIEWS, 0] == 8


async def test_assigning_begins_an_epoch_and_drops_what_was_fetched_ahead(reader: Reader) -> None:
    await reader.assign({A: 0})
    first = (await reader.take())[A]  # and 4 to 8 are being fetched ahead
    assert first.epoch == reader.epoch == 1
    await reader.assign({A: 4})
    assert reader.epoch == 2
    again = await take_all(reader)
    assert spans(again[A]) == [(4, 8), (8, 10)]
    assert {batch.epoch for batch in again[A]} == {2}


async def test_a_partition_that_is_no_longer_assigned_comes_no_more(reader: Reader) -> None:
    await reader.assign({A: 0, B: 0})
    await reader.take()
    await reader.assign({B: 3})
    assert (await take_all(reader)).keys() == {B}


@pytest.mark.parametrize("left_over", [records(B, [3])[0], end_of(B, 9)], ids=["a record", "the end"])
async def test_what_librdkafka_had_queued_of_a_partition_let_go_is_dropped(
    reader: Reader, client: FakeClient, left_over: Record
) -> None:
    await reader.assign({A: 8})
    client.failures.append(left_over)
    taken = await reader.take() or await reader.take()
    assert spans([taken.pop(A)]) == [(8, 10)]
    assert taken == {}


async def test_assigned_nothing_it_fetches_nothing(reader: Reader) -> None:
    await reader.assign({A: 0})
    await reader.assign({})
    assert await reader.take() == {}
    assert reader.ends() == {}


async def test_a_fetch_under_way_when_the_next_epoch_begins_is_of_the_last_one(
    reader: Reader, client: FakeClient
) -> None:
    await reader.assign({A: 0})
    client.let_go.clear()
    client.consuming.clear()
    taking = asyncio.create_task(reader.take())
    assert await asyncio.to_thread(client.consuming.wait, 10)
    assigning = asyncio.create_task(reader.assign({A: 6}))
    await asyncio.sleep(0)
    client.let_go.set()
    (stale,) = (await taking).values()
    await assigning
    assert (stale.start, stale.epoch) == (0, 1)


@pytest.mark.parametrize("code", [KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE])
async def test_an_offset_that_kafka_no_longer_has_is_told(reader: Reader, client: FakeClient, code: int) -> None:
    await reader.assign({A: 0})
    client.failures.append(Record(at=(VIEWS, 0), failure=KafkaError(code, "no such offset")))
    with pytest.raises(OffsetsLost, match=f"{VIEWS} partition 0"):
        await reader.take()


async def test_an_error_for_good_is_raised(reader: Reader, client: FakeClient) -> None:
    await reader.assign({A: 0})
    client.failures.append(Record(at=(VIEWS, 0), failure=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no")))
    with pytest.raises(KafkaException):
        await reader.take()


@pytest.mark.parametrize(
    "error",
    [
        KafkaError(KafkaError._ALL_BROKERS_DOWN, "down"),
        KafkaError(KafkaError._TRANSPORT, "away"),
        KafkaError(KafkaError.REQUEST_TIMED_OUT, "slow", retriable=True),
    ],
)
async def test_an_error_that_passes_is_waited_out(reader: Reader, client: FakeClient, error: KafkaError) -> None:
    await reader.assign({A: 0})
    client.failures.append(Record(at=(VIEWS, 0), failure=error))
    taken: dict[TP, Batch] = {}
    for _ in range(3):
        taken = taken or await reader.take()
    assert spans([taken[A]])[0][0] == 0


async def test_an_error_met_ahead_is_raised_by_the_next_take_unless_a_new_epoch_began(
    reader: Reader, client: FakeClient
) -> None:
    gone = KafkaError(KafkaError._AUTO_OFFSET_RESET, "gone")
    client.failing_at[(VIEWS, 0), 4] = Record(at=(VIEWS, 0), failure=gone)
    await reader.assign({A: 0})
    assert spans([(await reader.take())[A]]) == [(0, 4)]
    with pytest.raises(OffsetsLost):
        await reader.take()
    client.failing_at[(VIEWS, 0), 4] = Record(at=(VIEWS, 0), failure=gone)
    await reader.assign({A: 0})
    await reader.take()
    await reader.assign({A: 5})
    assert (await reader.take())[A].start == 5


async def test_ends_are_those_of_the_last_fetch_of_what_is_assigned(reader: Reader) -> None:
    assert reader.ends() == {}
    await reader.assign({A: 0, TP(VIEWS, 3): 0})
    assert reader.ends() == {A: 10}


def test_it_commits_nothing_and_never_jumps(client: FakeClient) -> None:
    asyncio.run(Reader({"bootstrap.servers": "nowhere:1"}).assign({A: 0}))
    assert client.config["enable.auto.commit"] is False
    assert client.config["auto.offset.reset"] == "error"
    assert client.config["isolation.level"] == "read_committed"


async def test_closed_it_leaves_the_brokers(client: FakeClient) -> None:
    reader = Reader({"bootstrap.servers": "nowhere:1"})
    await reader.assign({A: 0})
    await reader.take()
    await reader.close()
    assert client.closed
