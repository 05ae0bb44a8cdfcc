"""Promise: killed at any moment and started again, the film is the same, frame by frame, as one made in one go."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from made_films import Sound, decode, make_film, of_kind
from runs import FAST, colorize, tiny_colorizer

from videocolor.core.frames import ChromaBatch
from videocolor.errors import Interrupted, ResumeError
from videocolor.pipeline import source as source_module
from videocolor.pipeline.film import RunOptions

ROOT = Path(__file__).resolve().parents[2]


def assert_same_film(expected, found):
    """The same frames at the same times, luma and chroma, and the same sound."""
    a, b = decode(expected), decode(found)
    assert a.times == b.times
    assert all(np.array_equal(x, y) for x, y in zip(a.luma, b.luma, strict=True))
    for x, y in zip(a.chroma, b.chroma, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(x, y, strict=True))
    assert [t.digest for t in of_kind(expected, "audio")] == [t.digest for t in of_kind(found, "audio")]


def stopped_run(source, target, segments, **values):
    """Run until so many more segments are finished; the work folder stays."""
    work = target.with_name(f"{target.name}.work")
    wanted = _line_count(work) + segments
    options = RunOptions(should_stop=lambda: _line_count(work) >= wanted)

    with pytest.raises(Interrupted, match="The same command goes on from there"):
        colorize(source, target, options=options, **values)

    assert wanted == _line_count(work)
    assert not target.exists()
    return work


def _line_count(work):
    journal = work / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


@pytest.fixture
def film(tmp_path):
    """Four shots with B-frames at a variable rate, and sound."""
    pts = np.cumsum(np.random.default_rng(1).integers(20, 60, 80)).tolist()
    return make_film(
        tmp_path / "film.mp4",
        frame_count=80,
        time_base=Fraction(1, 600),
        pts=pts,
        cuts=(18, 40, 57),
        options={"qp": "20", "preset": "fast", "bf": "3"},
        sounds=[Sound(codec="aac", seconds=4)],
    )


MANY_SEGMENTS = {"segment_s": 1.0, "preset": "ultrafast"}


@pytest.mark.parametrize("segments", [1, 2, 3])
@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_stopped_after_a_segment(tmp_path, film, segments, codec):
    values = {"segment_s": 1.0, "codec": codec, "smoothing": "ema"}
    whole = colorize(film, tmp_path / "whole.mp4", **values)
    assert 4 == whole.segment_count
    stopped_run(film, tmp_path / "out.mp4", segments, **values)

    report = colorize(film, tmp_path / "out.mp4", **values)

    assert report.resumed
    assert not whole.resumed
    assert_same_film(tmp_path / "whole.mp4", tmp_path / "out.mp4")
    assert report.luma_digest == whole.luma_digest
    assert not (tmp_path / "out.mp4.work").exists()


@pytest.fixture(scope="module")
def long_shot(tmp_path_factory):
    """One shot that is divided into two segments: more than 600 frames without a cut."""
    return make_film(tmp_path_factory.mktemp("long") / "long.mp4", frame_count=660, height=48, width=64)


@pytest.mark.parametrize(
    "values",
    [{"smoothing": "none"}, {"smoothing": "ema"}, {"smoothing": "flow"}, {"smoothing": "flow", "keyframes": 5}],
    ids=str,
)
def test_stopped_inside_a_long_shot(tmp_path, long_shot, values):
    """Its colors go on as if there had been no stop: what the filter knew is kept beside the finished segment."""
    values = {"codec": "ffv1", **values}
    whole = colorize(long_shot, tmp_path / "whole.mkv", **values)
    work = stopped_run(long_shot, tmp_path / "out.mkv", 1, **values)
    states = [path.name for path in (work / "segments").glob("*.npz")]

    colorize(long_shot, tmp_path / "out.mkv", **values)

    assert 2 == whole.segment_count
    assert 1 == len(states)
    assert_same_film(tmp_path / "whole.mkv", tmp_path / "out.mkv")


@pytest.mark.parametrize("lost", ["000000.m*", "000000.state.npz"])
def test_a_lost_part_of_a_long_shot(tmp_path, lost):
    """All but the last of three parts are finished when the first one's file is lost: the film is the same."""
    film = make_film(tmp_path / "long.mp4", frame_count=1240, height=32, width=48)
    values = {"codec": "ffv1", "smoothing": "flow"}
    assert 3 == colorize(film, tmp_path / "whole.mkv", **values).segment_count
    work = stopped_run(film, tmp_path / "out.mkv", 2, **values)
    (lost_file,) = (work / "segments").glob(lost)
    lost_file.unlink()

    colorize(film, tmp_path / "out.mkv", **values)

    assert_same_film(tmp_path / "whole.mkv", tmp_path / "out.mkv")


