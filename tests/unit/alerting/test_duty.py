"""Who owns partition 0 judges, until it does not; what went wrong is begun again, and does no other harm."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from shopnow_streams.alerting import duty as duty_module
from shopnow_streams.alerting.duty import Duty, DutyConfig
from shopnow_streams.alerting.tables import GatheredTables
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.errors import WriterFenced
from shopnow_streams.topics import Topic
from tests.unit.alerting.conftest import FakeLog, until
from tests.unit.alerting.test_evaluator import stock
from tests.unit.views.conftest import PARTITIONS, MakeWorker, Worker

REFUSED = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not allowed"))


class FakeHook:
    """A webhook that begins when it is let, and may fail."""

    def __init__(self) -> None:
        self.may_begin = asyncio.Event()
        self.failure: Exception | None = None
        self.runs = 0
        self.cancelled = 0

    async def run(self, began: asyncio.Event) -> None:
        self.runs += 1
        await self.may_begin.wait()
        began.set()
        try:
            await asyncio.sleep(0 if self.failure else 1e6)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure


class Post:
    """A duty over a worker's tables. `owned` is what partition 0 is to it."""

    def __init__(self, worker: Worker, hook: FakeHook | None = None) -> None:
        self.log = FakeLog()
        self.owned: object | None = object()
        tables = GatheredTables(worker.live, worker.hub.changed, worker.gather)
        config = DutyConfig("shop", {}, PARTITIONS, Rules(), interval_s=0.01, most_open=9, again_s=0.01)
        self.duty = Duty(config, tables, lambda: self.owned, hook)  # type: ignore[arg-type]


@pytest.fixture
async def make_post(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Any]]:
    posts: list[Post] = []

    async def make(worker: Worker, hook: FakeHook | None = None) -> Post:
        post = Post(worker, hook)
        posts.append(post)
        monkeypatch.setattr(duty_module, "AlertLog", lambda *_: post.log)
        await post.duty.start()
        return post

    monkeypatch.setattr(duty_module, "TopicEnds", lambda *_: dict)
    monkeypatch.setattr(duty_module, "LOOK_S", 0.01)
    monkeypatch.setattr(duty_module, "AGAIN_S", 0.01)
    yield make
    for post in posts:
        await post.duty.stop()


async def test_it_judges_as_long_as_the_partition_is_ours(worker: Worker, make_post: Any) -> None:
    post = await make_post(worker)
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 0)])
    await until(lambda: post.duty.happened["low-stock", "raised"] == 1)
    assert post.duty.age_s is not None
    assert post.duty.age_s < 5
    post.owned = None
    await until(lambda: post.duty.age_s is None)
    await until(lambda: post.log.calls == ["take_over", "give_up", "close"])
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 40, 1)])
    post.owned = object()
    await until(lambda: post.log.told == ["low-stock:1 raised", "low-stock:1 resolved"])
    assert post.duty.judged_at_s is not None


async def test_another_term_takes_over_anew(worker: Worker, make_post: Any) -> None:
    post = await make_post(worker)
    await until(lambda: post.duty.judged_at_s)
    post.owned = object()
    await until(lambda: (post.log.calls.count("take_over"), post.log.calls.count("close")) == (2, 1))


@pytest.mark.parametrize("failure", [WriterFenced("another"), REFUSED, ZeroDivisionError("a bug")])
async def test_after_what_went_wrong_it_takes_over_again(worker: Worker, make_post: Any, failure: Exception) -> None:
    post = await make_post(worker)
    await until(lambda: post.duty.judged_at_s)
    post.log.failure = failure
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 0)])
    await until(lambda: post.log.told)
    assert post.log.calls[:2] == ["take_over", "give_up"]
    assert post.log.calls.count("take_over") == 2
    assert post.log.told == ["low-stock:1 raised"]


async def test_facts_that_can_not_be_had_only_make_the_judgement_old(
    make_worker: MakeWorker, make_post: Any, caplog: pytest.LogCaptureFixture
) -> None:
    worker: Worker = await make_worker([0, 1, 2])
    post = await make_post(worker)
    await until(lambda: "not judged just now" in caplog.text)
    age_s = post.duty.age_s
    await until(lambda: post.duty.age_s > age_s)
    assert post.log.calls == ["take_over"]
    assert caplog.text.count("not judged just now") == 1
    await make_worker([3])
    await until(lambda: post.duty.judged_at_s)


async def test_the_webhook_knows_its_place_before_anything_is_raised_and_then_stops_nothing(
    worker: Worker, make_post: Any
) -> None:
    hook = FakeHook()
    post = await make_post(worker, hook)
    worker.fold(0, Topic.STOCK_UPDATED, [stock(1, 0)])
    await until(lambda: hook.runs)
    assert post.log.calls == []
    hook.may_begin.set()
    await until(lambda: post.log.told)
    post.owned = None
    await until(lambda: hook.cancelled)


async def test_a_webhook_whose_place_kafka_does_not_tell_is_begun_again(worker: Worker, make_post: Any) -> None:
    hook = FakeHook()
    hook.failure = REFUSED
    hook.may_begin.set()
    post = await make_post(worker, hook)
    await until(lambda: hook.runs == 2 and post.duty.judged_at_s)


async def test_stopped_it_lets_go(worker: Worker, make_post: Any) -> None:
    post = await make_post(worker)
    await until(lambda: post.duty.judged_at_s)
    await post.duty.stop()
    await until(lambda: post.log.calls == ["take_over", "give_up", "close"])
