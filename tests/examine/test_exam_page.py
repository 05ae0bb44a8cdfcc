"""The page of an examination: what will go wrong stands first, one file, whatever things are called."""

import base64
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from html_page import Page
from made_results import HOSTILE, made_example, made_lines, made_ranking, made_result, made_standing

from videocolor.cli.examine import _print_lines as print_model_lines
from videocolor.cli.report import _print_lines as print_film_lines
from videocolor.errors import SettingsError, TargetError
from videocolor.examine.advice import ADVICE
from videocolor.examine.page import bar_text, check_page, figure_text, gauge, make_page, value_text, write_page
from videocolor.examine.ranking import Ranking
from videocolor.examine.verdict import Figure, LineResult

SEEN = {"size": [192, 256], "smoothing_strength": "normal"}
DOCS = Path(__file__).resolve().parents[2] / "docs" / "examination.md"


@pytest.fixture(scope="module")
def text():
    return make_page(made_result())


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_head_says_what_was_examined_and_how_it_went(page):
    words = re.sub(r"\s+", " ", "".join(page.texts))

    assert "compact Examined on 200 photographs and 1 clip; weights 453aab20453a; videocolor 0.1.0" in words
    assert "✗ 2 failed ✓ 1 held – 1 not tested" in words
    assert "Groups are those of the file index.csv." in words


def test_failed_lines_come_first_and_every_line_has_its_tile(text, page):
    """A restorer sees at once what will go wrong, and jumps there."""
    places = [text.index(f'id="line-{number}"') for number in (1, 9, 12, 15)]
    assert places == sorted(places)
    tiles = [value for tag, name, value in page.attributes if tag == "a" and name == "href" and "line-" in value]
    assert ["#line-1", "#line-12", "#line-15", "#line-9"] == tiles
    # Pictures of what holds are folded away.
    assert text.index('id="line-12"') < text.index("<summary>Worst pictures")


def test_figures_stand_beside_their_bars(page):
    rows = re.sub(r"\s+", " ", " ".join(page.texts))

    assert "sd of ab alone 1.62 ✗ at most 1 " in rows
    assert "mean chroma 14.2 ✓ at least 8 " in rows
    assert "rim over inside 1.02 ✓ 0.8 to 1.25 " in rows
    assert "More figures, without a bar warp_ab 2.50 " in rows
    assert "chroma of bars not tested: the clips have none " in rows
    assert "r2 undefined ✗ at least 0.3 " in rows
    assert "15. New shot takes the old one's colors there is no clip " in rows


@pytest.mark.parametrize(
    ("figure", "value", "zone"),
    [
        ({"value": 0.5, "high": 1.0}, 25, (0, 50)),
        ({"value": 9.0, "high": 1.0}, 100, (0, 50)),
        ({"value": 12.0, "low": 8.0}, 75, (50, 50)),
        ({"value": -1.0, "low": 0.3}, 0, (50, 50)),
        ({"value": 1.0, "low": 0.8, "high": 1.2}, 50, (33.3, 33.4)),
        # Equal or not: nothing but 0 is allowed.
        ({"value": 0.0, "high": 0.0}, 0, (0, 0)),
        ({"value": 0.2, "high": 0.0}, 20, (0, 0)),
        ({"value": 1.0, "low": 1.0, "high": 1.0}, 50, (50, 0)),
        ({"value": -30.0, "high": -20.0}, 25, (0, 50)),
    ],
)
def test_a_gauge_shows_on_which_side_of_its_bar_a_figure_is(figure, value, zone):
    found = gauge(Figure(name="", **figure))

    assert (value, zone) == (found.value, (found.zone_start, found.zone_width))


@pytest.mark.parametrize("figure", [{"value": None, "low": 1.0}, {"value": 2.0}, {"value": float("nan"), "high": 1.0}])
def test_no_gauge_without_a_value_and_a_bar(figure):
    assert gauge(Figure(name="", **figure)) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0123, "0.012"),
        (1.234, "1.23"),
        (-23.46, "-23.5"),
        (1234.5, "1234"),
        (12.0, "12"),
        (0.0, "0"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_figures_have_about_three_digits(value, words):
    assert words == figure_text(value)


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ({"value": 1.0012, "high": 1.0}, "1.001"),
        ({"value": 0.99996, "high": 1.0}, "1.000"),
        ({"value": 7.998, "low": 8.0}, "7.998"),
        ({"value": 1e-9, "high": 0.0}, "1e-09"),
        ({"value": 1.0012}, "1.00"),
        ({"value": None, "high": 1.0}, "–"),
    ],
)
def test_rounding_does_not_hide_on_which_side_of_its_bar_a_figure_is(figure, words):
    """1.00 beside "at most 1" looked held and was called failed."""
    assert words == value_text(Figure(name="", **figure))


