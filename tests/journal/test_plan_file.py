"""A plan on disk is the plan, or it is refused with its remedy; never half a plan."""

import contextlib
import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.core.shots import Plan, Segment, Shot
from videocolor.errors import ResumeError, TargetError
from videocolor.journal.plan_file import read_plan, write_plan

SHOTS = (
    Shot(index=0, start_pts=-3, end_pts=9, frame_count=2, cause="start"),
    Shot(index=1, start_pts=9, end_pts=20, frame_count=1, cause="fade", source_chroma=4.25),
)
PLAN = Plan(
    format=1,
    identity="abc",
    time_base=Fraction(1001, 30000),
    pts=(-3, 2, 9),
    durations=(5, 7, 11),
    segments=(Segment(index=0, shots=SHOTS, start_pts=-3, end_pts=20, frame_count=3, first_frame=0),),
    detector="ncc 1",
    damaged_packets=1,
    corrupt_frames=0,
    notes=("Größe „ok“.",),
)


def test_a_plan_is_read_as_it_was_written(tmp_path):
    write_plan(tmp_path / "plan.json", PLAN)

    assert read_plan(tmp_path / "plan.json", expected_format=1) == PLAN


def test_a_plan_knows_its_shots_and_damage():
    assert SHOTS == PLAN.shots
    assert PLAN.frame_count == 3
    assert PLAN.is_damaged
    assert not replace(PLAN, damaged_packets=0).is_damaged


def test_another_format_is_refused(tmp_path):
    write_plan(tmp_path / "plan.json", PLAN)
    with pytest.raises(ResumeError, match=r"format 1, expected 2\. Begin anew with --restart"):
        read_plan(tmp_path / "plan.json", expected_format=2)


def test_a_missing_plan_is_refused(tmp_path):
    with pytest.raises(ResumeError, match="--restart"):
        read_plan(tmp_path / "plan.json", expected_format=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"time_base": "1/0"},
        {"time_base": "x"},
        {"time_base": None},
        {"segments": 5},
        {"segments": [7]},
        {"segments": [{}]},
        {"pts": None},
        {"surplus": 1},
    ],
)
def test_a_damaged_plan_is_refused(tmp_path, changes):
    path = tmp_path / "plan.json"
    write_plan(path, PLAN)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    with pytest.raises(ResumeError, match="cannot be used"):
        read_plan(path, expected_format=1)


@given(st.integers(0, 2000), st.integers(0, 255))
def test_one_wrong_byte_never_ends_in_a_traceback(tmp_path_factory, place, byte):
    path = tmp_path_factory.getbasetemp() / "plan.json"
    write_plan(path, PLAN)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = byte
    path.write_bytes(data)

    # Whatever is not refused is a plan of the right types.
    with contextlib.suppress(ResumeError):
        assert isinstance(read_plan(path, expected_format=1), Plan)


def test_a_plan_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(TargetError, match="cannot be written"):
        write_plan(tmp_path / "nowhere" / "plan.json", PLAN)
