"""Promise: every frame keeps its time, to the target container's tick; nothing is re-timed by an average rate."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from made_films import Sound, decode, make_film, of_kind
from runs import colorize, tiny_colorizer

from videocolor.errors import VerifyError
from videocolor.pipeline.film import RunOptions, colorize_film
from videocolor.progress import NoProgress
from videocolor.settings import RunSettings
from videocolor.verification.after_run import check_muxed

BFRAMES = {"qp": "0", "preset": "fast", "bf": "3"}
# Long, short and irregular steps on a 1/600 clock, as telephones write them.
VARIABLE = [0, 20, 41, 60, 140, 141, 160, 300, 320, 340, 341, 361, 380, 400, 1000, 1020, 1040, 1061, 1080, 1100]
MILLISECOND = Fraction(1, 1000)


def times_of(path):
    """(pts in seconds of every frame, duration of the last packet in seconds)."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        packets = [packet for packet in film.demux(stream) if packet.size]
        last = max(packets, key=lambda packet: packet.pts)
        return sorted(packet.pts * stream.time_base for packet in packets), last.duration * stream.time_base


def assert_times(source, result, tolerance=Fraction(0)):
    before, after = decode(source).times, decode(result).times
    assert len(before) == len(after)
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= tolerance


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "h264"), (".mov", "h264"), (".mp4", "ffv1"), (".mov", "prores")]
)
def test_variable_rate_is_exact_in_mp4_and_mov(tmp_path, suffix, codec):
    source = make_film(tmp_path / "film.mp4", frame_count=20, time_base=Fraction(1, 600), pts=VARIABLE, options=BFRAMES)

    colorize(source, tmp_path / f"out{suffix}", codec=codec)

    assert_times(source, tmp_path / f"out{suffix}")


@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_variable_rate_is_kept_to_a_millisecond_in_matroska(tmp_path, codec):
    source = make_film(tmp_path / "film.mp4", frame_count=20, time_base=Fraction(1, 600), pts=VARIABLE, options=BFRAMES)

    report = colorize(source, tmp_path / "out.mkv", codec=codec)

    assert_times(source, tmp_path / "out.mkv", MILLISECOND / 2)
    assert any("1 ms" in note for note in report.notes)


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".mp4", Fraction(0)), (".mov", Fraction(0)), (".mkv", MILLISECOND / 2)]
)
def test_film_rate_of_24000_1001(tmp_path, suffix, tolerance):
    source = make_film(
        tmp_path / "film.mp4",
        frame_count=50,
        time_base=Fraction(1, 24000),
        pts=[1001 * number for number in range(50)],
        rate=Fraction(24000, 1001),
        options=BFRAMES,
        cuts=(20,),
    )

    colorize(source, tmp_path / f"out{suffix}", segment_s=0.5, preset="ultrafast")

    assert_times(source, tmp_path / f"out{suffix}", tolerance)


