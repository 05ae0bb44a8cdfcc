"""Promise: an unfinished run is never continued with other settings, nor silently thrown away."""

import os

import pytest
from made_films import make_film
from runs import FAST, colorize, command
from test_resume_gives_the_same_film import MANY_SEGMENTS, assert_same_film, stopped_run

from videocolor.errors import ResumeError
from videocolor.pipeline.film import RunOptions


@pytest.fixture
def film(tmp_path):
    return make_film(tmp_path / "film.mp4", frame_count=50, cuts=(25,))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"saturation": 1.5}, "--saturation was 1.0, is 1.5"),
        ({"render_factor": 6}, "--render-factor was None, is 6"),
        ({"crf": 30}, "--crf was None, is 30"),
        ({"smoothing": "ema"}, "--smoothing was 'flow', is 'ema'"),
        ({"batch_size": 2}, "batch_size was 4, is 2"),
        ({"codec": "ffv1"}, "--codec was 'auto', is 'ffv1'"),
        ({"segment_s": 0.5}, "--segment-seconds was 1.0, is 0.5"),
    ],
)
def test_the_difference_and_both_ways_on_are_named(tmp_path, film, values, named):
    stopped_run(film, tmp_path / "out.mkv", 1, **MANY_SEGMENTS)
    values = {**MANY_SEGMENTS, **values}
    if values.get("codec") == "ffv1":
        del values["preset"]

    with pytest.raises(ResumeError) as caught:
        colorize(film, tmp_path / "out.mkv", **values)

    assert named in str(caught.value)
    assert "Use the old settings to go on with it, or --restart to begin anew." in str(caught.value)
    assert (tmp_path / "out.mkv.work" / "journal.jsonl").read_text()


def test_changed_source_is_named(tmp_path, film):
    stopped_run(film, tmp_path / "out.mkv", 1, **MANY_SEGMENTS)
    make_film(film, frame_count=50, cuts=(25,), seed=3)

    with pytest.raises(ResumeError, match=r"source file has changed.*--restart"):
        colorize(film, tmp_path / "out.mkv", **MANY_SEGMENTS)


def test_restart_begins_anew(tmp_path, film):
    stopped_run(film, tmp_path / "out.mkv", 1, **MANY_SEGMENTS)
    values = {**MANY_SEGMENTS, "saturation": 0.5}

    report = colorize(film, tmp_path / "out.mkv", options=RunOptions(restart=True), **values)

    assert not report.resumed
    colorize(film, tmp_path / "fresh.mkv", **values)
    assert_same_film(tmp_path / "fresh.mkv", tmp_path / "out.mkv")


def test_what_changes_no_pixel_may_differ(tmp_path, film):
    """Another limit of damage, another time stamp of the file: still the same run."""
    stopped_run(film, tmp_path / "out.mkv", 1, **MANY_SEGMENTS)
    os.utime(film)

    assert colorize(film, tmp_path / "out.mkv", max_damaged=5, **MANY_SEGMENTS).resumed


def test_command_line_says_it_in_one_line(tmp_path, film):
    stopped_run(film, tmp_path / "out.mkv", 1, **MANY_SEGMENTS)

    outcome = command("colorize", film, "-o", tmp_path / "out.mkv", "--saturation", "2", *FAST)

    assert 1 == outcome.code
    assert 1 == len([line for line in outcome.lines if line.startswith("videocolor: ")])
    assert "--restart" in outcome.last
