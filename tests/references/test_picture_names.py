"""Which frame a picture shows, by its name: numbers from 0, times from the film's first frame."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.errors import SettingsError
from videocolor.media.timing import format_time_code
from videocolor.references.names import FilmClock, FrameNumber, FrameTime, find_frame, parse_name

NUMBERS = st.integers(0, 10**7)
MILLISECONDS = st.integers(0, 100 * 3_600_000 - 1)
PREFIXES = st.sampled_from(["", "shot-0004-", "my film ", "reel2_"])
ENDINGS = st.sampled_from([".png", ".tif", ".TIFF", ".jpg", " copy.png", "_edit.webp", ""])


def make_clock(**changes):
    """50 frames at 25 a second, as Matroska tells them: in milliseconds."""
    values = {
        "pts": tuple(range(0, 2000, 40)),
        "durations": (40,) * 50,
        "time_base": Fraction(1, 1000),
        "origin_pts": 0,
        "first_number": 0,
    }
    return FilmClock(**{**values, **changes})


@given(NUMBERS, PREFIXES, st.sampled_from(["frame_", "frame-", "frame", "Frame "]), st.integers(0, 8), ENDINGS)
def test_numbers(number, prefix, word, digits, ending):
    assert FrameNumber(number) == parse_name(f"{prefix}{word}{number:0{digits}}{ending}")


@given(MILLISECONDS, PREFIXES, st.sampled_from("-._:"), st.sampled_from("-._"), ENDINGS)
def test_time_codes(milliseconds, prefix, mark, point, ending):
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    name = f"{minutes // 60:02}{mark}{minutes % 60:02}{mark}{second:02}{point}{thousandths:03}"

    assert FrameTime(Fraction(milliseconds, 1000)) == parse_name(prefix + name + ending)


@given(MILLISECONDS, PREFIXES, ENDINGS)
def test_seconds(milliseconds, prefix, ending):
    assert FrameTime(Fraction(milliseconds, 1000)) == parse_name(f"{prefix}{milliseconds / 1000:.3f}s{ending}")


def test_names_of_the_preview_s_stills():
    assert FrameTime(Fraction(62_480, 1000)) == parse_name("shot-0004-00.01.02.480.png")


def test_a_number_counts_for_more_than_a_time():
    assert FrameNumber(12) == parse_name("frame_12-00.00.03.000.png")


@pytest.mark.parametrize(
    "name",
    ["000123.png", "painted.png", "keyframe_3.png", "frames.png", "00_01_23_12.png", "2019-05-23.png", "take2s4.png"],
)
def test_names_that_tell_no_frame(name):
    """00_01_23_12 may be 12 hundredths or frame 12 of the second; a bare number may count from 1."""
    with pytest.raises(SettingsError, match=r"tells no frame\. Name it like frame_000123\.png, 00-01-23\.456\.png"):
        parse_name(name)


def test_names_that_tell_two_frames():
    with pytest.raises(SettingsError, match="tells several frames"):
        parse_name("frame_1-frame_2.png")


@given(st.integers(0, 49))
def test_every_frame_is_found_by_its_number_and_its_time(index):
    clock = make_clock()
    code = format_time_code(index / 25).replace(":", "-")

    assert index == find_frame("a.png", FrameNumber(index), clock)
    assert index == find_frame("a.png", parse_name(f"{code}.png"), clock)


def test_numbers_and_times_are_those_of_the_source_film():
    """With --start the plan begins later, and a container may begin at any time."""
    clock = make_clock(pts=tuple(range(3000, 4000, 40)), durations=(40,) * 25, origin_pts=1000, first_number=50)

    assert 3 == find_frame("a.png", FrameNumber(53), clock)
    assert 3 == find_frame("a.png", parse_name("2.120s.png"), clock)
    with pytest.raises(SettingsError, match=r"frame 3 is not colored .* frame 50 at 00:00:02\.000 to frame 74 at"):
        find_frame("a.png", FrameNumber(3), clock)


def test_a_time_means_the_nearest_frame_within_half_a_frame():
    clock = make_clock()

    assert 2 == find_frame("a.png", parse_name("0.099s.png"), clock)
    assert 3 == find_frame("a.png", parse_name("0.101s.png"), clock)
    with pytest.raises(SettingsError, match=r"2\.100; the nearest is frame 49 at 00:00:01\.960.*frame_000049"):
        find_frame("a.png", parse_name("2.1s.png"), clock)


def test_times_need_no_numbers():
    """Nobody counts the frames before --start for them."""
    clock = make_clock(first_number=None)

    assert 2 == find_frame("a.png", parse_name("0.080s.png"), clock)
    assert "the frame at 00:00:00.080" == clock.describe(2)
    with pytest.raises(SettingsError, match=r"nearest is the frame at 00:00:01\.960.*the picture 00-00-01\.960\."):
        find_frame("a.png", parse_name("2.1s.png"), clock)


def test_a_film_of_variable_rate():
    clock = make_clock(pts=(0, 40, 1000), durations=(40, 960, 40))

    assert 2 == find_frame("a.png", parse_name("1.010s.png"), clock)
    assert 1 == find_frame("a.png", parse_name("0.400s.png"), clock)
    with pytest.raises(SettingsError, match="the nearest is frame 2 at"):
        find_frame("a.png", parse_name("0.700s.png"), clock)
