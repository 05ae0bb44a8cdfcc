"""`videocolor report --model`: the lines that need no truth, on the film's own luma."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from colored_films import colored_film, flickering, steady
from runs import command, leftovers

from videocolor.evaluate.page import make_page
from videocolor.evaluate.shot_report import SurveySettings, survey_film
from videocolor.examine.film_lines import FRAMES, SHOTS, chosen_shots, examine_on_film, read_clips, truth_free_lines
from videocolor.examine.lines.darkness import line_2
from videocolor.examine.lines.flicker import line_1
from videocolor.examine.lines.registry import LINES, Line
from videocolor.examine.lines.stabilizing import line_13, line_15
from videocolor.models.registry import family_module
from videocolor.models.weights_file import write_weights
from videocolor.progress import NoProgress

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "data" / "media"
HYPER = {"decoder_widths": [16, 16, 16], "encoder_width": 0.25, "folded": True}
OURS = (
    Line(number=1, title="flicker", run=line_1, needs_truth=False),
    Line(number=2, title="dark areas", run=line_2, needs_truth=False),
    Line(number=3, title="needs the truth", run=line_1, needs_truth=True),
    Line(number=13, title="washed out", run=line_13, needs_truth=False),
    Line(number=15, title="old colors", run=line_15, needs_truth=False),
)


class Brown:
    """Follows the lightness; refuses views that know their colors."""

    name = "brown"

    def answer(self, views, side=None):
        assert all(view.ab is None and not view.is_still for view in views)
        return torch.stack([view.lightness for view in views]) * torch.tensor([0.1, 0.3])[None, :, None, None]

    def seen_size(self, view):
        return view.size

    def largest_ab(self, views, side=None):
        return None


@pytest.fixture
def film(tmp_path):
    return colored_film(tmp_path / "film.mkv", [steady(10), flickering(16), steady(8, (0, 0)), steady(5)])


@pytest.fixture
def weights(tmp_path):
    """A small network of the family of the shipped model."""
    torch.manual_seed(0)
    network = family_module("compact").build(HYPER)
    path = tmp_path / "tiny.safetensors"
    write_weights(path, network.state_dict(), {"family": "compact", "hyper": HYPER})
    return path


def surveyed(film):
    return survey_film(film, SurveySettings(), progress=NoProgress())


def test_the_worst_shots_that_are_long_enough_are_read_from_their_middle(film):
    report = surveyed(film)

    shots = chosen_shots(report)
    clips = read_clips(report, shots, NoProgress())

    # The last one, of five frames, is too short.
    assert [1, 2, 0] == [shot.shot for shot in shots]
    assert ["shot 1", "shot 2", "shot 0"] == [clip.name for clip in clips]
    assert [FRAMES, 8, 10] == [len(clip.views) for clip in clips]
    assert all(view.ab is None and view.size == (72, 96) for clip in clips for view in clip.views)


def test_frames_are_those_of_the_film(film):
    """The texture of the third shot begins anew at frame 26 of the film."""
    report = surveyed(film)
    everything = read_clips(report, report.shots, NoProgress())

    alone = read_clips(report, report.shots[2:3], NoProgress())

    assert torch.equal(everything[2].views[0].lightness, alone[0].views[0].lightness)
    assert not torch.equal(everything[0].views[-1].lightness, everything[1].views[0].lightness)
    assert not torch.equal(everything[2].views[0].lightness, everything[2].views[1].lightness)


def test_a_film_of_short_shots_is_examined_all_the_same(tmp_path):
    report = surveyed(colored_film(tmp_path / "short.mkv", [steady(3)]))

    assert [0] == [shot.shot for shot in chosen_shots(report)]


def test_no_more_shots_than_memory_holds(tmp_path):
    report = surveyed(colored_film(tmp_path / "many.mkv", [steady(6, (n, -n)) for n in range(SHOTS + 2)]))

    assert SHOTS == len(chosen_shots(report)) < len(report.shots)


def test_lines_without_truth_are_run(film):
    result = examine_on_film(Brown(), surveyed(film), lines=OURS, progress=NoProgress())

    assert [1, 2, 13, 15] == [line.number for line in result.lines]
    assert "brown" == result.model
    assert ("shot 1", "shot 2", "shot 0") == result.clips
    assert "1, 2, 0" in result.notes[0]
    verdicts = {line.number: line.verdict for line in result.lines}
    assert ("held", "held") == (verdicts[13], verdicts[15])
    assert "not tested" not in verdicts.values()


def test_the_page_has_a_section_with_every_judged_figure(film):
    report = surveyed(film)
    result = examine_on_film(Brown(), report, lines=OURS, progress=NoProgress())

    plain, page = make_page(report), make_page(report, result)

    assert 'id="lines"' not in plain
    section = page[page.index('id="lines"') :]
    assert "Faults of brown on this film" in section
    judged = [figure for line in result.lines for figure in line.figures if figure.verdict is not None]
    assert all(figure.name.replace("'", "&#39;") in section for figure in judged)
    assert "pictures held still" not in section


def test_the_command_adds_the_lines(weights, tmp_path):
    film, page = colored_film(tmp_path / "film.mkv", [steady(6), flickering(6)]), tmp_path / "page.html"

    outcome = command("report", film, "--model", "compact", "--weights", weights, "--json", "--html", page)

    values = json.loads(outcome.out, parse_constant=pytest.fail)
    assert 0 == outcome.code, outcome
    assert [line.number for line in truth_free_lines(LINES)] == [line["number"] for line in values["lines"]]
    examined = values["examined"]
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert ("compact", sha256, "flow", "normal") == tuple(
        examined[key] for key in ("model", "sha256", "smoothing", "smoothing_strength")
    )
    assert examined["compute"].startswith("cpu")
    # Height and width: the default of 256 pixels, in the shape of a film of 4:3.
    assert [192, 256] == examined["size"]
    told = [note for note in examined["notes"] if "at default size and smoothing" in note]
    assert 1 == len(told)
    assert sha256[:12] in told[0]
    assert told[0] in page.read_text()
    assert [0, 1] == [shot["shot"] for shot in values["shots"]]
    assert "Faults of compact on this film" in page.read_text()
    assert ["film.mkv", "page.html", "tiny.safetensors"] == leftovers(tmp_path)


def test_the_heading_says_what_was_examined(weights, tmp_path):
    film = colored_film(tmp_path / "film.mkv", [steady(6)])

    rows = command("report", film, "--model", "compact", "--weights", weights).out.splitlines()

    (heading,) = [row for row in rows if row.startswith("compact ")]
    assert heading.startswith(f"compact (weights {hashlib.sha256(weights.read_bytes()).hexdigest()[:12]}, cpu (")
    assert "pixels, smoothing flow (normal)) on 1 shot of this film: " in heading
    assert any("at default size and smoothing" in row for row in rows)


def test_without_a_model_nothing_changes(film):
    values = json.loads(command("report", film, "--json").out)
    printed = command("report", film).out

    assert not {"lines", "examined"} & set(values)
    assert "line " not in printed
    assert "note" not in printed


def test_the_model_that_made_the_film_is_named_and_not_loaded(film):
    row = {"start_s": 0, "end_s": 1.5, "frames": 39}
    record = {"model": "nowhere-to-be-found", "frame_count": 39, "shots": [row]}
    Path(f"{film}.report.json").write_text(json.dumps(record))

    outcome = command("report", film)

    assert 0 == outcome.code, outcome
    assert "nowhere-to-be-found made this film; --model examines" in outcome.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--weights", "some.safetensors"), 2, "there is no --model"),
        (("--model", "nothing"), 2, "nothing"),
        (("--model", "compact", "--weights", "missing.safetensors"), 4, "missing.safetensors"),
    ],
)
def test_what_is_wrong_is_said_before_the_film_is_read(tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)

    outcome = command("report", "no-such-film.mkv", *arguments)

    assert code == outcome.code, outcome
    assert words in outcome.last


@pytest.mark.shared
@pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the films of ../shared")
@pytest.mark.parametrize(
    ("name", "size"), [("bw-white-zombie-part.mp4", (120, 160)), ("bw-white-zombie-rotated.mp4", (80, 240))]
)
def test_real_films_are_seen_upright_with_square_pixels(name, size):
    """Stored as 240 rows of 160 pixels of twice the width; the other turned by a quarter, of half the width."""
    report = surveyed(MEDIA / name)

    views = [view for clip in read_clips(report, chosen_shots(report), NoProgress()) for view in clip.views]

    assert views
    assert {size} == {view.size for view in views}
