"""A worker under measurement: a process of its own, and its consumer group as the broker sees it."""

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from shopnow_streams.errors import ProcessDied, StackError
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.topics import Topic

POLL_S = 0.05
GIVE_UP_S = 600.0
STOP_S = 30.0
LOG_TAIL = 20  # lines
# what the broker says of a group before its first member, and of its own first group
NOT_YET = (
    KafkaError.GROUP_ID_NOT_FOUND,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)


class Worker:
    """A process that runs, and what it says in `log`. `with started(...) as worker: ...`

    `begun` is the moment before its start, on the monotonic clock.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, begun: float) -> None:
        self.pid = process.pid
        self.begun = begun
        self._process = process
        self._log = log

    def until(self, holds: Callable[[], bool], give_up_s: float = GIVE_UP_S) -> float:
        """Block until `holds()`, which is asked every 50 ms; that moment on the monotonic clock.

        Raises ProcessDied once the process has ended, StackError after `give_up_s`.
        """
        deadline = time.monotonic() + give_up_s
        while not holds():
            code = self._process.poll()
            if code is not None:
                raise ProcessDied(f"The worker ended with exit code {code} before it was done. {self._said()}")
            if time.monotonic() > deadline:
                raise StackError(f"The worker was not done within {give_up_s:.0f} s. {self._said()}")
            time.sleep(POLL_S)
        return time.monotonic()

    def says(self, line: str) -> bool:
        """Whether that line is in what it said until now."""
        return line in self._log.read_text(errors="replace").splitlines()

    def _said(self) -> str:
        with self._log.open(errors="replace") as log:
            tail = "".join(deque(log, maxlen=LOG_TAIL)).rstrip()
        return f"The end of what it said:\n{tail}" if tail else "It said nothing."


@contextmanager
def started(command: Sequence[str | Path], log: Path, environment: Mapping[str, str]) -> Iterator[Worker]:
    """Start `command` with `environment` added to ours; ended, with TERM and then KILL, with the block."""
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield Worker(process, log, begun)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def two_cores() -> Iterator[None]:
    """What is started within has two of our cores, and all of them where the system is not Linux."""
    if sys.platform != "linux":
        yield
        return
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(ours)[:2])
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


class Group:
    """A consumer group of the five topics. Every method asks the broker, and blocks for as long."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self.name = name
        self._admin = KafkaAdmin(KafkaConnection(bootstrap))
        self._client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def assigned(self, partitions: int) -> bool:
        """Whether its members share out all `partitions` of each topic."""
        try:
            group = self._client.describe_consumer_groups([self.name])[self.name].result()
        except KafkaException as error:
            if error.args[0].code() in NOT_YET:
                return False
            raise
        shared = {(at.topic, at.partition) for member in group.members for at in member.assignment.topic_partitions}
        return shared >= {(str(topic), number) for topic in Topic for number in range(partitions)}

    def committed(self) -> int:
        """How many records it has committed. Ask once it is `assigned`: where the broker has never had a group yet,
        librdkafka ends this process with a segmentation fault (its issue 5040)."""
        return sum(offset for (topic, _), offset in self._admin.group_offsets(self.name).items() if topic in set(Topic))