def test_the_worst_pictures_are_gray_answer_and_truth(page):
    """Six of the failed line's seven with three pictures each, and the held line's one, whose truth nobody knows."""
    alts = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert 6 * 3 + 2 == len(alts)
    assert ["gray: 0 000.webp", "answer: 0 000.webp", "truth: 0 000.webp"] == alts[:3]
    assert ["gray: 000.webp", "answer: 000.webp"] == alts[-2:]

    means = []
    for url in [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")][:3]:
        data = np.frombuffer(base64.b64decode(url.removeprefix("data:image/jpeg;base64,")), np.uint8)
        blue, _, red = cv2.imdecode(data, cv2.IMREAD_COLOR).mean(axis=(0, 1))
        means.append(red - blue)
    assert abs(means[0]) < 1
    assert means[1] > 20
    assert means[2] < -20


def test_large_pictures_are_reduced():
    figure = Figure(name="sd of ab", value=2.0, high=1.0)
    line = LineResult(number=1, title="flicker", figures=(figure,), examples=(made_example(size=(540, 960)),))

    url = re.search(r'src="data:image/jpeg;base64,([^"]*)"', make_page(made_result(lines=(line,))))[1]

    picture = cv2.imdecode(np.frombuffer(base64.b64decode(url), np.uint8), cv2.IMREAD_COLOR)
    assert (126, 224, 3) == picture.shape


def test_the_ranking_stands_beside_what_does_nothing(page):
    rows = re.sub(r"\s+", " ", " ".join(page.texts))

    assert "At .70 of the true colorfulness 23.71 dB ; one color everywhere gets 22.80, no color 22.65." in rows
    assert "all photographs 200 23.71 22.40 22.80 22.65 2.8 % 13 % 6.4 % 0.72 23.60 " in rows
    assert "interiors 12 22.10 " in rows
    assert "nature 40 too gray – 22.80 22.65 – – – 0.72 23.60 " in rows
    assert "unseen sources 42 " in rows
    assert "Gray rows have fewer than 30 pictures" in rows


def test_a_model_too_gray_to_be_ranked_is_called_so():
    ranking = Ranking(gain=None, overall=made_standing(3, None), groups={}, sources={}, photos=())

    words = re.sub(r"\s+", " ", make_page(made_result(ranking=ranking)))

    assert "Too gray to be ranked: no gain brings it to .70" in words


def test_scores_that_are_no_numbers_are_dashes():
    ranking = replace(made_ranking(), gain=float("nan"), overall=made_standing(psnr=float("nan")))

    page = make_page(made_result(ranking=ranking))

    assert "<b>– dB</b>" in page
    assert not re.search(r"\bnan\b", page)


def test_settings_are_words():
    settings = {"unseen": ["coco132", "selfex"], "smoothing_strength": "normal", "render_factor": None}

    assert "<p>unseen coco132, selfex; smoothing strength normal</p>" in make_page(made_result(settings=settings))


def test_a_bar_that_was_computed_is_short():
    assert "at most 3.79" == bar_text(Figure(name="", value=1.0, high=3.78969))


def test_clips_alone_have_a_page_without_ranking():
    text = make_page(made_result(photos=0, ranking=None, sha256=None, clips=("a.mp4", "b.mp4"), notes=()))

    assert "Examined on 2 clips; videocolor" in re.sub(r"\s+", " ", text)
    assert "#ranking" not in text
    assert [] == Page(text).open


def test_names_are_text_and_nothing_else():
    result = made_result(
        model=HOSTILE,
        clips=(HOSTILE,),
        notes=(HOSTILE,),
        settings={HOSTILE: HOSTILE},
        lines=(
            *made_lines(HOSTILE),
            LineResult(
                number=2, title=HOSTILE, figures=(Figure(name=HOSTILE, value=1, low=0),), groups={HOSTILE: {HOSTILE: 1}}
            ),
        ),
    )

    text = make_page(result)

    assert "<script" not in text
    assert "{{ 7 * 7 }}" in text
    page = Page(text)
    assert not {name for _, name, _ in page.attributes if name.startswith("on")}
    assert [] == page.open


def test_the_page_needs_nothing_else(text, page):
    """No address of any kind: pictures are inside, and there is nothing to run."""
    assert [] == re.findall(r"\w+://\S*", text)
    assert not {"script", "link", "iframe"} & set(page.tags)
    targets = [value for _, name, value in page.attributes if name in ("src", "href")]
    assert all(value.startswith(("data:image/jpeg;base64,", "#")) for value in targets)
    assert ("meta", "content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in page.attributes


def test_the_page_is_sound(page):
    assert [] == page.open
    assert len(page.ids) == len(set(page.ids))
    assert {value[1:] for _, name, value in page.attributes if name == "href"} <= set(page.ids)


def test_the_same_result_gives_the_same_page(text):
    assert text == make_page(made_result())


def test_a_page_is_written_whole(tmp_path, text):
    check_page(tmp_path / "page.html", overwrite=False)
    write_page(made_result(), tmp_path / "page.html")

    assert text == (tmp_path / "page.html").read_text(encoding="utf-8")
    assert ["page.html"] == [path.name for path in tmp_path.iterdir()]
    with pytest.raises(SettingsError, match="--overwrite"):
        check_page(tmp_path / "page.html", overwrite=False)
    check_page(tmp_path / "page.html", overwrite=True)


@pytest.mark.parametrize(("name", "error"), [("page.txt", SettingsError), ("nowhere/page.html", TargetError)])
def test_what_no_page_can_be_written_to(tmp_path, name, error):
    with pytest.raises(error):
        check_page(tmp_path / name, overwrite=False)


@pytest.mark.parametrize("print_lines", [print_model_lines, print_film_lines])
def test_the_command_line_rounds_no_figure_onto_its_bar(print_lines, capsys):
    """1.00 beside "at most 1" would look as if it held."""
    line = LineResult(number=1, title="flicker", figures=(Figure(name="sd of ab", value=1.0004, high=1.0),))

    print_lines(made_result(lines=(line,), settings=made_result().settings | SEEN))

    assert "1.0004" in capsys.readouterr().out


def test_printing_figures_does_not_import_the_template_engine():
    """The command line takes words from here; only a page is worth the time."""
    program = "import sys, videocolor.examine.page; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_page_and_documentation_give_the_same_advice():
    """docs/examination.md has every line, and says the same about what to try."""
    sections = dict(
        re.findall(r"^### (\d+)\. [^\n]*\n(.*?)(?=^##)", DOCS.read_text() + "\n## ", re.MULTILINE | re.DOTALL)
    )

    assert {str(number) for number in ADVICE} == set(sections)
    assert [] == [number for number, advice in ADVICE.items() if advice.remedy not in sections[str(number)]]
