"""Overlap of stages: a generator runs in a thread of its own behind a bounded queue."""

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class _End(Generic[T]):
    """Marks the end of the items."""


_POLL_S = 0.1


def read_ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """Run the upstream generator in a thread and hand its items on, at most `depth` of them in store.

    An error upstream is raised again here, at its place in the order. Leaving the loop early closes the upstream
    generator in its own thread and joins it. Memory is `depth` items besides the two in work.

    Args:
        items: Anything iterable; a generator is closed when reading stops.
        depth: Bound of the queue, at least 1.
    """
    store: queue.Queue[T | _Failure | _End[T]] = queue.Queue(maxsize=depth)
    stopped, finished = threading.Event(), threading.Event()
    reader = threading.current_thread()
    # No daemon: Ctrl+C may interrupt the wait below, and torch aborts a process that ends around a thread in work
    # (https://github.com/pytorch/pytorch/issues/38228). The interpreter waits for this one, which was told to stop.
    thread = threading.Thread(target=_fill, args=(items, store, reader, stopped, finished), name="read-ahead")
    try:
        thread.start()
        while True:
            item = store.get()
            if isinstance(item, _End):
                return
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stopped.set()
        # A forgotten generator may be collected, and so closed, in its own thread.
        if thread.ident is not None and thread is not threading.current_thread():
            # Not `join`: interrupted, it takes the thread for ended before Python 3.13 (_wait_for_tstate_lock).
            finished.wait()
            thread.join()


def _fill(
    items: Iterable[T],
    store: "queue.Queue[T | _Failure | _End[T]]",
    reader: threading.Thread,
    stopped: threading.Event,
    finished: threading.Event,
) -> None:
    def put(item: T | _Failure | _End[T]) -> bool:
        """Put, unless nobody will take it: the reader has left, or its thread and the program have ended."""
        while not stopped.is_set() and (reader.is_alive() or threading.main_thread().is_alive()):
            try:
                store.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    iterator: Iterator[T] | None = None
    try:
        iterator = iter(items)
        for item in iterator:
            if not put(item):
                return
        put(_End())
    except BaseException as error:
        put(_Failure(error))
    finally:
        # In this thread: a generator that holds a codec or a file must be closed where it ran.
        close = getattr(iterator, "close", None)
        try:
            if close is not None:
                close()
        finally:
            finished.set()
