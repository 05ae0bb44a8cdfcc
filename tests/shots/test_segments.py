"""Shots and segments hold every frame once, whatever the cuts."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.core.shots import LIMIT_BLOCK, Shot
from videocolor.shots.segments import build_shots, plan_segments, split_long_shots

MILLISECOND = Fraction(1, 1000)


@st.composite
def films(draw):
    """pts of a variable-rate film and cuts on some of its frames."""
    steps = draw(st.lists(st.integers(1, 120), min_size=1, max_size=300))
    start = draw(st.integers(-(2**33), 2**33))
    pts = [start]
    for step in steps[1:]:
        pts.append(pts[-1] + step)
    numbers = sorted(draw(st.sets(st.integers(0, len(pts) - 1), max_size=20)))
    return pts, [(pts[number], draw(st.sampled_from(["cut", "fade"]))) for number in numbers]


def frames_of(part, pts):
    return [value for value in pts if part.start_pts <= value < part.end_pts]


def assert_partition(parts, pts):
    """Half-open ranges that follow each other and hold every frame once."""
    assert pts == [value for part in parts for value in frames_of(part, pts)]
    assert [part.frame_count for part in parts] == [len(frames_of(part, pts)) for part in parts]
    assert list(range(len(parts))) == [part.index for part in parts]
    assert all(before.end_pts == after.start_pts for before, after in pairwise(parts))


@given(films())
def test_shots_are_a_partition_and_every_cut_begins_one(film):
    pts, cuts = film
    shots = build_shots(pts, cuts)

    assert_partition(shots, pts)
    assert shots[0].cause == "start"
    assert [cut for cut in cuts if cut[0] != pts[0]] == [(shot.start_pts, shot.cause) for shot in shots[1:]]


@given(films(), st.integers(1, 200))
def test_long_shots_are_divided_at_blocks(film, max_frames):
    pts, cuts = film
    shots = build_shots(pts, cuts)
    parts = split_long_shots(shots, pts=pts, max_frames=max_frames)

    assert_partition(parts, pts)
    assert all(part.frame_count <= max(max_frames, LIMIT_BLOCK) for part in parts)
    starts = {shot.start_pts: shot for shot in shots}
    for part in parts:
        shot = next(shot for shot in shots if shot.start_pts <= part.start_pts < shot.end_pts)
        assert (pts.index(part.start_pts) - pts.index(shot.start_pts)) % LIMIT_BLOCK == 0
        assert part.cause == (starts[part.start_pts].cause if part.start_pts in starts else "limit")


@given(films(), st.floats(0.01, 20), st.integers(1, 200))
def test_segments_are_whole_shots_in_order(film, target_s, max_frames):
    pts, cuts = film
    shots = build_shots(pts, cuts)
    plan = {"pts": pts, "time_base": MILLISECOND, "target_s": target_s, "max_frames": max_frames}
    segments = plan_segments(shots, **plan)

    assert_partition(segments, pts)
    assert split_long_shots(shots, pts=pts, max_frames=max_frames) == tuple(
        shot for segment in segments for shot in segment.shots
    )
    assert [pts.index(segment.start_pts) for segment in segments] == [segment.first_frame for segment in segments]
    assert all(segment.frame_count <= max(max_frames, LIMIT_BLOCK) for segment in segments)
    assert segments == plan_segments(shots, **plan)


def test_segments_come_close_to_the_target():
    pts = list(range(0, 60_000, 40))
    shots = build_shots(pts, [(start, "cut") for start in range(4000, 60_000, 4000)])
    segments = plan_segments(shots, pts=pts, time_base=MILLISECOND, target_s=10, max_frames=10_000)

    assert [segment.frame_count for segment in segments] == [300] * 5


def test_segments_hold_no_more_frames_than_allowed():
    pts = list(range(100))
    shots = build_shots(pts, [(start, "cut") for start in range(20, 100, 20)])
    segments = plan_segments(shots, pts=pts, time_base=MILLISECOND, target_s=10, max_frames=50)

    assert [segment.frame_count for segment in segments] == [40, 40, 20]


def test_a_shot_longer_than_the_target_stays_whole():
    pts = list(range(0, 60_000, 40))
    (segment,) = plan_segments(build_shots(pts, []), pts=pts, time_base=MILLISECOND, target_s=10, max_frames=len(pts))

    assert len(segment.shots) == 1


def test_parts_of_a_long_shot_are_about_equal():
    pts = list(range(1000))
    parts = split_long_shots(build_shots(pts, [(100, "fade")]), pts=pts, max_frames=330)

    assert [part.frame_count for part in parts] == [100, 320, 320, 260]
    assert [part.cause for part in parts] == ["start", "fade", "limit", "limit"]


def test_an_empty_film_has_no_shots():
    assert build_shots([], []) == ()
    assert plan_segments((), pts=[], time_base=MILLISECOND, target_s=10, max_frames=100) == ()


def test_one_frame_is_one_shot():
    assert (Shot(index=0, start_pts=7, end_pts=8, frame_count=1, cause="start"),) == build_shots([7], [(7, "cut")])


@pytest.mark.parametrize(
    ("pts", "cuts", "message"),
    [
        ([0, 1, 1], [], "pts must rise"),
        ([0, 2, 1], [], "pts must rise"),
        ([0, 1, 2], [(2, "cut"), (1, "cut")], "cuts must rise"),
        ([0, 1, 2], [(1, "cut"), (1, "fade")], "cuts must rise"),
        ([0, 10, 20], [(15, "cut")], "lies on no frame"),
        ([], [(0, "cut")], "no frames"),
    ],
)
def test_impossible_films_are_refused(pts, cuts, message):
    with pytest.raises(ValueError, match=message):
        build_shots(pts, cuts)


@pytest.mark.parametrize("wrong", [[0, 1, 2], [0, 1, 2, 3, 4], [1, 2, 3, 4]])
def test_shots_of_another_film_are_refused(wrong):
    shots = build_shots([0, 1, 2, 3], [(2, "cut")])
    with pytest.raises(ValueError, match="shot"):
        plan_segments(shots, pts=wrong, time_base=MILLISECOND, target_s=10, max_frames=100)


@pytest.mark.parametrize("limits", [{"target_s": 0, "max_frames": 10}, {"target_s": 1, "max_frames": 0}])
def test_limits_must_be_positive(limits):
    with pytest.raises(ValueError, match="positive"):
        plan_segments(build_shots([0], []), pts=[0], time_base=MILLISECOND, **limits)