def test_a_divided_shot_has_no_step(tmp_path, long_shot):
    """Where a very long shot is divided its colors go on: the step there is no larger than beside it."""
    report = colorize(long_shot, tmp_path / "out.mkv", codec="ffv1", smoothing="flow")

    border = report.shots[0]["frames"]
    chroma = [np.stack([plane.astype(float) for plane in planes]) for planes in decode(tmp_path / "out.mkv").chroma]
    steps = [float(np.abs(after - before).mean()) for before, after in pairwise(chroma)]
    assert ["start", "limit"] == [row["cause"] for row in report.shots]
    assert steps[border - 1] <= 1.5 * float(np.median(steps[border - 40 : border + 40]))


def test_finished_segments_are_not_made_again(tmp_path, film):
    work = stopped_run(film, tmp_path / "out.mp4", 2, **MANY_SEGMENTS)
    made = {path.name: path.stat().st_mtime_ns for path in (work / "segments").iterdir()}
    shown = []

    class Watching(type(tiny_colorizer())):
        def predict(self, batch):
            shown.extend(batch.pts)
            return super().predict(batch)

    colorizer = tiny_colorizer()
    colorizer.__class__ = Watching
    colorize(film, tmp_path / "out.mp4", colorizer=colorizer, **MANY_SEGMENTS)

    assert 2 == len(made)
    assert decode(film).pts[40:] == shown


@pytest.mark.parametrize("tail", ['{"index": 1, "fi', "not json at all\n", '{"index": 7}\n', "\x00\x00\x00"])
def test_broken_last_line_of_the_journal(tmp_path, film, tail):
    """Power loss leaves half a line, or zeros."""
    colorize(film, tmp_path / "whole.mp4", **MANY_SEGMENTS)
    work = stopped_run(film, tmp_path / "out.mp4", 1, **MANY_SEGMENTS)
    with (work / "journal.jsonl").open("a") as journal:
        journal.write(tail)

    colorize(film, tmp_path / "out.mp4", **MANY_SEGMENTS)

    assert_same_film(tmp_path / "whole.mp4", tmp_path / "out.mp4")


def test_journal_goes_on_after_a_broken_line(tmp_path, film):
    """The next line must not be glued to the half one."""
    work = stopped_run(film, tmp_path / "out.mp4", 1, **MANY_SEGMENTS)
    with (work / "journal.jsonl").open("a") as journal:
        journal.write('{"index": 1, "file": "0000')
    stopped_run(film, tmp_path / "out.mp4", 1, **MANY_SEGMENTS)
    stopped_run(film, tmp_path / "out.mp4", 1, **MANY_SEGMENTS)

    assert 3 == len((work / "journal.jsonl").read_text().splitlines())
    report = colorize(film, tmp_path / "out.mp4", **MANY_SEGMENTS)
    assert report.resumed


