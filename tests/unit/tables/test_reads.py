"""One answer of many: what is in it, how complete it is, and at which offsets it stands."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.events import ProductViewed
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.orders import ORDERS
from shopnow_streams.folds.products import PRODUCTS, ProductActivity
from shopnow_streams.topics import Topic
from tables import reads
from tables.answer import PartitionAnswer, merge_answers
from tables.live import LiveTables, LiveTablesConfig, Owned
from tables.partition import Partition
from tables.reads import Query, answer_locally
from tables.store import PartitionStore
from tests.fakes import FakeWriter, apply, batch_of, settle
from tests.unit.folds.strategies import NOON

VIEWS = str(Topic.PRODUCT_VIEWED)


def answer(partition: int, offset: int, views: dict[int, int]) -> PartitionAnswer:
    rows = [(str(key), msgspec.Raw(msgspec.json.encode(ProductActivity(views=count)))) for key, count in views.items()]
    return PartitionAnswer(partition, {VIEWS: offset}, rows)


class TestMergeAnswers:
    def test_partial_rows_of_one_key_become_one(self) -> None:
        merged = merge_answers(PRODUCTS, [answer(0, 5, {1: 2, 2: 3}), answer(1, 7, {1: 4})], partitions=2)
        assert [(key, row.views) for key, row in merged.rows] == [(1, 6), (2, 3)]
        assert merged.complete
        assert merged.offsets == {VIEWS: {0: 5, 1: 7}}

    def test_a_partition_that_is_missing_makes_it_incomplete(self) -> None:
        merged = merge_answers(PRODUCTS, [answer(0, 5, {1: 2}), answer(2, 7, {1: 4})], partitions=4)
        assert (merged.answered, merged.of, merged.complete) == (2, 4, False)

    def test_no_answer_at_all_is_an_answer(self) -> None:
        merged = merge_answers(PRODUCTS, [], partitions=4)
        assert (merged.rows, merged.offsets, merged.answered, merged.complete) == ([], {}, 0, False)

    @pytest.mark.parametrize("turned", [False, True])
    def test_of_two_workers_with_one_partition_the_one_further_on_counts(self, turned: bool) -> None:
        answers = [answer(0, 5, {1: 2, 9: 1}), answer(0, 8, {1: 4})]
        merged = merge_answers(PRODUCTS, answers[::-1] if turned else answers, partitions=1)
        assert [(key, row.views) for key, row in merged.rows] == [(1, 4)]
        assert merged.offsets == {VIEWS: {0: 8}}
        assert (merged.answered, merged.complete) == (1, True)

    def test_further_on_is_by_all_topics_together(self) -> None:
        behind = PartitionAnswer(0, {VIEWS: 50, "stock-mis-a-jour": 10}, [])
        further = PartitionAnswer(0, {VIEWS: 49, "stock-mis-a-jour": 12}, answer(0, 0, {1: 1}).rows)
        assert len(merge_answers(PRODUCTS, [further, behind], partitions=1).rows) == 1

    def test_keys_are_in_the_order_of_their_type(self) -> None:
        numbers = merge_answers(PRODUCTS, [answer(0, 1, {10: 1, 9: 1}), answer(1, 1, {100: 1, 2: 1})], partitions=2)
        assert [key for key, _ in numbers.rows] == [2, 9, 10, 100]
        raw = msgspec.Raw(msgspec.json.encode(ORDERS.state()))
        texts = merge_answers(ORDERS, [PartitionAnswer(0, {}, [(key, raw) for key in ("9", "é", "10", "C")])], 1)
        assert [key for key, _ in texts.rows] == ["10", "9", "C", "é"]

    @given(st.lists(st.dictionaries(st.integers(0, 30), st.integers(1, 5), max_size=12), min_size=1, max_size=4))
    def test_a_page_is_the_beginning_of_the_whole_although_each_partition_gave_only_its_own_beginning(
        self, partitions: list[dict[int, int]]
    ) -> None:
        limit, number = 5, len(partitions)
        everything = merge_answers(PRODUCTS, [answer(n, 1, rows) for n, rows in enumerate(partitions)], number)
        firsts = [answer(n, 1, dict(sorted(rows.items())[:limit])) for n, rows in enumerate(partitions)]
        assert merge_answers(PRODUCTS, firsts, number, limit).rows == everything.rows[:limit]

    @given(st.integers(0, 2**32))
    def test_the_order_of_answers_does_not_matter(self, seed: int) -> None:
        chance = random.Random(seed)
        answers = [
            answer(number, chance.randint(1, 99), {chance.randint(0, 5): 1, chance.randint(0, 5): 2})
            for number in range(4)
        ]
        shuffled = chance.sample(answers, 4)
        assert merge_answers(PRODUCTS, shuffled, 4) == merge_answers(PRODUCTS, answers, 4)


@pytest.fixture
async def live(tmp_path: Path) -> LiveTables:
    return LiveTables(LiveTablesConfig("shop", tmp_path, {}), TABLES)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[list[PartitionStore]]:
    opened = [PartitionStore(tmp_path / f"store-{number}") for number in range(2)]
    yield opened
    for store in opened:
        store.close()


def own(live: LiveTables, number: int, store: PartitionStore, products: list[int], start: int = 0) -> Partition:
    """A partition with a view of each of `products`."""
    partition = Partition(number, TABLES, store)
    views = [ProductViewed(timestamp=NOON, id_produit=key, nom_produit="Thé", prix=1.0) for key in products]
    apply(partition, batch_of(VIEWS, number, views, start=start))
    live.owned[number] = Owned(partition, FakeWriter(number), asyncio.Lock())  # type: ignore[arg-type]
    return partition


def views(given_answer: PartitionAnswer) -> dict[str, int]:
    return {key: msgspec.json.decode(raw)["views"] for key, raw in given_answer.rows}


class TestAnswerLocally:
    async def test_each_owned_partition_answers_for_itself_at_its_offsets(
        self, live: LiveTables, stores: list[PartitionStore]
    ) -> None:
        own(live, 0, stores[0], [1, 1, 2])
        own(live, 3, stores[1], [1], start=10)
        answers = await answer_locally(live, Query("products"))
        assert [(each.partition, each.offsets, views(each)) for each in answers] == [
            (0, {VIEWS: 3}, {"1": 2, "2": 1}),
            (3, {VIEWS: 11}, {"1": 1}),
        ]

    async def test_keys_that_are_not_there_are_left_out(self, live: LiveTables, stores: list[PartitionStore]) -> None:
        own(live, 0, stores[0], [1, 1, 2])
        (only,) = await answer_locally(live, Query("products", keys=["2", "7"]))
        assert views(only) == {"2": 1}

    async def test_a_page_begins_at_a_key_and_is_in_order(self, live: LiveTables, stores: list[PartitionStore]) -> None:
        settle(own(live, 0, stores[0], [10, 9, 2, 30]))
        (page,) = await answer_locally(live, Query("products", start="3", limit=2))
        assert list(views(page)) == ["9", "10"]

    async def test_all_rows_are_of_the_moment_of_the_offsets_although_folding_goes_on(
        self, live: LiveTables, stores: list[PartitionStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reads, "SLICE_ROWS", 1)
        partition = own(live, 0, stores[0], [1, 2, 3])
        settle(partition)
        asked = asyncio.create_task(answer_locally(live, Query("products")))
        await asyncio.sleep(0)
        assert not asked.done(), "the answer did not leave the loop a turn: the test shows nothing"
        more = [ProductViewed(timestamp=NOON, id_produit=key, nom_produit="Thé", prix=1.0) for key in (1, 2, 3, 4)]
        partition.apply(batch_of(VIEWS, 0, more, start=3))
        settle(partition)
        (only,) = await asked
        assert (only.offsets, views(only)) == ({VIEWS: 3}, {"1": 1, "2": 1, "3": 1})

    async def test_too_many_rows_are_refused(
        self, live: LiveTables, stores: list[PartitionStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reads, "MAX_RANKED_ROWS", 2)
        own(live, 0, stores[0], [1, 2, 3])
        with pytest.raises(OverflowError, match="pages"):
            await answer_locally(live, Query("products"))

    async def test_an_unknown_table_and_a_key_of_the_wrong_form_are_told_apart(
        self, live: LiveTables, stores: list[PartitionStore]
    ) -> None:
        own(live, 0, stores[0], [1])
        with pytest.raises(KeyError):
            await answer_locally(live, Query("nothing"))
        with pytest.raises(ValueError, match="abc"):
            await answer_locally(live, Query("products", keys=["abc"]))

    async def test_a_partition_that_is_let_go_while_others_are_read_does_not_fail_the_answer(
        self, live: LiveTables, stores: list[PartitionStore], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reads, "SLICE_ROWS", 1)
        own(live, 0, stores[0], [1, 2])
        settle(own(live, 1, stores[1], [1, 2]))
        asked = asyncio.create_task(answer_locally(live, Query("products")))
        await asyncio.sleep(0)
        assert not asked.done(), "the answer did not leave the loop a turn: the test shows nothing"
        del live.owned[1]  # what a release does, once its flush has ended
        stores.pop().close()
        assert [each.partition for each in await asked] == [0]


def test_a_query_and_an_answer_survive_the_way_to_another_worker() -> None:
    query = Query("products", keys=["1"], start=None, limit=3)
    assert msgspec.json.decode(msgspec.json.encode(query), type=Query) == query
    sent: Any = answer(1, 2, {3: 4})
    came = msgspec.json.decode(msgspec.json.encode([sent]), type=list[PartitionAnswer])[0]
    assert (came.partition, came.offsets, views(came)) == (1, {VIEWS: 2}, {"3": 4})
