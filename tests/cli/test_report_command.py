"""`videocolor report`: the worst shots on stdout, a page where one is asked for."""

import json

import pytest
from colored_films import colored_film, flickering, steady
from PIL import Image
from runs import command, leftovers


@pytest.fixture
def film(tmp_path):
    return colored_film(tmp_path / "film.mkv", [steady(10), flickering(12), steady(8, (0, 0))])


def test_the_worst_shot_is_the_first_row(film):
    outcome = command("report", film)

    assert 0 == outcome.code, outcome
    first, header, *rows = outcome.out.splitlines()
    assert "2 of 3 shots should be looked at; the worst first:" == first
    assert ["shot", "start", "end", "frames", "score"] == header.split()[:5]
    assert ["1", "00:00:00.400", "00:00:00.880", "12"] == rows[0].split()[:4]
    assert "flicker" in rows[0]
    assert 3 == len(rows)
    assert ["film.mkv"] == leftovers(film.parent)


def test_as_many_rows_as_asked(film):
    assert 2 + 1 == len(command("report", film, "--worst", "1").out.splitlines())


def test_json_has_every_shot(film):
    values = json.loads(command("report", film, "--json", "--worst", "1").out, parse_constant=pytest.fail)

    assert [0, 1, 2] == [shot["shot"] for shot in values["shots"]]
    assert 1 == values["shots_to_check"][0]
    assert values["html"] is None


def test_the_page_is_written_whole_and_never_over_another_file(film, tmp_path):
    page = tmp_path / "page.html"

    first = command("report", film, "--html", page, "--json")
    text = page.read_text()
    again = command("report", film, "--html", page)
    replaced = command("report", film, "--html", page, "--overwrite")

    assert (0, 2, 0) == (first.code, again.code, replaced.code)
    assert "Use --overwrite" in again.last
    assert str(page) == json.loads(first.out)["html"]
    assert text == page.read_text()
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert ["film.mkv", "page.html"] == leftovers(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("missing.mkv",), 3, "does not exist"),
        (("still.png",), 3, "is a picture, not a film"),
        (("text.mkv",), 3, "not a video"),
        ((".",), 3, "is a folder"),
        (("film.mkv", "--pairs", "few"), 2, "--pairs"),
        (("film.mkv", "--pairs", "0"), 2, "--pairs"),
        (("film.mkv", "--width", "5"), 2, "--width"),
        (("film.mkv", "--html", "film.mkv", "--overwrite"), 2, "no name of a page"),
        (("film.mkv", "--html", "nowhere/page.html"), 1, "does not exist"),
    ],
)
def test_exit_codes_and_one_line(film, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (16, 16)).save(tmp_path / "still.png")
    (tmp_path / "text.mkv").write_text("no film\n" * 30)
    before = film.read_bytes()

    outcome = command("report", *arguments)

    assert code == outcome.code, outcome
    assert words in outcome.last
    assert 1 == len([line for line in outcome.lines if line.startswith(("videocolor: ", "Error: "))])
    assert before == film.read_bytes()
    assert ["film.mkv", "still.png", "text.mkv"] == leftovers(tmp_path)


def test_all_pairs_can_be_asked_for(film):
    values = json.loads(command("report", film, "--json", "--pairs", "all").out)

    assert [9, 11, 7] == [shot["pairs"] for shot in values["shots"]]
    assert values["pairs_per_shot"] is None


def test_control_characters_of_a_file_name_do_not_reach_the_page_or_the_terminal(film, tmp_path):
    strange = film.rename(tmp_path / "a\x1b[31m<b>.mkv")

    outcome = command("report", strange, "--html", tmp_path / "page.html")

    assert 0 == outcome.code
    assert "\x1b" not in outcome.out
    text = (tmp_path / "page.html").read_text()
    assert "a\N{REPLACEMENT CHARACTER}[31m&lt;b&gt;.mkv" in text
    assert "\x1b" not in text
