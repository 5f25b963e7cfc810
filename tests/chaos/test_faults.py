"""No event lost, none counted twice, whichever process is killed or stopped at whichever moment.

    CHAOS_SEED=17 CHAOS_FAULTS=40 pytest tests/chaos

The seed is printed; the same one gives the same events and the same faults, if not the same instants.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shopnow_streams.stack.kafka import KafkaBroker
from tests import oracle
from tests.chaos.fleet import Fleet, Said, make_topics, watching, wrong
from tests.conftest import ROOT, WorkerProcess, eventually, started_kafka

SEED = int(os.environ.get("CHAOS_SEED", "") or random.SystemRandom().randrange(10**6))
FAULTS = int(os.environ.get("CHAOS_FAULTS", "") or 5)
RATE = float(os.environ.get("CHAOS_RATE", "") or 3_000)
SESSION_S = 4
SETTLE_S = 90.0

pytestmark = pytest.mark.timeout(240 + 20 * FAULTS)


@pytest.fixture
def kafka(tmp_path_factory: pytest.TempPathFactory, java: Path, kafka_storage: Path) -> Iterator[KafkaBroker]:
    """A broker a case: what one that fails leaves (a transaction under way, a broker killed) is not the next one's."""
    with started_kafka(tmp_path_factory.mktemp("kafka"), java, kafka_storage) as broker:
        make_topics(broker.bootstrap)
        yield broker