def test_clock_with_a_numerator(tmp_path):
    """AVI counts frames: its clock is 1001/24000 s, which no encoder takes as it is."""
    source = make_film(
        tmp_path / "film.avi", frame_count=30, rate=Fraction(24000, 1001), codec="mpeg4", options={"qscale": "3"}
    )

    colorize(source, tmp_path / "out.mp4", preset="ultrafast")

    assert_times(source, tmp_path / "out.mp4")
    assert {Fraction(1001, 24000)} == {b - a for a, b in pairwise(decode(tmp_path / "out.mp4").times)}


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".mp4", Fraction(0)), (".mov", Fraction(0)), (".mkv", MILLISECOND / 2)]
)
@pytest.mark.parametrize("sounds", [(), (Sound(codec="aac", rate=44100),)], ids=["silent", "44100 Hz"])
def test_late_first_frame(tmp_path, suffix, tolerance, sounds):
    """The edit list that says "late" has a clock of its own, which must hold the picture's and the sound's."""
    source = make_film(
        tmp_path / "film.mp4",
        frame_count=12,
        time_base=Fraction(1, 12800),
        pts=[13763 + 512 * number for number in range(12)],
        options=BFRAMES,
        sounds=sounds,
        # 12800 and 44100 have this common multiple: the made file itself is exact.
        container_options={"movie_timescale": "5644800"},
    )
    assert decode(source).times[0] == Fraction(13763, 12800)

    colorize(source, tmp_path / f"out{suffix}", preset="ultrafast")

    if sounds:
        # What counts is the picture's place against the sound's.
        tone = [of_kind(path, "audio")[0].times[0] for path in (source, tmp_path / f"out{suffix}")]
        first = [decode(path).times[0] for path in (source, tmp_path / f"out{suffix}")]
        assert abs((first[0] - tone[0]) - (first[1] - tone[1])) <= (2 * tolerance or Fraction(0))
    else:
        assert_times(source, tmp_path / f"out{suffix}", tolerance)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_last_frames_are_there(tmp_path, suffix):
    """Decoders hold the last frames back until they are told that the film is over; some tools never ask."""
    source = make_film(tmp_path / f"film{suffix}", frame_count=37, options={**BFRAMES, "refs": "4"}, cuts=(11, 30))

    colorize(source, tmp_path / f"out{suffix}", codec="h264", crf=0, segment_s=0.4)

    before, after = decode(source), decode(tmp_path / f"out{suffix}")
    assert len(before.luma) == len(after.luma) == 37
    assert np.array_equal(before.luma[-1], after.luma[-1])


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("last", [20, 900])
def test_last_frame_stays_as_long(tmp_path, suffix, last):
    """A slide that stands for a second and a half at the end must not vanish after one frame's time."""
    source = tmp_path / "film.mp4"
    make_film(tmp_path / "short.mp4", frame_count=8, time_base=Fraction(1, 600), pts=[20 * n for n in range(8)])
    _with_last_duration(tmp_path / "short.mp4", source, last)
    assert times_of(source)[1] == Fraction(last, 600)

    colorize(source, tmp_path / f"out{suffix}", preset="ultrafast")

    assert times_of(source) == times_of(tmp_path / f"out{suffix}")


def test_time_stamps_across_segments_rise(tmp_path):
    """Segments end with B-frames whose decoding times clash with the next one's at a variable rate."""
    rng = np.random.default_rng(3)
    pts = np.cumsum(rng.integers(1, 80, 64)).tolist()
    source = make_film(
        tmp_path / "film.mp4", frame_count=64, time_base=Fraction(1, 600), pts=pts, options=BFRAMES, cuts=(15, 33, 47)
    )

    report = colorize(source, tmp_path / "out.mp4", segment_s=0.5, crf=20)

    assert report.segment_count > 2
    assert_times(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as film:
        stamps = [packet.dts for packet in film.demux(video=0) if packet.size]
    assert all(a < b for a, b in pairwise(stamps))


def test_check_after_the_run_sees_a_frame_that_is_one_frame_off(tmp_path):
    """On AVI's clock a whole frame is one tick, which the check took for rounding."""
    source = make_film(
        tmp_path / "film.avi", frame_count=10, rate=Fraction(24000, 1001), codec="mpeg4", options={"qscale": "3"}
    )

    def look_for_a_shifted_frame(job, part):
        shifted = [*job.pts[:5], job.pts[5] + 1, *job.pts[6:]]
        with pytest.raises(VerifyError, match="away from its time"):
            check_muxed(replace(job, pts=shifted), part)
        check_muxed(job, part)

    for suffix in (".mp4", ".mkv"):
        colorize_film(
            source,
            tmp_path / f"out{suffix}",
            RunSettings(),
            RunOptions(),
            progress=NoProgress(),
            check_result=look_for_a_shifted_frame,
            colorizer=tiny_colorizer(),
        )


def _with_last_duration(short, path, ticks):
    with (
        av.open(str(short)) as film,
        av.open(str(path), "w", container_options={"video_track_timescale": "600"}) as result,
    ):
        stream = result.add_stream_from_template(film.streams.video[0], opaque=True)
        packets = [packet for packet in film.demux(video=0) if packet.size]
        packets[-1].duration = ticks
        for packet in packets:
            packet.stream = stream
            result.mux(packet)
