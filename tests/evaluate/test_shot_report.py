"""`report`: which shots need a human, found without any truth."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from colored_films import colored_film, drifting, flickering, steady
from made_films import FilmRecipe, make_film
from PIL import Image
from runs import colorize

from videocolor.core.shots import Plan, Segment, Shot
from videocolor.errors import MediaError, MediaNotFound
from videocolor.evaluate import shot_report
from videocolor.evaluate.shot_report import SurveySettings, survey_film
from videocolor.paths import report_path
from videocolor.progress import NoProgress

ROOT = Path(__file__).resolve().parents[2]


def survey(path, **values):
    return survey_film(path, SurveySettings(**values), progress=NoProgress())


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Four shots: steady, flickering, drifting, gray."""
    path = tmp_path_factory.mktemp("films") / "film.mkv"
    return colored_film(path, [steady(20), flickering(30), drifting(25), steady(15, (0, 0))])


@pytest.fixture(scope="module")
def report(film):
    return survey(film)


def test_every_frame_is_in_one_shot(report):
    assert [20, 30, 25, 15] == [shot.figures.frames for shot in report.shots]
    assert 90 == report.frame_count == len(report.traces.time_s) == len(report.traces.tint_jitter)
    assert [0, 0.8, 2.0, 3.0] == [shot.start_s for shot in report.shots]
    assert all(before.end_s == after.start_s for before, after in pairwise(report.shots))
    assert abs(report.duration_s - 3.6) < 1e-6


def test_a_constant_tint_does_not_flicker(report):
    figures = report.shots[0].figures

    assert figures.warp_ab < 0.7
    assert figures.tint_jitter < 0.1
    assert figures.resat_events == 0
    assert 0 == report.shots[0].judgement.score


def test_a_gray_shot_has_no_flicker_at_all(report):
    figures = report.shots[3].figures

    assert (0, 0, 0, 0, 1) == (
        round(figures.warp_ab, 3),
        round(figures.tint_jitter, 3),
        figures.resat_events,
        round(figures.colorfulness, 3),
        figures.near_gray_share,
    )
    assert ("mostly gray",) == report.shots[3].judgement.reasons


def test_the_flickering_shot_comes_first(report):
    worst = report.worst_first[0]

    assert (1, 1) == (worst.shot, worst.rank)
    assert "flicker" in worst.judgement.reasons
    assert "tint jumps" in worst.judgement.reasons
    assert worst.start_s <= worst.figures.worst_pair_s < worst.end_s
    assert worst.figures.worst_pair_ab >= worst.figures.warp_ab


def test_a_drift_is_no_jitter(report):
    shot = report.shots[2]

    assert ("tint drifts",) == shot.judgement.reasons
    assert shot.figures.tint_drift > 12
    assert shot.figures.tint_jitter < 0.6


def test_figures_of_frames_add_up_to_those_of_shots(report):
    """The plots show what the table says."""
    first = 0
    for shot in report.shots:
        frames = slice(first, first + shot.figures.frames)
        jitter = np.array(report.traces.tint_jitter[frames])
        assert np.isnan(jitter[[0, -1]]).all()
        assert np.isclose(np.sqrt(np.nanmean(jitter**2)), shot.figures.tint_jitter)
        assert np.isclose(np.mean(report.traces.chroma[frames]), shot.figures.chroma)
        times = np.array(report.traces.pair_time_s)
        pairs = np.array(report.traces.pair_warp_ab)[(times >= shot.start_s) & (times < shot.end_s)]
        assert shot.figures.pairs == len(pairs)
        assert np.isclose(np.sqrt(np.mean(pairs**2)), shot.figures.warp_ab)
        first += shot.figures.frames


@pytest.mark.parametrize(("pairs", "counts"), [(None, [19, 29, 24, 14]), (5, [5, 5, 5, 5]), (1, [1, 1, 1, 1])])
def test_flicker_is_measured_at_as_many_pairs_as_asked(film, pairs, counts):
    assert counts == [shot.figures.pairs for shot in survey(film, pairs=pairs).shots]


def test_few_pairs_tell_the_same_as_all(film, report):
    every = survey(film, pairs=None)

    assert [shot.shot for shot in every.worst_first] == [shot.shot for shot in report.worst_first]


def test_thumbnails_go_from_the_first_frame_to_the_last(report):
    assert [0, 1, 2, 3] == sorted(report.thumbnails)
    pictures = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) for data in report.thumbnails[2]]
    assert 5 * [(72, 96, 3)] == [picture.shape for picture in pictures]
    red = [float(picture[..., 0].mean() - picture[..., 1].mean()) for picture in pictures]
    assert red == sorted(red)


def test_thumbnails_are_upright_and_have_square_pixels(tmp_path):
    """A telephone's film, a quarter turned, with pixels twice as wide as high."""
    quarter_turn = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    recipe = FilmRecipe(frame_count=3, height=48, width=64, matrix=quarter_turn, sample_aspect=2)
    found = survey(make_film(tmp_path / "film.mp4", recipe))

    (data, *_) = found.thumbnails[0]
    assert (128, 48) == cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]


def test_only_the_worst_shots_keep_thumbnails(film, monkeypatch):
    monkeypatch.setattr(shot_report, "_MOST_STRIPS", 2)

    found = survey(film)

    assert {shot.shot for shot in found.worst_first[:2]} == set(found.thumbnails)


def test_a_film_of_one_frame(tmp_path):
    found = survey(colored_film(tmp_path / "film.mkv", [steady(1)]))

    figures = found.shots[0].figures
    assert (1, 0, None, None) == (figures.frames, figures.pairs, figures.warp_ab, figures.tint_jitter)
    assert 1 == len(found.thumbnails[0])
    assert json.dumps(found.to_json(), allow_nan=False)