@pytest.mark.parametrize("damage", ["shorter", "longer", "missing"])
def test_segment_file_of_wrong_size_is_made_again(tmp_path, film, damage):
    colorize(film, tmp_path / "whole.mp4", **MANY_SEGMENTS)
    work = stopped_run(film, tmp_path / "out.mp4", 2, **MANY_SEGMENTS)
    segment = sorted((work / "segments").iterdir())[0]
    if damage == "missing":
        segment.unlink()
    else:
        data = segment.read_bytes()
        segment.write_bytes(data[:-7] if damage == "shorter" else data + b"x")

    colorize(film, tmp_path / "out.mp4", **MANY_SEGMENTS)

    assert_same_film(tmp_path / "whole.mp4", tmp_path / "out.mp4")


def test_crash_between_segment_and_journal_line(tmp_path, film):
    """A segment without its line is made again, and does not come twice."""
    colorize(film, tmp_path / "whole.mp4", **MANY_SEGMENTS)
    work = stopped_run(film, tmp_path / "out.mp4", 2, **MANY_SEGMENTS)
    lines = (work / "journal.jsonl").read_text().splitlines(keepends=True)
    (work / "journal.jsonl").write_text("".join(lines[:1]))

    colorize(film, tmp_path / "out.mp4", **MANY_SEGMENTS)

    assert_same_film(tmp_path / "whole.mp4", tmp_path / "out.mp4")


@pytest.mark.parametrize("proof", ["right", "wrong"])
def test_resume_far_into_the_film_seeks(tmp_path, caplog, proof, monkeypatch):
    """More than 500 finished frames: the decoder seeks, and trusts the seek only if the luma before it is the same."""
    source = make_film(
        tmp_path / "film.mp4",
        frame_count=660,
        height=32,
        width=32,
        cuts=(200, 400, 560),
        options={"qp": "24", "preset": "ultrafast", "bf": "2", "g": "50"},
    )
    values = {"segment_s": 8.0, "codec": "ffv1"}
    whole = colorize(source, tmp_path / "whole.mp4", **values)
    assert 4 == whole.segment_count
    work = stopped_run(source, tmp_path / "out.mp4", 3, **values)
    if proof == "wrong":
        journal = work / "journal.jsonl"
        lines = journal.read_text().splitlines(keepends=True)
        old = lines[2].split('"last_luma_sha256": "')[1][:64]
        journal.write_text("".join([*lines[:2], lines[2].replace(old, "0" * 64)]))
    started = []
    plain = source_module.open_frames
    monkeypatch.setattr(
        source_module, "open_frames", lambda *a, from_pts=None: started.append(from_pts) or plain(*a, from_pts=from_pts)
    )

    colorize(source, tmp_path / "out.mp4", **values)

    assert ([559] if proof == "right" else [559, None]) == started
    assert ("decoded from its start" in caplog.text) == (proof == "wrong")
    assert_same_film(tmp_path / "whole.mp4", tmp_path / "out.mp4")


def test_damaged_film_is_resumed_with_the_same_concealment(tmp_path):
    """Decoders with several threads conceal damage differently from run to run."""
    source = make_film(tmp_path / "film.mp4", frame_count=70, cuts=(20, 45), options={"qp": "24", "preset": "fast"})
    data = bytearray(source.read_bytes())
    start, rng = data.index(b"mdat"), random.Random(4)
    for _ in range(12):
        data[rng.randrange(start + 3000, len(data) - 6000)] ^= 1 << rng.randrange(8)
    source.write_bytes(data)
    values = {"segment_s": 0.8, "codec": "ffv1"}
    whole = colorize(source, tmp_path / "whole.mp4", **values)
    assert whole.damaged_packets + whole.corrupt_frames > 0
    stopped_run(source, tmp_path / "out.mp4", 1, **values)

    colorize(source, tmp_path / "out.mp4", **values)

    assert_same_film(tmp_path / "whole.mp4", tmp_path / "out.mp4")


