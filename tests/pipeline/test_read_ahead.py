"""Overlap of stages: order, errors in their place, a clean end for both sides, bounded memory, never a deadlock."""

import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videocolor.pipeline.read_ahead import read_ahead


def threads_of_read_ahead():
    return [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert [] == threads_of_read_ahead()


@given(st.lists(st.one_of(st.none(), st.integers(), st.just(StopIteration))), st.integers(1, 4))
@settings(max_examples=40)
def test_items_come_in_order_whatever_they_are(items, depth):
    assert items == list(read_ahead(iter(items), depth))


def test_an_error_comes_at_its_place_and_is_the_very_one():
    failure = ValueError("broken packet")

    def upstream():
        yield 1
        yield 2
        raise failure

    taken = []
    with pytest.raises(ValueError, match="broken packet") as caught:
        taken.extend(read_ahead(upstream(), 5))

    assert caught.value is failure


def test_the_items_before_an_error_arrive():
    def upstream():
        yield from range(3)
        raise ValueError("broken packet")

    stream = read_ahead(upstream(), 8)
    assert [0, 1, 2] == [next(stream) for _ in range(3)]
    with pytest.raises(ValueError, match="broken packet"):
        next(stream)


def test_ctrl_c_upstream_is_passed_on():
    def upstream():
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(read_ahead(upstream(), 2))


@pytest.mark.parametrize("depth", [1, 8])
def test_leaving_early_closes_upstream_in_its_own_thread_and_waits_for_it(depth):
    """A decoder must be closed where it ran, and before its reader goes on."""
    events = []

    def upstream():
        try:
            for number in range(1000):
                events.append(("made", threading.current_thread().name))
                yield number
        finally:
            time.sleep(0.02)
            events.append(("closed", threading.current_thread().name))

    stream = read_ahead(upstream(), depth)
    assert next(stream) == 0
    stream.close()

    assert ("closed", "read-ahead") == events[-1]
    assert {"read-ahead"} == {name for _, name in events}


def test_a_reader_s_own_error_closes_upstream_too():
    closed = []

    def upstream():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    def read():
        for _ in read_ahead(upstream(), 2):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read()
    assert [True] == closed


def test_nothing_runs_before_the_first_item_is_asked_for():
    started = []

    def upstream():
        started.append(True)
        yield 1

    stream = read_ahead(upstream(), 2)
    time.sleep(0.05)
    assert [] == started
    stream.close()
    assert [] == started


@pytest.mark.parametrize("depth", [1, 3, 8])
def test_memory_is_bounded(depth):
    """At most `depth` items in store besides the two in work, however slow the reader is."""
    made = most = 0

    def upstream():
        nonlocal made
        for number in range(40):
            made += 1
            yield number

    for taken, _ in enumerate(read_ahead(upstream(), depth), start=1):
        if taken % 10 == 1:
            time.sleep(0.02)
        most = max(most, made - taken)

    assert most <= depth + 1
    # It does run ahead.
    assert most >= depth


def test_both_sides_work_at_the_same_time():
    meeting = threading.Barrier(2, timeout=5)

    def upstream():
        yield 0
        meeting.wait()
        yield 1

    stream = read_ahead(upstream(), 1)
    next(stream)
    meeting.wait()
    assert next(stream) == 1
    stream.close()


@pytest.mark.timeout(20)
def test_what_cannot_be_iterated_is_an_error_and_no_deadlock():
    """The thread died before its first item, and the reader waited for ever."""
    with pytest.raises(TypeError, match="not iterable"):
        list(read_ahead(5, 2))


def test_plain_iterables_are_read_too():
    assert [1, 2] == list(read_ahead([1, 2], 1))


@pytest.mark.parametrize("stop", range(0, 30, 3))
def test_chains_end_without_deadlock_wherever_they_are_left(stop):
    """Three in a row, as decode, color and encode are; the first closes last."""
    closed = []

    def stage(items, name):
        try:
            yield from items
        finally:
            closed.append(name)

    chain = read_ahead(stage(read_ahead(stage(read_ahead(stage(range(20), "a"), 1), "b"), 2), "c"), 1)
    for taken, _ in enumerate(chain):
        if taken == stop:
            break
    chain.close()

    assert sorted(closed) == ["a", "b", "c"]


def test_many_short_streams_end():
    """Stress: the end mark meets a full queue, a closed reader, an error."""
    end = time.monotonic() + 1.0
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        stream = read_ahead(iter(range(rounds % 7)), 1 + rounds % 3)
        for number, _ in enumerate(stream):
            if number == rounds % 5:
                break
        stream.close()
    assert rounds > 10


INTERRUPTED_JOIN = """
import os, signal, threading, time
from contextlib import closing
from videocolor.pipeline.read_ahead import read_ahead

sent = threading.Event()

def upstream():
    try:
        yield 1
        sent.wait(20)  # at work when the reader leaves and is interrupted, however slow the machine
        time.sleep(0.3)
        yield 2
    finally:
        print("closed")

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    sent.set()

stream = read_ahead(upstream(), 1)
with closing(stream):
    next(stream)
    threading.Timer(0.3, interrupt).start()
"""

FORGOTTEN = """
from videocolor.pipeline.read_ahead import read_ahead

def upstream():
    try:
        yield from range(9)
    finally:
        print("closed")

stream = read_ahead(upstream(), 1)
next(stream)
"""


OTHER_READER = """
import threading, time
from videocolor.pipeline.read_ahead import read_ahead

def upstream():
    for number in range(50):
        time.sleep(0.01)
        yield number
    print("closed")

threading.Thread(target=lambda: print(sum(read_ahead(upstream(), 2)))).start()
"""

COLLECTED_UPSTREAM = """
import gc, time
from videocolor.pipeline.read_ahead import read_ahead

streams = []

def upstream():
    try:
        yield 1
        time.sleep(0.3)
        streams.clear()  # the last reference: closed here, in its own thread
        gc.collect()
        yield 2
    finally:
        print("closed")

streams.append(read_ahead(upstream(), 1))
next(streams[0])
time.sleep(0.6)
"""


@pytest.mark.parametrize(("script", "printed"), [(OTHER_READER, "1225"), (COLLECTED_UPSTREAM, "closed")])
def test_it_ends_whoever_reads_and_wherever_it_is_closed(script, printed):
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)

    assert printed in ended.stdout, ended.stderr


@pytest.mark.parametrize("script", [INTERRUPTED_JOIN, FORGOTTEN])
def test_the_program_ends_after_the_thread_not_around_it(script):
    """A thread that still computes while the interpreter ends makes torch abort the process."""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)

    assert "closed" in ended.stdout, ended.stderr
    assert (script is INTERRUPTED_JOIN) == ("KeyboardInterrupt" in ended.stderr)