def test_json_is_complete_and_has_no_nan(report):
    values = json.loads(json.dumps(report.to_json(), allow_nan=False))

    assert 4 == len(values["shots"])
    assert [1, 2, 3] == sorted(values["shots_to_check"])
    row = values["shots"][1]
    for name in ("start", "end", "rank", "score", "reasons", "severities", "warp_ab", "pairs", "worst_pair"):
        assert row[name] not in (None, "")
    for name in ("tint_jitter", "tint_drift", "hf_share", "resat_events", "chroma", "colorfulness", "cdc", "cdc_ab"):
        assert isinstance(row[name], (int, float))
    assert row["run"] is None


def test_what_only_the_frame_limit_divides_is_one_shot():
    parts = [("start", 0, 600), ("limit", 600, 1200), ("cut", 1200, 1230)]
    shots = tuple(
        Shot(index=index, start_pts=start, end_pts=end, frame_count=end - start, cause=cause)
        for index, (cause, start, end) in enumerate(parts)
    )
    segment = Segment(index=0, shots=shots, start_pts=0, end_pts=1230, frame_count=1230, first_frame=0)
    plan = Plan(
        format=1,
        identity="",
        time_base=1,
        pts=(0,),
        durations=(1,),
        segments=(segment,),
        detector="ncc",
        damaged_packets=0,
        corrupt_frames=0,
    )

    joined = plan.whole_shots

    # The numbers stay those of the plan, which other reports speak of.
    assert [(0, 0, 1200, 1200), (2, 1200, 1230, 30)] == [
        (shot.index, shot.start_pts, shot.end_pts, shot.frame_count) for shot in joined
    ]


def test_the_report_of_the_run_is_read_where_it_lies(tmp_path):
    """Matroska counts milliseconds, the source does not: shots are found by their times."""
    rate = Fraction(30000, 1001)
    source = make_film(tmp_path / "source.mp4", frame_count=40, cuts=(20,), height=96, width=128, rate=rate)
    made = colorize(source, tmp_path / "film.mkv", codec="ffv1")

    found = survey(tmp_path / "film.mkv")

    assert "tiny" == found.record.model
    assert () == found.notes
    for shot, row in zip(found.shots, made.shots, strict=True):
        assert shot.figures.frames == row["frames"]
        for name in ("limited_share", "lonely_share", "correction"):
            assert row[name] == pytest.approx(getattr(shot.run, name))
        assert 1.0 == shot.run.inferred_share
        # What was limited lies at the border; under black and white luma only the run counts it.
        assert abs(shot.figures.limited_share - row["limited_share"]) < 0.3


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("no json", "cannot be read"),
        ("[1, 2]", "cannot be read"),
        ('{"shots": 3, "frame_count": 90}', "cannot be read"),
        ('{"shots": [], "frame_count": 12}', "of a film of 12 frames"),
    ],
)
def test_a_foreign_or_damaged_report_is_left_out_and_said_to_be(tmp_path, film, text, word):
    beside = tmp_path / "film.mkv"
    beside.write_bytes(film.read_bytes())
    report_path(beside).write_text(text)

    found = survey(beside)

    assert found.record is None
    assert any(word in note for note in found.notes)
    assert all(shot.run is None for shot in found.shots)


def test_rows_of_a_report_that_are_no_rows_are_skipped(tmp_path, film):
    beside = tmp_path / "film.mkv"
    beside.write_bytes(film.read_bytes())
    good = {"start_s": 0.8, "end_s": 2.0, "frames": 30, "lonely_share": 0.5, "correction": 4, "limited_share": "x"}
    rows = [None, {"frames": 0}, {"start_s": "now"}, good, {**good, "start_s": 2.0, "end_s": 3.0, "correction": None}]
    report_path(beside).write_text(json.dumps({"shots": rows, "frame_count": 90}))

    found = survey(beside)

    assert [None, 0.5, 0.5, None] == [shot.run and shot.run.lonely_share for shot in found.shots]
    assert found.shots[1].run.limited_share is None
    assert "could not be steadied" in found.shots[1].judgement.reasons
    assert "could not be steadied" not in found.shots[2].judgement.reasons


def test_what_is_no_film_is_refused(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "still.png")
    (tmp_path / "text.mkv").write_text("no film\n" * 30)

    with pytest.raises(MediaNotFound, match="does not exist"):
        survey(tmp_path / "missing.mkv")
    with pytest.raises(MediaError, match=r"is a picture, not a film.*evaluate"):
        survey(tmp_path / "still.png")
    with pytest.raises(MediaError, match="not a video"):
        survey(tmp_path / "text.mkv")


_PEAK = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from videocolor.evaluate.compare import compare
from videocolor.evaluate.shot_report import SurveySettings, survey_film
from videocolor.progress import NoProgress
film = Path(sys.argv[2])
if sys.argv[1] == "report":
    found = survey_film(film, SurveySettings(pairs=2), progress=NoProgress())
else:
    found = compare(film, film, detector="ncc", progress=NoProgress())
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(found.frame_count, int(status["VmHWM"].split()[0]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("what", ["report", pytest.param("evaluate", marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_film(tmp_path, what):
    peaks = []
    for count in (20, 200):
        path = make_film(tmp_path / f"{count}.mp4", frame_count=count, height=320, width=448, cuts=range(20, count, 20))
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, what, path],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        frames, kib = map(int, done.stdout.split())
        assert count == frames
        peaks.append(kib)
    # Keeping the pictures of all frames would be beyond the bound.
    assert 320 * 448 * 3 * 180 > 0.1 * 1024 * peaks[0]
    assert peaks[1] <= 1.1 * peaks[0]