def test_plan_of_another_format_is_refused_with_the_remedy(tmp_path, film):
    work = stopped_run(film, tmp_path / "out.mp4", 1, **MANY_SEGMENTS)
    (work / "plan.json").write_text('{"format": 99}')

    with pytest.raises(ResumeError, match=r"plan\.json cannot be used.*--restart"):
        colorize(film, tmp_path / "out.mp4", **MANY_SEGMENTS)


def test_two_runs_of_one_result_are_refused(tmp_path, film):
    (tmp_path / "out.mp4.work").mkdir()
    with FileLock(tmp_path / "out.mp4.work" / "lock"), pytest.raises(ResumeError, match="Another run is working"):
        colorize(film, tmp_path / "out.mp4", **MANY_SEGMENTS)


def _kill_at_random_moments(tmp_path, kills, rng):
    """Start real processes and kill them; each at least one segment after it took up the work."""
    source = make_film(
        tmp_path / "film.mp4",
        frame_count=44 * (kills + 2),
        height=240,
        width=320,
        cuts=[11 * n for n in range(1, 4 * (kills + 2))],
        options={"qp": "24", "preset": "fast", "bf": "3"},
        sounds=[Sound(codec="mp3", seconds=5)],
    )
    arguments = ["--segment-seconds", "0.4", *FAST[:-1], "medium", "--threads", "1", "--no-progress"]
    target = tmp_path / "out.mkv"
    journal = tmp_path / "out.mkv.work" / "journal.jsonl"
    line = [sys.executable, "-m", "videocolor", "colorize", source, *arguments, "-o"]
    # In a process like the killed ones: with another number of torch threads a sum may round differently.
    surroundings = {"cwd": ROOT, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    whole = subprocess.run([*line, tmp_path / "whole.mkv"], capture_output=True, **surroundings)
    assert 0 == whole.returncode, whole.stderr
    killed = 0
    for _ in range(kills):
        process = subprocess.Popen([*line, target], stderr=subprocess.PIPE, **surroundings)
        before = len(journal.read_bytes().splitlines()) if journal.exists() else 0
        while process.poll() is None:
            done = len(journal.read_bytes().splitlines()) if journal.exists() else 0
            if done > before:
                time.sleep(rng.uniform(0, 0.4))
                break
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.communicate()
        assert not target.exists() or killed < kills
    assert kills == killed, "the film is too short for so many kills"
    last = subprocess.run([*line, target], capture_output=True, text=True, **surroundings)
    assert 0 == last.returncode, last.stderr
    assert "Going on after" in last.stderr
    assert_same_film(tmp_path / "whole.mkv", target)
    assert not (tmp_path / "out.mkv.work").exists()


def test_killed_twice(tmp_path):
    _kill_at_random_moments(tmp_path, 2, random.Random(2))


@pytest.mark.slow
def test_killed_ten_times(tmp_path):
    _kill_at_random_moments(tmp_path, 10, random.Random(10))


def test_resume_after_the_last_segment_only_muxes(tmp_path, film):
    """A crash while the result is written costs no coloring."""
    work = stopped_run(film, tmp_path / "out.mp4", 3, **MANY_SEGMENTS)
    shutil.copytree(work, tmp_path / "copy")
    colorize(film, tmp_path / "out.mp4", **MANY_SEGMENTS)
    (tmp_path / "out.mp4").rename(tmp_path / "whole.mp4")

    class Full(type(tiny_colorizer())):
        def predict(self, batch):
            assert len(calls) < 9, "colored again"
            calls.append(batch.pts)
            return ChromaBatch(ab=super().predict(batch).ab)

    calls = []
    (tmp_path / "copy").rename(work)
    colorizer = tiny_colorizer()
    colorizer.__class__ = Full
    colorize(film, tmp_path / "out.mp4", colorizer=colorizer, **MANY_SEGMENTS)

    assert_same_film(tmp_path / "whole.mp4", tmp_path / "out.mp4")
