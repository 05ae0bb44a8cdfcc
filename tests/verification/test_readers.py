"""The ffmpeg program and PyAV read the same from a file, so that either can check the other."""

from fractions import Fraction

import numpy as np
import pytest
from made_films import FilmRecipe, Sound, Subtitles, decode, make_film

from videocolor.core.frames import Frame
from videocolor.media.probe import probe_film
from videocolor.verification import packets
from videocolor.verification.decoding import ResultReading, frames_by_program, open_result
from videocolor.verification.luma import ResultPlanes, measure_luma
from videocolor.verification.packets import NO_TIME, CutRange, PacketTrack, align_cut, check_packets, read_packets
from videocolor.verification.program import data_tag, ffmpeg_pipe, sample_aspect_text
from videocolor.verification.report import Judge
from videocolor.verification.timing import FilmClock, check_frame_times, check_start

FFV1 = {"codec": "ffv1", "options": {}, "frame_count": 5}
FORMATS = ["yuv420p", "yuv422p10le", "yuv444p16le", "yuv411p", "yuv410p", "gray", "gray10le", "gray16le", "yuv420p9le"]


def result_planes(path, *, with_alpha=False):
    reading = ResultReading()
    with open_result(probe_film(path), reading, with_alpha=with_alpha) as planes:
        return list(planes), reading


@pytest.mark.parametrize("pix_fmt", FORMATS)
@pytest.mark.parametrize("width", [64, 63])
def test_the_programs_luma_is_the_planes_bytes(tmp_path, pix_fmt, width):
    """No range, no depth and no format is converted on the way through the pipe, odd widths included."""
    film = make_film(tmp_path / "film.mkv", FilmRecipe(pix_fmt=pix_fmt, width=width, **FFV1))

    planes, reading = result_planes(film)

    assert "ffmpeg" == reading.reader
    assert [] == reading.complaints
    for expected, actual in zip(decode(film).luma, planes, strict=True):
        np.testing.assert_array_equal(expected, actual.y)


@pytest.mark.parametrize("full", [1, 2])
def test_the_range_is_not_applied(tmp_path, full):
    film = make_film(tmp_path / "film.mkv", FilmRecipe(pix_fmt="yuv444p", color={"color_range": full}, **FFV1))

    planes, _ = result_planes(film)

    np.testing.assert_array_equal(decode(film).luma[0], planes[0].y)


@pytest.mark.parametrize("pix_fmt", ["yuva420p", "yuva444p12le"])
def test_alpha_comes_beside_luma(tmp_path, pix_fmt):
    film = make_film(tmp_path / "film.mkv", FilmRecipe(pix_fmt=pix_fmt, **FFV1))

    planes, reading = result_planes(film, with_alpha=True)

    assert "ffmpeg" == reading.reader
    for expected, actual in zip(decode(film).luma, planes, strict=True):
        np.testing.assert_array_equal(expected, actual.y)
        assert actual.alpha is not None
        assert {1 << (7 if actual.alpha.dtype == np.uint8 else 11)} == set(np.unique(actual.alpha))


def test_times_are_the_films_own(tmp_path):
    """A late start, an irregular clock and B-frames come through in presentation order."""
    pts = [4000, 4020, 4100, 4101, 4160, 4300, 4320, 4400, 4430, 4500]
    recipe = FilmRecipe(frame_count=10, pts=pts, time_base=Fraction(1, 600), options={"preset": "fast", "bf": "3"})
    film = make_film(tmp_path / "film.mp4", recipe)

    _, reading = result_planes(film)
    found = frames_by_program(probe_film(film))

    assert [Fraction(item, 600) for item in pts] == [item * reading.tick for item in reading.pts]
    assert found is not None
    assert list(reading.pts) == list(found[0])


def test_rgb_results_are_read_by_pyav(tmp_path):
    """ffmpeg would have to convert; that must not happen in silence."""
    film = make_film(tmp_path / "film.mkv", FilmRecipe(pix_fmt="bgr0", **FFV1))

    planes, reading = result_planes(film)

    assert 5 == len(planes) == len(reading.pts)
    assert reading.reader.startswith("PyAV")


