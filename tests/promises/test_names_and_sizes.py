"""Promise: any name and any size of picture works; names never reach a shell, a pattern or a protocol."""

import os

import numpy as np
import pytest
from made_films import decode, make_film
from runs import FAST, FAST_FFV1, colorize, command, leftovers

from videocolor.errors import LossError, SettingsError

NAMES = [
    "a$(touch x).mp4",
    "two  spaces 'quote' \"double\" ; & | #1 %20.mp4",
    "frame%03d.mp4",
    "file:colon.mp4",
    "-leading-dash.mp4",
    "[ab]*?.mp4",
    "trailing .mp4",
    "UPPER.MP4",
    "Кино — 映画 — e\u0301.mp4",
    "line\nbreak.mp4",
    "a" * 228 + ".mp4",
]


@pytest.mark.parametrize("name", NAMES, ids=[name[:12] for name in NAMES])
def test_odd_names(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    made = make_film(tmp_path / "plain.mp4", frame_count=3)
    source = tmp_path / "in" / name
    made.rename(source)

    outcome = command("colorize", f"in/{name}", "-o", f"out/{name}", *FAST)

    assert 0 == outcome.code, outcome
    assert sorted([name, f"{name}.report.json"]) == leftovers(tmp_path / "out")
    assert ["in", "out"] == leftovers(tmp_path)
    assert 3 == len(decode(tmp_path / "out" / name).luma)
    assert "Traceback" not in outcome.err


def test_dash_in_front_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_film(tmp_path / "plain.mp4", frame_count=3).rename(tmp_path / "-x.mp4")

    outcome = command("colorize", "-o", "-y.mp4", *FAST, "--", "-x.mp4")

    assert 0 == outcome.code, outcome
    assert 3 == len(decode(tmp_path / "-y.mp4").luma)


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_name_that_is_not_utf8(tmp_path, extra):
    name = os.fsdecode(b"caf\xe9.mp4")
    source = tmp_path / name
    try:
        make_film(tmp_path / "plain.mp4", frame_count=3).rename(source)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")

    outcome = command("colorize", source, "-o", tmp_path / os.fsdecode(b"out\xe9.mkv"), *extra, *FAST)

    assert 0 == outcome.code, outcome
    assert (tmp_path / os.fsdecode(b"out\xe9.mkv")).is_file()
    assert 0 == command("probe", source, "--json").code
    assert 0 == command("shots", source, "--json").code


@pytest.mark.parametrize("place", ["source", "target"])
def test_name_that_no_file_system_takes(tmp_path, place):
    names = {"source": make_film(tmp_path / "film.mkv", frame_count=2), "target": tmp_path / "out.mkv"}
    names[place] = tmp_path / ("c" * 300 + ".mkv")

    outcome = command("colorize", names["source"], "-o", names["target"], *FAST)

    assert outcome.code in (1, 2, 3)
    assert 1 == len(outcome.lines), outcome
    assert "File name too long" in outcome.last or "is too long" in outcome.last


def test_name_too_long_for_what_lies_beside_it(tmp_path):
    """The report's name is longer than the result's: found out at the end, after a night's work."""
    source = make_film(tmp_path / "film.mkv", frame_count=3)
    target = tmp_path / ("b" * 246 + ".mkv")

    outcome = command("colorize", source, "-o", target, *FAST)

    if outcome.code:
        assert (2, 1) == (outcome.code, len(outcome.lines)), outcome
        assert "too long" in outcome.last
        assert [source.name] == leftovers(tmp_path)
    else:
        assert target.is_file()
        assert 3 == len(leftovers(tmp_path))


@pytest.mark.parametrize("name", ["out", "out.xyz", "out.avi"])
def test_name_that_is_no_container_is_refused_before_the_work(tmp_path, name):
    """DeOldify lost the finished film where its name did not end in .mp4."""
    source = make_film(tmp_path / "film.mkv", frame_count=3)

    with pytest.raises(SettingsError, match=r"Name the result out\.mkv"):
        colorize(source, tmp_path / name)

    assert ["film.mkv"] == leftovers(tmp_path)


@pytest.mark.parametrize(
    ("height", "width", "pix_fmt", "suffix", "values", "expected"),
    [
        (361, 641, "yuv420p", ".mkv", {"codec": "ffv1"}, "yuv420p"),
        (361, 641, "gray", ".mp4", {"preset": "ultrafast", "crf": 0}, "yuvj444p"),
        (361, 641, "yuv444p", ".mp4", {"preset": "ultrafast", "crf": 0}, "yuv444p"),
        (63, 95, "yuv422p10le", ".mkv", {"codec": "ffv1"}, "yuv422p10le"),
        (17, 64, "yuv411p", ".mkv", {"codec": "ffv1"}, "yuv411p"),
        (16, 16, "yuv420p", ".mp4", {"preset": "ultrafast", "crf": 0}, "yuv420p"),
        (2, 2, "yuv420p", ".mkv", {"codec": "ffv1"}, "yuv420p"),
        (1, 1, "gray", ".mkv", {"codec": "ffv1"}, None),
        (363, 643, "yuv420p", ".mkv", {"codec": "ffv1"}, "yuv420p"),
        (16, 400, "gray", ".mkv", {"codec": "ffv1"}, "yuv420p"),
    ],
)
def test_odd_sizes(tmp_path, height, width, pix_fmt, suffix, values, expected):
    source = make_film(
        tmp_path / "film.mkv", frame_count=3, height=height, width=width, pix_fmt=pix_fmt, codec="ffv1", options={}
    )

    colorize(source, tmp_path / f"out{suffix}", **values)

    before, after = decode(source), decode(tmp_path / f"out{suffix}")
    assert expected in (None, after.pix_fmt)
    assert all(np.array_equal(a, b) for a, b in zip(before.luma, after.luma, strict=True))


def test_odd_size_of_a_coarse_grid_finds_a_finer_one_or_is_refused(tmp_path):
    """x264 cannot do 4:2:0 at odd sizes: 4:4:4 holds the same luma."""
    source = make_film(
        tmp_path / "film.mkv", frame_count=2, height=361, width=641, pix_fmt="yuv420p", codec="ffv1", options={}
    )

    report = colorize(source, tmp_path / "out.mp4", preset="ultrafast")

    assert "yuv444p" == report.pix_fmt


def test_odd_size_that_a_codec_cannot_hold_is_refused(tmp_path):
    source = make_film(
        tmp_path / "film.mkv", frame_count=2, height=361, width=641, pix_fmt="yuv420p", codec="ffv1", options={}
    )

    with pytest.raises(LossError, match=r"641x361.*ffv1"):
        colorize(source, tmp_path / "out.mp4", codec="av1")


@pytest.mark.parametrize("codec", ["ffv1", "h264", "h265", "av1", "prores"])
@pytest.mark.parametrize("count", [1, 2])
def test_films_of_one_frame_and_two(tmp_path, codec, count):
    """x265 writes no decoding times where it gets fewer frames than it looks ahead: the muxer refused the segment."""
    source = make_film(tmp_path / "film.mkv", frame_count=count, height=64)

    report = colorize(source, tmp_path / "out.mkv", codec=codec, smoothing="ema")

    assert count == report.frame_count == len(decode(tmp_path / "out.mkv").luma)


def test_one_frame_through_the_command_line(tmp_path):
    source = make_film(tmp_path / "film.mkv", frame_count=1)

    outcome = command("colorize", source, "-o", tmp_path / "out.mp4", *FAST_FFV1)

    assert 0 == outcome.code, outcome
