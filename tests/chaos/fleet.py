"""Workers as a supervisor would run them, what befalls them, and who watches what they say meanwhile."""

import contextlib
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests import oracle
from tests.chaos.traffic import PARTITIONS
from tests.conftest import WorkerProcess


@dataclass
class Fleet:
    """Workers of one application. `tend` starts again whatever ended, as a supervisor does."""

    workers: list[WorkerProcess]
    chance: random.Random
    story: list[str] = field(default_factory=list)
    exits: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    wiped: int = 0
    _stopped: set[int] = field(default_factory=set)
    _began: float = field(default_factory=time.monotonic)

    @property
    def urls(self) -> list[str]:
        return [worker.url for worker in self.workers]

    def start(self) -> None:
        for worker in self.workers:
            worker.start()

    def tend(self) -> None:
        """Start what ended by itself, and note that it did."""
        for number, worker in enumerate(self.workers):
            if worker.process is not None and worker.ended():
                self.exits.append(f"worker {number} exited with {worker.process.returncode}")
                self.note(self.exits[-1])
                worker.start()

    def wait(self, seconds: float) -> None:
        """Let time pass, tending. Not a wait for anything: faults need their distance."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.tend()
            time.sleep(0.05)

    def pause(self, seconds: float) -> None:
        """Let time pass, tending nothing."""
        time.sleep(seconds)

    def stop(self) -> None:
        """SIGKILL to all: this application is done with."""
        for worker in self.workers:
            worker.signal(signal.SIGKILL)
            assert worker.process is not None
            worker.process.wait(30)

    def note(self, what: str) -> None:
        self.story.append(f"{time.monotonic() - self._began:6.1f} s  {what}")

    # the faults: each leaves all workers running

    def kill(self, *numbers: int) -> None:
        """SIGKILL, and a new start at once; in about a third of cases with nothing left on disk."""
        for number in numbers:
            self.workers[number].signal(signal.SIGKILL)
        for number in numbers:
            process = self.workers[number].process
            assert process is not None
            process.wait(30)
        for number in numbers:
            wipe = self.chance.random() < 1 / 3
            if wipe:
                self.wiped += 1
                shutil.rmtree(self.data_dir(number), ignore_errors=True)
            self.note(f"killed worker {number}" + (", its store wiped" if wipe else ""))
            self.workers[number].start()

    def freeze(self, number: int, seconds: float) -> None:
        """SIGSTOP, and after a while SIGCONT: longer than the session makes a zombie of it."""
        worker = self.workers[number]
        self.note(f"stops worker {number} for {seconds:.1f} s")
        worker.signal(signal.SIGSTOP)
        try:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                self.tend()
                time.sleep(0.05)
        finally:
            worker.signal(signal.SIGCONT)

    def terminate(self, number: int, grace_s: float = 30.0) -> None:
        """SIGTERM, and a new start once it is gone."""
        worker = self.workers[number]
        if worker.ended():
            self.tend()
            return
        started = time.monotonic()
        code = worker.stop(grace_s)
        self.note(f"TERM ended worker {number} after {time.monotonic() - started:.1f} s with {code}")
        if code == -signal.SIGKILL:
            self.hung.append(self.story[-1])
        worker.start()

    def data_dir(self, number: int) -> Path:
        return Path(self.workers[number].environment["SHOPNOW_DATA_DIR"])

    def start_from_nothing(self) -> None:
        """SIGKILL to all, all stores wiped, and a new start: what counts now is what is in Kafka."""
        for worker in self.workers:
            worker.signal(signal.SIGKILL)
        for number, worker in enumerate(self.workers):
            assert worker.process is not None
            worker.process.wait(30)
            shutil.rmtree(self.data_dir(number))
        self.start()

    def settle(self, ends: oracle.Offsets, timeout_s: float) -> oracle.Answers:
        """The rows that every worker gives, one and the same, once the tables stand at `ends`."""
        deadline = time.monotonic() + timeout_s
        last: object = None
        while time.monotonic() < deadline:
            self.tend()
            try:
                behind = [url for url in self.urls if not oracle.stands_at(url, ends)]
                answers = (
                    [oracle.read_rows([url, *(other for other in self.urls if other != url)]) for url in self.urls]
                    if not behind
                    else []
                )
            except (OSError, oracle.Incomplete, ValueError, KeyError) as error:
                last = error
            else:
                last = behind or {url: answer.offsets for url, answer in zip(self.urls, answers, strict=True)}
                if answers and all(answer.offsets == ends for answer in answers):
                    assert all(answer.tables == answers[0].tables for answer in answers[1:]), "workers differ"
                    return answers[0]
            time.sleep(0.3)
        tails = [f"--- {each.log}\n" + "\n".join(_tail(each.log)) for each in self.workers]
        raise AssertionError("\n".join((f"not at {ends} within {timeout_s} s; last: {last!r}", *self.story, *tails)))


def _tail(log: Path, lines: int = 60) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-lines:]


def make_topics(bootstrap: str) -> None:
    """The five topics and that of rejects; nothing where they are there already."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    have = admin.list_topics(timeout=30).topics
    names = [topic for topic in (*oracle.TOPICS, oracle.REJECTS) if topic not in have]
    if names:
        for future in admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in names]).values():
            future.result(30)


@dataclass
class Said:
    """One answer of a worker, whole by its own word: its total, and where it stood."""

    worker: int
    path: str
    total: dict[str, Any]
    offsets: oracle.Offsets


@contextmanager
def watching(urls: list[str], every_s: float = 0.25) -> Iterator[Callable[[], list[Said]]]:
    """Ask all workers for totals, all the while; gives what they said and called complete."""
    said: list[Said] = []
    ended = threading.Event()

    def watch(number: int, url: str) -> None:
        while not ended.wait(every_s):
            for path in ("/api/funnel", "/api/revenue"):
                with contextlib.suppress(OSError, ValueError):
                    answer = oracle.get(url, path)
                    if answer["complete"]:
                        said.append(Said(number, path, answer["total"], oracle.offsets_of(answer)))

    threads = [threading.Thread(target=watch, args=(number, url), daemon=True) for number, url in enumerate(urls)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: said
    finally:
        ended.set()
        for thread in threads:
            thread.join(40)


def wrong(said: list[Said], totals: oracle.Totals) -> list[str]:
    """Answers that called themselves complete and are not what their own offsets say."""
    lines = []
    for answer in said:
        must = totals.at(answer.offsets)
        off = {
            name: (value, must[name]) for name, value in answer.total.items() if name in must and value != must[name]
        }
        if off:
            lines.append(f"worker {answer.worker} {answer.path} at {answer.offsets}: (is, must be) {off}")
    return lines
