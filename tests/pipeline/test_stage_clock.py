"""Busy time by stage: each second is counted once, in the stage that spent it."""

import threading
import time

import pytest

from videocolor.pipeline import stage_clock
from videocolor.pipeline.stage_clock import StageClock


@pytest.fixture
def now(monkeypatch):
    """A clock that only moves when the test says so."""
    state = {"wall": 0.0, "cpu": 0.0}
    monkeypatch.setattr(stage_clock.time, "perf_counter", lambda: state["wall"])
    monkeypatch.setattr(stage_clock.time, "thread_time", lambda: state["cpu"])

    def spend(seconds, share=1.0):
        state["wall"] += seconds
        state["cpu"] += seconds * share

    return spend


def test_nested_stages_are_not_counted_twice(now):
    clock = StageClock()

    def decode():
        for _ in range(2):
            now(3)
            yield 0

    def network(frames):
        for frame in frames:
            now(5, share=0.5)
            yield frame

    for _ in clock.timed("network", network(clock.timed("decode", decode()))):
        now(100)
        with clock.lap("encode"):
            now(2)

    assert {"decode": 6, "network": 10, "encode": 4} == dict(clock.busy_s)
    assert {"decode": 6, "network": 5, "encode": 4} == dict(clock.cpu_s)


def test_time_before_an_error_counts_and_the_error_passes(now):
    clock = StageClock()

    def decode():
        now(3)
        raise ValueError("broken")
        yield

    with pytest.raises(ValueError, match="broken"):
        list(clock.timed("decode", decode()))
    assert clock.busy_s["decode"] == 3
    with clock.lap("after"):
        now(1)
    assert clock.busy_s["after"] == 1


def test_items_pass_unchanged_and_closing_reaches_upstream():
    closed = []

    def decode():
        try:
            yield from range(5)
        finally:
            closed.append(True)

    stream = StageClock().timed("decode", decode())
    assert [0, 1] == [next(stream), next(stream)]
    stream.close()

    assert [True] == closed
    assert list(StageClock().timed("x", [1, 2])) == [1, 2]


def test_threads_do_not_disturb_each_other():
    """Two threads in the same stage: both their times count, neither is taken for the other's inner stage."""
    clock, meeting = StageClock(), threading.Barrier(2)

    def work():
        meeting.wait()
        with clock.lap("decode"):
            time.sleep(0.05)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 0.1 <= clock.busy_s["decode"] < 1
