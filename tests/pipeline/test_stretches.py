"""Which frames a run of a filter covers: whole shots, parts of divided ones together, the rest of one after a stop."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from tiny_parts import make_shot

from videocolor.core.shots import Plan, Segment
from videocolor.journal.journal import Journal, SegmentResult
from videocolor.journal.state_file import write_state
from videocolor.media.decode import DecodeSettings
from videocolor.pipeline.source import SegmentSource
from videocolor.pipeline.stage_clock import StageClock
from videocolor.pipeline.stretches import find_stretches
from videocolor.settings import RunSettings

STATE = {"sums": np.ones((2, 2))}


def make_plan(*causes, chroma=None):
    """Segments as lists of causes; every shot has 10 frames."""
    shots, segments = 0, []
    for index, group in enumerate(causes):
        members = []
        for cause in group:
            level = (chroma or {}).get(shots, 0.0)
            members.append(
                make_shot(
                    index=shots,
                    start_pts=10 * shots,
                    end_pts=10 * shots + 10,
                    frame_count=10,
                    cause=cause,
                    source_chroma=level,
                )
            )
            shots += 1
        segments.append(
            Segment(
                index=index,
                shots=tuple(members),
                start_pts=members[0].start_pts,
                end_pts=members[-1].end_pts,
                frame_count=10 * len(members),
                first_frame=members[0].start_pts,
            )
        )
    return Plan(
        format=1,
        identity="x",
        time_base=Fraction(1, 25),
        pts=tuple(range(10 * shots)),
        durations=(1,) * 10 * shots,
        segments=tuple(segments),
        detector="ncc",
        damaged_packets=0,
        corrupt_frames=0,
    )


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl", tmp_path)


def finish(journal, folder, index, *, state=None):
    (folder / f"{index}.mp4").write_bytes(b"x")
    if state is not None:
        write_state(folder / f"{index}.state.npz", state)
    journal.append(
        SegmentResult(
            index=index,
            file=f"{index}.mp4",
            size_bytes=1,
            frame_count=10,
            pts_sha256="",
            luma_sum="",
            last_luma_sha256="",
            state_file=None if state is None else f"{index}.state.npz",
            shots=(),
            wall_s=0.0,
        )
    )


def parts_of(stretches):
    return [[part.index for part in stretch.parts] for stretch in stretches]


def test_whole_shots_stand_alone_and_parts_of_one_together(journal):
    plan = make_plan(["start", "cut"], ["cut"], ["limit"], ["limit"], ["fade"])

    found = find_stretches(plan.segments, plan, journal, RunSettings())

    assert [[0], [1], [2, 3, 4], [5]] == parts_of(found)
    assert [0, 10, 20, 50] == [stretch.shot_start_pts for stretch in found]
    assert [10, 10, 30, 10] == [stretch.frame_count for stretch in found]
    assert all(stretch.state is None for stretch in found)


def test_after_a_stop_the_rest_of_a_shot_goes_on_with_the_state(journal, tmp_path):
    plan = make_plan(["start"], ["limit"], ["limit"], ["cut"])
    finish(journal, tmp_path, 0, state=STATE)

    found = find_stretches(plan.segments[1:], plan, journal, RunSettings())

    assert [[1, 2], [3]] == parts_of(found)
    assert np.array_equal(found[0].state["sums"], STATE["sums"])
    assert found[0].shot_start_pts == 0, "one draw per shot, however it is divided"
    assert found[1].state is None


def test_behind_a_lost_part_of_a_divided_shot_all_are_made_again(journal, tmp_path):
    """The filter looks ahead: it must find the rest of the shot, not an end in its middle."""
    plan = make_plan(["start"], ["cut"], ["limit"], ["limit"], ["cut"], ["limit"])
    for index in (0, 1, 3, 4, 5):
        finish(journal, tmp_path, index, state=STATE)
    source = SegmentSource(info=None, plan=plan, decode=DecodeSettings(), journal=journal, clock=StageClock())

    todo = source.todo
    found = find_stretches(todo, plan, journal, RunSettings())

    assert [2, 3] == [segment.index for segment in todo]
    assert [[2, 3]] == parts_of(found)
    assert found[0].state is not None


def test_a_filter_does_not_go_on_behind_frames_that_keep_their_color(journal, tmp_path):
    plan = make_plan(["start"], ["limit"], ["limit"], chroma={1: 30.0})
    settings = RunSettings(keep_color=True)

    found = find_stretches(plan.segments, plan, journal, settings)

    assert [[0], [1], [2]] == parts_of(found)
    assert [False, True, False] == [stretch.keeps_color for stretch in found]
    finish(journal, tmp_path, 1)
    (rest,) = find_stretches(plan.segments[2:], plan, journal, settings)
    assert replace(rest) == found[2]
