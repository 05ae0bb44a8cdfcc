"""`videocolor examine`: verdicts and figures on stdout, a page where one is asked for, and older results beside it."""

import json

import numpy as np
import pytest
import torch
from colored_films import colored_film, steady
from PIL import Image
from runs import command, leftovers

from videocolor.examine.lines.registry import LINES
from videocolor.models.registry import family_module
from videocolor.models.weights_file import write_weights

# The two quickest lines of photographs.
FAST = ("--lines", "9,10", "--render-factor", "4", "--device", "cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six smooth pictures, one of them gray."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(6):
        small = Image.fromarray(rng.integers(60, 200, (5, 7, 3), dtype=np.uint8))
        picture = small.resize((84, 64), Image.Resampling.BICUBIC)
        (picture.convert("L") if number == 5 else picture).save(folder / f"{number}.png")
    rows = ["file,kind,source", "0.png,portrait,ours", "1.png,portrait,ours", "2.png,animal,theirs"]
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def older(photos, tmp_path_factory):
    """A result in a file."""
    path = tmp_path_factory.mktemp("results") / "older.json"
    path.write_text(command("examine", "compact", photos, *FAST, "--json").out)
    return path


@pytest.fixture(autouse=True)
def _no_fetched_weights(tmp_path, monkeypatch):
    """`all` means the shipped model, whatever this machine has fetched."""
    monkeypatch.setenv("VIDEOCOLOR_WEIGHTS", str(tmp_path / "fetched"))


def test_a_row_for_each_figure_and_the_ranking_below(photos):
    outcome = command("examine", "compact", photos, *FAST, "--unseen", "theirs")

    assert 0 == outcome.code, outcome
    first, header, *rows = outcome.out.splitlines()
    assert first.startswith("compact: ")
    assert ["line", "complaint", "verdict", "figure", "value", "bar"] == header.split()
    titles = {line.number: line.title for line in LINES}
    assert rows[0].startswith("9 ")
    assert titles[9] in rows[0]
    assert any(row.startswith("10 ") and titles[10] in row for row in rows)
    for name in ("at CF .70", "shuffled", "mean color", "gray", "people", "animals", "known sources", "unseen sources"):
        assert any(row.startswith(name) for row in rows), name
    assert "note: 1 of the photographs has no color and is left out: 5.png." in rows
    assert "" == outcome.err


def test_json_is_one_object(older):
    values = json.loads(older.read_text(), parse_constant=pytest.fail)

    assert ("compact", 1, 5, []) == (values["model"], values["format"], values["photos"], values["clips"])
    assert 64 == len(values["sha256"])
    assert [9, 10] == [line["number"] for line in values["lines"]]
    assert 5 == len(values["ranking"]["photos"])
    assert (None, None) == (values["html"], values["against"])
    assert 4 == values["settings"]["render_factor"]
    assert "cpu" in values["settings"]["compute"]
    # "auto" would let the machine decide some verdicts.
    assert "float32" == values["settings"]["precision"]


def test_a_network_that_overflows_fails_and_is_not_in_the_way(photos, tmp_path):
    """Every line and the ranking, as JSON, on a page, and for people."""
    hyper = {"decoder_widths": [16, 16, 16], "encoder_width": 0.25, "folded": True}
    state = family_module("compact").build(hyper).state_dict()
    weights, page = tmp_path / "broken.safetensors", tmp_path / "page.html"
    broken = {name: value * torch.nan if value.is_floating_point() else value for name, value in state.items()}
    write_weights(weights, broken, {"family": "compact", "hyper": hyper})
    run = ("examine", "compact", photos, "--weights", weights, "--device", "cpu", "--few", "1", "--pictures", "2")

    outcome = command(*run, "--json", "--html", page)
    printed = command(*run, "--lines", "9,10")

    assert (0, 0) == (outcome.code, printed.code), (outcome, printed)
    values = json.loads(outcome.out, parse_constant=pytest.fail)
    assert "failed" in {line["verdict"] for line in values["lines"]}
    assert values["ranking"]["overall"]["shipped"]["psnr"] is None
    assert page.is_file()
    assert "nan" not in printed.out.split()


def test_only_some_pictures(photos):
    values = json.loads(command("examine", "compact", photos, *FAST, "--pictures", "2", "--few", "1", "--json").out)

    assert ["1.png", "4.png"] == [photo["name"] for photo in values["ranking"]["photos"]]
    assert 1 == values["settings"]["few"]


def test_a_result_against_itself_is_not_worse(photos, older):
    outcome = command("examine", "compact", photos, *FAST, "--against", older)

    assert "compact against compact: not worse" in outcome.out
    assert any(["all", "5", "+0.00", "+0.00"] == row.split()[:4] for row in outcome.out.splitlines())
    assert "newly" not in outcome.out
    assert "older" not in outcome.out


def test_an_older_result_that_shares_nothing_is_not_comparable(photos, older, tmp_path):
    values = json.loads(older.read_text())
    values["ranking"]["photos"], values["lines"] = [], [values["lines"][0] | {"number": 1, "verdict": "held"}]
    other = tmp_path / "other.json"
    other.write_text(json.dumps(values))

    outcome = command("examine", "compact", photos, *FAST, "--against", other)

    assert "compact against compact: not comparable" in outcome.out
    assert "lines that were held, now not tested: 1" in outcome.out


def test_every_setting_that_differs_from_the_older_result_has_a_line(photos, older, tmp_path):
    values = json.loads(older.read_text())
    values["settings"] |= {"render_factor": None, "precision": "bfloat16"}
    values["clips"] = ["film.mkv"]
    values["ranking"]["photos"].append(values["ranking"]["photos"][0] | {"sha256": "0" * 64})
    other = tmp_path / "other.json"
    other.write_text(json.dumps(values))

    outcome = command("examine", "compact", photos, *FAST, "--against", other)

    assert [
        "note: render factor 4, in the older result the model's own",
        "note: number format float32, in the older result bfloat16",
        "note: clips none, in the older result film.mkv",
    ] == [row for row in outcome.out.splitlines() if "older" in row]


def test_all_is_every_model_whose_weights_are_here(photos):
    outcome = command("examine", "all", photos, *FAST)

    assert 0 == outcome.code, outcome
    header, row, *legend = outcome.out.splitlines()
    assert ["model", "PSNR", "9", "10"] == header.split()
    assert "compact" == row.split()[0]
    assert f" 9  {next(line.title for line in LINES if line.number == 9)}" == legend[0]


def test_json_of_all_is_a_list_of_results_and_each_meets_its_older_self(photos, older, tmp_path):
    several = tmp_path / "several.json"
    several.write_text(json.dumps({"results": [json.loads(older.read_text()) | {"model": "other"}] * 2}))
    one = tmp_path / "one.json"
    one.write_text(json.dumps({"results": [json.loads(older.read_text())]}))

    (lonely,) = json.loads(command("examine", "all", photos, *FAST, "--json", "--against", several).out)["results"]
    (paired,) = json.loads(command("examine", "all", photos, *FAST, "--json", "--against", one).out)["results"]

    assert ("compact", None) == (lonely["model"], lonely["against"])
    assert (0, 5) == (paired["against"]["overall"]["mean"], paired["against"]["overall"]["photos"])
    assert ([], []) == (paired["against"]["newly_failed"], paired["against"]["newly_held"])


def test_the_page_is_written_whole_and_never_over_another_file(photos, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")

    refused = command("examine", "compact", photos, *FAST, "--html", page)
    kept = page.read_text()
    replaced = command("examine", "compact", photos, *FAST, "--html", page, "--overwrite", "--json")

    assert (2, 0) == (refused.code, replaced.code), (refused, replaced)
    assert "Use --overwrite" in refused.last
    assert "mine" == kept
    assert str(page) == json.loads(replaced.out)["html"]
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert ["page.html"] == leftovers(tmp_path)


def test_clips_alone_are_enough(tmp_path):
    film = colored_film(tmp_path / "film.mkv", [steady(6)])

    values = json.loads(command("examine", "compact", *FAST, "--clips", film, "--json").out)

    assert (0, ["film.mkv"], None) == (values["photos"], values["clips"], values["ranking"])
    assert {"not tested"} == {line["verdict"] for line in values["lines"]}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("compact",), 2, "nothing to examine on"),
        (("compact", "missing.png"), 3, "does not exist"),
        (("compact", "torn.png"), 3, "torn.png"),
        (("compact", "photos", "--clips", "photos/0.png"), 3, "is a picture, not a film"),
        (("compact", "photos", "--clips", "missing.mkv"), 3, "does not exist"),
        (("nobody", "photos"), 2, "no model 'nobody'"),
        (("compact", "photos", "--render-factor", "1"), 2, "--render-factor"),
        (("compact", "photos", "--render-factor", "2"), 2, "--render-factor 2 is too small for compact"),
        (("compact", "photos", "--lines", "some"), 2, "--lines"),
        (("compact", "photos", "--lines", "9-"), 2, "--lines"),
        (("compact", "photos", "--lines", "9,99"), 2, "Lines are 1, 2"),
        (("compact", "photos", "--lines", "5-1"), 2, "Lines are 1, 2"),
        (("compact", "photos", "--lines", "1-999999999999"), 2, "Lines are 1, 2"),
        (("compact", "photos", "--lines", "1-" + 5000 * "9"), 2, "Lines are 1, 2"),
        (("compact", "photos", "--unseen", "their"), 2, "Sources are: ours, theirs"),
        (("compact", "photos/5.png", "photos/4.png", "--unseen", "their"), 2, "index.csv"),
        (("compact", "photos", "--weights", "missing.safetensors"), 4, "missing.safetensors"),
        (("compact", "photos", "--against", "missing.json"), 3, "does not exist"),
        (("compact", "photos", "--against", "photos/0.png"), 2, "no result of an examination"),
        (("compact", "photos", "--html", "page.txt"), 2, "no name of a page"),
        (("all", "photos", "--html", "page.html"), 2, "--html is for one model"),
        (("all", "photos", "--weights", "some.pth"), 2, "--weights is for one model"),
    ],
)
def test_exit_codes_and_one_line(photos, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").symlink_to(photos)
    (tmp_path / "torn.png").write_bytes((photos / "0.png").read_bytes()[:300])

    outcome = command("examine", *arguments)

    assert code == outcome.code, outcome
    assert words in outcome.last, outcome
    assert 1 == len(outcome.lines) or "Usage" in outcome.err
    assert "" == outcome.out