@contextmanager
def sending(bootstrap: str, seed: int, ledger: Path, rate: float = RATE) -> Iterator[None]:
    """A process that sends events all the while; its ledger is whole at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.traffic", bootstrap, str(seed), str(rate), str(ledger)],
        stdin=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    try:
        yield
        process.stdin.close()
        assert process.wait(120) == 0, "not all that was sent was acknowledged"
    finally:
        process.stdin.close()
        if process.poll() is None:
            process.kill()
            process.wait(10)


def test_whatever_befalls_the_workers(
    kafka: KafkaBroker, worker: Callable[..., WorkerProcess], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)
    fleet = a_fleet(worker, "chaos", chance)
    with sending(kafka.bootstrap, SEED, tmp_path / "ledger"):
        fleet.start()
        eventually(lambda: all(is_ready(each) for each in fleet.workers), 60)
        with watching(fleet.urls) as said:
            for _ in range(FAULTS):
                fleet.wait(chance.uniform(0.2, 4))
                worker_fault(fleet, chance)
            fleet.wait(2)
    verify(kafka.bootstrap, fleet, said(), tmp_path / "ledger", capsys)


def test_whatever_befalls_the_broker(
    kafka: KafkaBroker, worker: Callable[..., WorkerProcess], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED + 1)
    fleet = a_fleet(worker, "chaos-broker", chance)
    with sending(kafka.bootstrap, SEED + 1, tmp_path / "ledger", RATE / 2):
        fleet.start()
        eventually(lambda: all(is_ready(each) for each in fleet.workers), 60)
        with watching(fleet.urls) as said:
            for _ in range(max(1, FAULTS // 5)):
                fleet.wait(chance.uniform(0.2, 4))
                fleet.note("kills the broker")
                kafka.kill()
                fleet.wait(chance.choice((0, chance.uniform(1, 8))))
                if chance.random() < 0.5:
                    fleet.kill(chance.randrange(2))
                kafka.start()
                fleet.note("the broker is back")
                fleet.wait(chance.uniform(2, 5))
                worker_fault(fleet, chance)
            fleet.wait(2)
    verify(kafka.bootstrap, fleet, said(), tmp_path / "ledger", capsys)


def test_whatever_befalls_a_young_application(
    kafka: KafkaBroker, worker: Callable[..., WorkerProcess], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is written yet when its workers join, leave and freeze: all has to be found again in the topics."""
    chance = random.Random(SEED + 2)
    for number in range(max(1, FAULTS // 5)):
        fleet = a_fleet(worker, f"chaos-young-{number}", chance, flush_interval_s="60")
        with sending(kafka.bootstrap, SEED + 2 + number, tmp_path / f"ledger-{number}", RATE / 2):
            fleet.workers[0].start()
            fleet.pause(chance.uniform(0, 8))
            fleet.workers[1].start()
            fleet.wait(chance.uniform(2, 8))
            fleet.freeze(chance.randrange(2), SESSION_S + chance.uniform(0.5, 3))
            for _ in range(chance.randrange(3)):
                fleet.wait(chance.uniform(0.2, 4))
                worker_fault(fleet, chance)
        held = fleet.settle(oracle.read_ends(kafka.bootstrap), SETTLE_S)
        with capsys.disabled():
            print(f"\nseed {SEED}, application {number}", *fleet.story, sep="\n  ")
        parted = oracle.differences(oracle.expected(oracle.read_log(kafka.bootstrap)), held.tables)
        assert not parted, "\n".join((f"{len(parted)} differences", *parted[:20]))
        fleet.stop()


def a_fleet(
    worker: Callable[..., WorkerProcess], application_id: str, chance: random.Random, flush_interval_s: str = "0.5"
) -> Fleet:
    return Fleet(
        [worker(application_id, session_timeout_s=str(SESSION_S), flush_interval_s=flush_interval_s) for _ in range(2)],
        chance,
    )


def worker_fault(fleet: Fleet, chance: random.Random) -> None:
    """One of what can happen to a process, to one of the two."""
    number = chance.randrange(2)
    kind = chance.choices(("kill", "both", "zombie", "pause", "term"), (4, 1, 4, 1, 2))[0]
    fleet.tend()
    if kind == "kill":
        fleet.kill(number)
    elif kind == "both":
        fleet.kill(0, 1)
    elif kind == "zombie":
        fleet.freeze(number, SESSION_S + chance.uniform(0.5, 3))
    elif kind == "pause":
        fleet.freeze(number, chance.uniform(0.2, SESSION_S * 0.8))
    else:
        fleet.terminate(number)


def is_ready(worker: WorkerProcess) -> bool:
    answer = worker.get("/health/ready")
    return bool(answer) and answer["status"] == "ready"


def verify(
    bootstrap: str,
    fleet: Fleet,
    said: list[Said],
    ledger: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every row of every table, every reject and every answer given meanwhile, against the log itself."""
    ends = oracle.read_ends(bootstrap)
    started = time.monotonic()
    held = fleet.settle(ends, SETTLE_S)
    settled_s = time.monotonic() - started
    fleet.start_from_nothing()  # what workers hold in memory may be right where what they wrote is not
    log = oracle.read_log(bootstrap)
    must = oracle.expected(log)  # while they restore, which takes them some seconds, too
    restored = fleet.settle(ends, SETTLE_S)
    rejects = oracle.read_log(bootstrap, [oracle.REJECTS])
    with capsys.disabled():
        print(
            f"\nseed {SEED}: {len(log.records):,} events, {len(rejects.records):,} rejects emitted, "
            f"{len(said):,} answers; {fleet.wiped} stores wiped, settled in {settled_s:.1f} s",
            *fleet.story,
            sep="\n  ",
        )
    parted = {
        "the log": missing(log, ledger),
        "rows": oracle.differences(must, held.tables),
        "rows restored from changelogs": oracle.differences(must, restored.tables),
        "rejects": oracle.reject_differences(log, rejects),
        "ends": fleet.hung,
        "answers given meanwhile": wrong(said, oracle.Totals(log)),
    }
    assert not any(parted.values()), "\n".join(
        line
        for what, lines in parted.items()
        for line in (f"{what}: {len(lines)} differences", *(f"  {each}" for each in lines[:20]))
    )


def missing(log: oracle.Log, ledger: Path) -> list[str]:
    """Acknowledged records that the log does not have as they were sent."""
    have = {(record.topic, record.partition, record.offset): record.checksum for record in log.records}
    lines = ledger.read_text().splitlines()
    assert lines
    return [
        line
        for line in lines
        for topic, partition, offset, crc in (line.split(),)
        if have.get((topic, int(partition), int(offset))) != int(crc)
    ]
