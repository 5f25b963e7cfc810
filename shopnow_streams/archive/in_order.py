"""Work of several threads, its results in the order of what was given."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")

THREADS = 4  # a file of HDFS takes two answers to wait for
AHEAD = 8


def in_order(work: Callable[[Given], Result], given: Iterable[Given], *, ahead: int = AHEAD) -> Iterator[Result]:
    """`map`, with `THREADS` at work and no more than `ahead` results waiting. Raises what `work` raises."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="archive") as threads:
        try:
            for each in given:
                waiting.append(threads.submit(work, each))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
