"""An examination from beginning to end with made lines and made colorizers."""

import json

import numpy as np
import pytest
import torch
from made_colorizers import Gray, Oracle

from videocolor.examine.colors import mean_chroma
from videocolor.examine.exam import examine
from videocolor.examine.lines.registry import Line
from videocolor.examine.sitting import ExamSettings
from videocolor.examine.verdict import Example, Figure, Outcome
from videocolor.examine.views import Clip, Material, Photo, View
from videocolor.version import __version__


def photo(number):
    rgb = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    return Photo(name=f"{number}.png", sha256=f"{number:064x}", rgb=rgb, group="people", source="mine")


class ClipSource:
    name = "film.mp4"

    def __call__(self):
        gray = View(lightness=torch.full((1, 8, 12), 50.0), ab=None, is_still=False)
        return Clip(name=self.name, views=(gray,) * 3)


def chroma_line(sitting):
    """Mean chroma of all answers."""
    value = mean_chroma(map(sitting.answer, range(len(sitting.photos))))
    return Outcome(figures=(Figure(name="chroma", value=value, low=8),))


def clip_line(sitting):
    """Counts frames: needs no truth."""
    count = sum(len(clip.views) for clip in sitting.clips())
    return Outcome(figures=(Figure(name="frames", value=float(count), low=1),))


LINES = (
    Line(number=1, title="no color", run=chroma_line, needs_truth=True),
    Line(number=2, title="no frames", run=clip_line, needs_truth=False),
)
PHOTOS = tuple(photo(number) for number in range(6))
WHOLE = Material(photos=PHOTOS, clips=(ClipSource(),), side=16)


class Broken(Oracle):
    """No numbers, as of a network that overflowed."""

    name = "broken"

    def spoil(self, ab, views):
        return torch.full_like(ab, torch.nan)


class Watcher:
    """Counts what a progress bar would show."""

    def __init__(self):
        self.totals, self.count, self.finished = [], 0, 0

    def start(self, phase, *, total, done=0, shots=0):
        self.totals.append((phase, total))

    def advance(self, shot):
        self.count += 1

    def finish(self):
        self.finished += 1


def test_a_whole_examination():
    settings = ExamSettings(few=3, smoothing="ema")

    result = examine(
        Oracle(),
        WHOLE,
        settings,
        lines=LINES,
        unseen=("theirs",),
        sha256="ab" * 32,
        run_as={"compute": "cpu"},
        notes=("One was gray.",),
    )

    assert ("oracle", "ab" * 32, __version__) == (result.model, result.sha256, result.version)
    assert (6, ("film.mp4",), ("One was gray.",)) == (result.photos, result.clips, result.notes)
    assert [(1, "no color", "held"), (2, "no frames", "held")] == [
        (line.number, line.title, line.verdict) for line in result.lines
    ]
    assert 6 == result.ranking.overall.photos
    assert result.seconds > 0
    assert {
        "few": 3,
        "smoothing": "ema",
        "smoothing_strength": "normal",
        "seed": 0,
        "side": 16,
        "unseen": ["theirs"],
        "compute": "cpu",
    } == result.settings


def test_a_failed_line_is_a_result():
    result = examine(Gray(), WHOLE, lines=LINES)

    assert ["failed", "held"] == [line.verdict for line in result.lines]
    assert result.ranking.overall.matched is None


def test_clips_alone_leave_lines_of_truth_untested():
    result = examine(Oracle(), Material(clips=(ClipSource(),)), lines=LINES)

    assert ["not tested", "held"] == [line.verdict for line in result.lines]
    assert "needs photographs" in result.lines[0].figures[0].why_not_tested
    assert (0, None) == (result.photos, result.ranking)


def test_photographs_alone_leave_the_rest_to_the_lines():
    result = examine(Oracle(), Material(photos=PHOTOS, side=16), lines=LINES)

    assert (6, ()) == (result.photos, result.clips)
    assert ["held", "failed"] == [line.verdict for line in result.lines]


def test_only_the_lines_that_are_asked_for_run():
    result = examine(Oracle(), WHOLE, lines=LINES[1:])

    assert [2] == [line.number for line in result.lines]


def test_json_keeps_its_keys():
    result = examine(Oracle(), WHOLE, lines=LINES)

    values = json.loads(json.dumps(result.to_json(), allow_nan=False))

    assert [
        "format",
        "model",
        "sha256",
        "version",
        "settings",
        "photos",
        "clips",
        "ranking",
        "lines",
        "seconds",
        "notes",
    ] == list(values)
    assert 1 == values["format"]
    assert ["number", "title", "verdict", "figures", "groups", "examples"] == list(values["lines"][0])


def test_answers_that_are_no_numbers_are_null_in_json():
    def line(sitting):
        answer = sitting.answer(0)
        shown = Example(name="0", badness=float(answer.mean()), lightness=sitting.photos[0].view.lightness, ab=answer)
        return Outcome(
            figures=(Figure(name="mean", value=float(answer.mean()), low=0), Figure(name="top", value=np.inf, high=1)),
            groups={"people": {"mean": float(answer.mean())}},
            examples=(shown,),
        )

    result = examine(Broken(), WHOLE, lines=(Line(number=1, title="no number", run=line, needs_truth=True),))

    values = json.loads(json.dumps(result.to_json(), allow_nan=False))
    (found,) = values["lines"]
    assert "failed" == found["verdict"]
    assert [None, None] == [figure["value"] for figure in found["figures"]]
    assert ["failed", "failed"] == [figure["verdict"] for figure in found["figures"]]
    assert ({"people": {"mean": None}}, None) == (found["groups"], found["examples"][0]["badness"])
    ranking = values["ranking"]
    assert ranking["gain"] is None
    assert ranking["overall"]["shipped"]["psnr"] is None
    assert ranking["overall"]["mean_color"]["psnr"] > 0
    assert {None} == {photo["psnr"] for photo in ranking["photos"]}


@pytest.mark.parametrize("material", [WHOLE, Material(photos=PHOTOS, side=16), Material(clips=(ClipSource(),))])
def test_the_bar_reaches_its_end(material):
    watcher = Watcher()

    examine(Oracle(), material, lines=LINES, progress=watcher)

    assert [("examine", watcher.count)] == watcher.totals
    assert 1 == watcher.finished