def test_damage_is_heard(tmp_path):
    film = make_film(tmp_path / "film.mkv", FilmRecipe(codec="ffv1", options={"slicecrc": "1"}, frame_count=5))
    data = bytearray(film.read_bytes())
    data[len(data) // 2] ^= 0x55
    film.write_bytes(data)

    _, reading = result_planes(film)

    assert reading.complaints


def test_both_readers_give_the_same_packets(tmp_path, monkeypatch):
    recipe = FilmRecipe(
        options={"preset": "fast", "bf": "3"},
        sounds=(Sound(), Sound(codec="opus", start_s=0.25)),
        subtitles=(Subtitles(),),
    )
    film = make_film(tmp_path / "film.mkv", recipe)
    by_program = read_packets(film, [0, 1, 2, 3])
    monkeypatch.setattr(packets, "_read_by_program", lambda path, indexes: None)
    by_pyav = read_packets(film, [0, 1, 2, 3])

    assert ("ffmpeg", "PyAV") == (by_program.reader, by_pyav.reader)
    for index in range(4):
        ours, other = by_program.tracks[index], by_pyav.tracks[index]
        assert 0 < ours.packet_count
        assert (ours.hashes, ours.pts, ours.time_base) == (other.hashes, other.pts, other.time_base)


def test_a_pipe_that_is_left_early_ends_its_program(tmp_path):
    film = make_film(tmp_path / "film.mkv", FilmRecipe())
    with ffmpeg_pipe(["-stream_loop", "-1", "-i", f"file:{film}", "-f", "rawvideo", "pipe:1"]) as pipe:
        assert pipe.stdout.read(10)

    assert pipe.finish() != 0


def track(times, hashes=None):
    made = PacketTrack(Fraction(1, 1000))
    for number, time in enumerate(times):
        made.add(time, 20, 100, f"{(hashes or range(len(times)))[number]:032x}"[::-1])
    return made


def test_a_cut_keeps_whole_packets():
    source = track([0, 20, 40, 60, 80, None, 120])
    cut = CutRange(start=Fraction(40, 1000), end=Fraction(100, 1000), slack=Fraction(0))
    kept = track([0, 20, 40, None], hashes=[2, 3, 4, 5])

    assert [(2, 0), (3, 1), (4, 2), (5, 3)] == align_cut(source, kept, cut)
    assert "held" == check_packets("audio 0", source, kept, cut, Judge()).state
    for hashes in ([3, 4, 5], [2, 4, 5], [2, 3, 4, 5, 6], [1, 2, 3, 4, 5], [2, 3, 9, 4, 5]):
        wrong = track(range(len(hashes)), hashes=hashes)
        assert "broken" == check_packets("audio 0", source, wrong, cut, Judge()).state


@pytest.mark.parametrize(
    ("source_tick", "result_tick", "moved", "state"),
    [
        (Fraction(1, 25), Fraction(1, 1000), Fraction(0), "held"),
        (Fraction(1, 25), Fraction(1, 1000), Fraction(1, 1000), "broken"),
        (Fraction(1, 600), Fraction(1, 1000), Fraction(1, 2000), "held"),
        (Fraction(1, 600), Fraction(1, 1000), Fraction(2, 1000), "broken"),
    ],
)
def test_times_must_be_exact_where_the_clock_allows_it(source_tick, result_tick, moved, state):
    source = FilmClock(pts=[0, 1], tick=source_tick, container="mov")
    later = round((source_tick + moved) / result_tick)
    result = FilmClock(pts=[0, later], tick=result_tick, container="matroska,webm")

    assert state == check_frame_times(source, result, Judge()).state


def test_only_matroska_may_move_everything_together():
    source = FilmClock(pts=[0, 1], tick=Fraction(1, 25), container="mov")
    for container, by_ms, state in (
        ("matroska,webm", 25, "held"),
        ("mov,mp4", 25, "broken"),
        ("matroska,webm", 30, "broken"),
    ):
        result = FilmClock(pts=[by_ms, 40 + by_ms], tick=Fraction(1, 1000), container=container)
        shift = Fraction(25057, 1_000_000)
        assert state == check_start(source, result, expected=Fraction(0), shift=shift, judge=Judge()).state


def test_frames_without_times_are_not_judged():
    clock = FilmClock(pts=[0, NO_TIME], tick=Fraction(1, 25), container="avi")

    assert "not tested" == check_frame_times(clock, clock, Judge()).state


def test_psnr_is_the_known_number():
    """An error of one code in every sample of 8 bits is 48.13 dB, in 10 bits 60.20 dB."""
    for depth, expected in ((8, 48.13), (10, 60.20)):
        kind = np.uint8 if depth == 8 else np.uint16
        before, after = np.full((4, 6), 100, kind), np.full((4, 6), 101, kind)
        frame = Frame(pts=0, duration=0, y=before, u=None, v=None, alpha=None, layout=None)
        measure = measure_luma([frame], [ResultPlanes(after, None)], source_depth=depth, result_depth=depth)
        assert expected == round(measure.worst_psnr, 2) == round(measure.average_psnr, 2)
        assert 0 == measure.first_different == measure.worst_frame


def test_stream_lines_are_understood():
    assert "128:117" == sample_aspect_text("Video: h264 (High), yuv420p, 352x240 [SAR 128:117 DAR 1408:1053], 25 fps")
    assert "1:1" == sample_aspect_text("Video: ffv1, yuv420p, 352x240, 25 fps")
    assert "tmcd" == data_tag("Data: none (tmcd / 0x64636D74), 0 kb/s (default)")
    assert "" == data_tag("Data: scte_35, start 0.700000")
