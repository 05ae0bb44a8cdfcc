"""Clocks: time codes both ways, rounding as libav rounds, decoding times that every muxer takes."""

from fractions import Fraction
from itertools import pairwise
from math import floor
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.errors import SettingsError
from videocolor.media.timing import format_time_code, parse_time_code, rebuild_dts, rescale, to_fraction


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90.5", Fraction(181, 2)),
        ("1:30", 90),
        ("01:02:03.25", Fraction(14893, 4)),
        ("100:00:00", 360000),
        (" 7 ", 7),
        ("0.1", Fraction(1, 10)),
    ],
)
def test_time_codes_are_exact_fractions(text, seconds):
    assert seconds == parse_time_code(text, "--start")


@pytest.mark.parametrize("text", ["", "abc", "-5", "1:2:3:4", "1e3", "1:30:", ":30", "1,5", "nan", "1/2"])
def test_anything_else_is_refused_with_examples(text):
    with pytest.raises(SettingsError, match=r"--end is .*\. Give a time code like 00:01:30\.5, 1:30 or seconds"):
        parse_time_code(text, "--end")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00:00.000"),
        (59.9996, "00:01:00.000"),
        (3599.9999, "01:00:00.000"),
        (360000.001, "100:00:00.001"),
        (-1.5, "-00:00:01.500"),
        (-0.0001, "00:00:00.000"),
    ],
)
def test_time_codes_for_people(seconds, text):
    assert text == format_time_code(seconds)


@given(st.integers(0, 10**9))
def test_a_time_code_is_read_as_it_was_written(milliseconds):
    assert parse_time_code(format_time_code(milliseconds / 1000), "--start") == Fraction(milliseconds, 1000)


bases = st.builds(Fraction, st.integers(1, 100), st.integers(1, 90_000))


@given(st.integers(-(10**12), 10**12), bases, bases)
def test_rescaling_is_libav_s_rounding(ticks, source, target):
    """av_rescale_rnd with AV_ROUND_NEAR_INF: to the nearest, halves away from zero."""
    exact = ticks * source / target
    neighbors = (floor(exact), floor(exact) + 1)

    assert min(neighbors, key=lambda tick: (abs(tick - exact), -abs(tick))) == rescale(ticks, source, target)


@pytest.mark.parametrize(("ticks", "expected"), [(1, 1), (-1, -1), (3, 2), (-3, -2), (2, 1)])
def test_halves_go_away_from_zero(ticks, expected):
    assert expected == rescale(ticks, Fraction(1, 2), Fraction(1))


@given(st.integers(-(10**9), 10**9), bases)
def test_the_same_clock_changes_nothing(ticks, base):
    assert ticks == rescale(ticks, base, base)


pts_lists = st.lists(st.integers(-(10**6), 10**9), min_size=1, max_size=40, unique=True)


@given(pts_lists)
def test_any_decode_order_gets_rising_dts_below_its_pts(pts):
    """Any order at any rate, deeper reordering than any encoder makes."""
    dts = rebuild_dts(pts)

    assert len(dts) == len(pts)
    assert all(before < after for before, after in pairwise(dts))
    assert all(decoded <= shown for decoded, shown in zip(dts, pts, strict=True))


@given(pts_lists)
def test_without_reordering_dts_are_pts(pts):
    assert sorted(pts) == rebuild_dts(sorted(pts))


@given(pts_lists, st.integers(-(10**6), 10**6))
def test_a_shifted_film_has_shifted_dts(pts, shift):
    assert [dts + shift for dts in rebuild_dts(pts)] == rebuild_dts([value + shift for value in pts])


def test_b_frames_are_delayed_by_their_depth_only():
    """I P B B P B B of a variable rate, as the encoder gives them."""
    assert [-10, 0, 10, 15, 40, 41, 80] == rebuild_dts([0, 40, 10, 15, 90, 41, 80])


def test_no_packets_need_no_dts():
    assert rebuild_dts([]) == []
    assert rebuild_dts([7]) == [7]


def test_rationals_of_libav_become_fractions_and_unset_ones_none():
    """PyAV 18 gives Fraction or None, its next major a rational of its own that is falsy when unset."""

    class Unset:
        numerator, denominator = 0, 0

        def __bool__(self):
            return False

    assert to_fraction(Fraction(1001, 30000)) == Fraction(1001, 30000)
    assert to_fraction(SimpleNamespace(numerator=16, denominator=15)) == Fraction(16, 15)
    assert [None, None, None] == [to_fraction(value) for value in (None, Fraction(0), Unset())]
