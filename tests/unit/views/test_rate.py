"""A client's share: as many requests as it may, refused beyond, and remembered within bounds."""

import pytest

from shopnow_streams.views import rate as rate_module
from shopnow_streams.views.access import Access
from shopnow_streams.views.rate import Rate, TooMany
from shopnow_streams.views.tokens import Tokens
from tests.unit.views.conftest import MakeWorker, Worker


class Clock:
    """Moved by the test."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(rate: Rate, client: str, tries: int) -> int:
    """How many of them were let through."""
    count = 0
    for _ in range(tries):
        try:
            rate.take(client)
        except TooMany:
            continue
        count += 1
    return count


def test_a_bucket_holds_a_seconds_worth_and_fills_at_the_rate(clock: Clock) -> None:
    rate = Rate(5, clock)
    assert taken(rate, "a", 10) == 5
    clock.now += 0.5
    assert taken(rate, "a", 10) == 2
    clock.now += 3_600
    assert taken(rate, "a", 10) == 5


def test_less_than_one_a_second_is_one_now_and_then(clock: Clock) -> None:
    rate = Rate(0.1, clock)
    assert taken(rate, "a", 2) == 1
    with pytest.raises(TooMany) as refused:
        rate.take("a")
    assert refused.value.headers == {"Retry-After": "10"}
    clock.now += 10.001
    assert taken(rate, "a", 2) == 1


def test_clients_do_not_share(clock: Clock) -> None:
    rate = Rate(2, clock)
    assert (taken(rate, "a", 5), taken(rate, "b", 5)) == (2, 2)


def test_it_remembers_the_last_clients_only(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_module, "MAX_CLIENTS", 3)
    rate = Rate(1, clock)
    for client in "abca":
        taken(rate, client, 1)
    taken(rate, "d", 1)
    assert list(rate._buckets) == ["c", "a", "d"]


async def statuses(worker: Worker, path: str, tries: int, headers: dict[str, str] | None = None) -> list[int]:
    found = []
    for _ in range(tries):
        async with worker.session.get(worker.server.make_url(path), headers=headers) as response:
            found.append(response.status)
            if response.status == 429:
                assert response.headers["Retry-After"] == "1"
                assert response.content_type == "application/problem+json"
    return found


async def test_too_many_are_refused_and_health_never(make_worker: MakeWorker, clock: Clock) -> None:
    worker: Worker = await make_worker(access=Access(rate=Rate(2, clock)))
    assert await statuses(worker, "/api/products", 4) == [200, 200, 429, 429]
    assert await statuses(worker, "/metrics", 1) == [429]
    assert await statuses(worker, "/health/live", 3) == [200] * 3
    clock.now += 1
    described = (await worker.get("/openapi.json"))["paths"]
    assert "429" in described["/metrics"]["get"]["responses"]
    assert "429" not in described["/health/live"]["get"]["responses"]


async def test_a_guessed_token_takes_its_share(make_worker: MakeWorker, clock: Clock) -> None:
    worker: Worker = await make_worker(access=Access(tokens=Tokens(["a-token-of-the-shop"]), rate=Rate(2, clock)))
    assert await statuses(worker, "/api/products", 3) == [401, 401, 429]
    assert await statuses(worker, "/internal/workers", 1) == [429]
    right = {"Authorization": "Bearer a-token-of-the-shop"}
    assert await statuses(worker, "/internal/workers", 3, right) == [200] * 3
    assert await statuses(worker, "/api/products", 1, right) == [429]


async def test_other_workers_are_let_through_and_strangers_not(make_worker: MakeWorker, clock: Clock) -> None:
    alone: Worker = await make_worker(access=Access(rate=Rate(2, clock)))
    assert await statuses(alone, "/internal/workers", 3) == [200, 200, 429]
    await make_worker()  # on the same address as whoever asks here
    assert await statuses(alone, "/internal/workers", 3) == [200] * 3


async def test_by_default_there_is_no_limit(worker: Worker) -> None:
    assert set(await statuses(worker, "/health/ready", 2) + await statuses(worker, "/openapi.json", 50)) == {200}
