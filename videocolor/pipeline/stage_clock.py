"""How long each stage was busy, without what it waited for upstream. Cheap enough to run always."""

import threading
import time
from collections import defaultdict
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

WAIT = "wait"
"""The pseudo-stage that takes the time spent on an empty queue."""


class StageClock:
    """Busy seconds by stage. Stages nest inside a thread; the inner one's time is not counted twice."""

    def __init__(self) -> None:
        self.busy_s: dict[str, float] = defaultdict(float)
        self.cpu_s: dict[str, float] = defaultdict(float)
        """Processor seconds of the stage's own thread; helper threads of torch and codecs are not in it."""
        self._inner = threading.local()
        self._lock = threading.Lock()

    def timed(self, stage: str, items: Iterable[T]) -> Generator[T, None, None]:
        """Hand items on and count the time that producing them took."""
        iterator = iter(items)
        try:
            while True:
                with _Lap(self, stage):
                    try:
                        item = next(iterator)
                    except StopIteration:
                        return
                yield item
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    def lap(self, stage: str) -> "_Lap":
        """Context manager that counts a block."""
        return _Lap(self, stage)

    def _stack(self) -> list[list[float]]:
        if not hasattr(self._inner, "stack"):
            self._inner.stack = []
        stack: list[list[float]] = self._inner.stack
        return stack


class _Lap:
    def __init__(self, clock: StageClock, stage: str) -> None:
        self._clock = clock
        self._stage = stage

    def __enter__(self) -> None:
        self._clock._stack().append([0.0, 0.0])
        self._wall, self._cpu = time.perf_counter(), time.thread_time()

    def __exit__(self, *_: object) -> None:
        wall, cpu = time.perf_counter() - self._wall, time.thread_time() - self._cpu
        stack = self._clock._stack()
        inner_wall, inner_cpu = stack.pop()
        with self._clock._lock:
            self._clock.busy_s[self._stage] += wall - inner_wall
            self._clock.cpu_s[self._stage] += cpu - inner_cpu
        if stack:
            stack[-1][0] += wall
            stack[-1][1] += cpu
