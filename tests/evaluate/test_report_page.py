"""The page of `report`: one file that needs nothing else, whatever the film is called."""

import os
import re
import subprocess
import sys

import pytest
from colored_films import colored_film, flickering, steady
from html_page import Page

from videocolor.errors import SettingsError, TargetError
from videocolor.evaluate.page import check_page, make_page, write_page
from videocolor.evaluate.plots import draw_plots
from videocolor.evaluate.shot_meter import FilmTraces
from videocolor.evaluate.shot_report import SurveySettings, survey_film
from videocolor.progress import NoProgress

_HOSTILE = '"><script>alert(1)<script><img src=x onerror=alert(2)>{{ 7 * 7 }}.mkv'


def survey(path):
    return survey_film(path, SurveySettings(), progress=NoProgress())


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / _HOSTILE
    return survey(colored_film(path, [steady(12), flickering(15)]))


@pytest.fixture(scope="module")
def text(report):
    return make_page(report)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_file_names_are_text_and_nothing_else(text, page):
    assert "<script" not in text
    assert "onerror" not in [name for _, name, _ in page.attributes]
    assert "{{ 7 * 7 }}" in text
    assert any(_HOSTILE in item for item in page.texts)


def test_the_page_needs_nothing_else(text, page):
    """No address of any kind: pictures are inside, and there is nothing to run."""
    assert [] == re.findall(r"\w+://\S*", text)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    targets = [value for _, name, value in page.attributes if name in ("src", "href", "xlink:href")]
    assert targets
    assert all(value.startswith(("data:image/jpeg;base64,", "#")) for value in targets)
    assert "url(http" not in text
    assert ("meta", "content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in page.attributes


def test_the_page_is_sound(page):
    """Every element is closed, every name stands once, every link within the page leads somewhere."""
    assert [] == page.open
    assert len(page.ids) == len(set(page.ids))
    links = {value[1:] for _, name, value in page.attributes if name in ("href", "xlink:href") and value[0] == "#"}
    assert links <= set(page.ids)


def test_shots_are_on_the_page_with_their_pictures_worst_first(report, text, page):
    assert 10 == page.tags.count("img")
    assert 5 == page.tags.count("svg")
    places = [text.index(f'id="shot-{shot.shot}"') for shot in report.worst_first]
    assert places == sorted(places)
    for shot in report.shots:
        assert f"{shot.start} – {shot.end}" in text
    assert "<b>1 of 2 shots</b> should be looked at" in text
    assert "<li>flicker</li>" in text


def test_the_same_film_gives_the_same_page(report, text):
    assert text == make_page(report)


def test_a_film_of_one_gray_frame_has_a_page(tmp_path):
    page = Page(make_page(survey(colored_film(tmp_path / "film.mkv", [steady(1, (0, 0))]))))

    assert 1 == page.tags.count("img")
    assert 5 == page.tags.count("svg")


def test_names_that_are_no_utf8_can_be_written(tmp_path):
    path = colored_film(tmp_path / "film.mkv", [steady(3)])
    strange = path.rename(tmp_path / os.fsdecode(b"caf\xe9.mkv"))

    write_page(survey(strange), tmp_path / "page.html")

    assert r"caf\udce9.mkv" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_long_films_have_small_plots():
    """Two hours at 24 frames a second, and 1500 shots."""
    count = 2 * 3600 * 24
    traces = FilmTraces()
    for name in ("chroma", "colorfulness", "near_gray_share", "tint_jitter"):
        getattr(traces, name).extend([0.5] * count)
    traces.time_s.extend(number / 24 for number in range(count))
    traces.tint_jitter[5000] = 40.0
    traces.pair_time_s.extend(float(number) for number in range(7200))
    traces.pair_warp_ab.extend([1.0] * 7200)

    cuts = [4.8 * number for number in range(1, 1500)]
    plots = draw_plots(traces, duration_s=7200.0, cuts_s=cuts, bands=[])

    assert sum(len(plot.svg) for plot in plots) < 400_000
    # A single frame that jumps is not averaged away.
    assert ">40<" in plots[1].svg
    assert ">2:00:00<" in plots[0].svg


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("film.mkv", "no name of a page"),
        ("page", "no name of a page"),
        ("there.html", "--overwrite"),
        ("folder.html", "is a folder"),
    ],
)
def test_what_a_page_must_not_replace(tmp_path, name, word):
    (tmp_path / "film.mkv").write_bytes(b"film")
    (tmp_path / "there.html").write_text("there")
    (tmp_path / "folder.html").mkdir()

    with pytest.raises(SettingsError, match=word):
        check_page(tmp_path / name, tmp_path / "film.mkv", overwrite=False)


def test_a_film_called_like_a_page_is_not_replaced(tmp_path):
    (tmp_path / "film.html").write_bytes(b"film")

    with pytest.raises(SettingsError, match="is the film itself"):
        check_page(tmp_path / "film.html", tmp_path / "film.html", overwrite=True)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(TargetError, match="does not exist"):
        check_page(tmp_path / "nowhere" / "page.html", tmp_path / "film.mkv", overwrite=False)


def test_other_commands_do_not_import_what_the_page_needs():
    """Drawing and templates cost a second; only a page is worth it."""
    program = (
        "import sys, videocolor.cli.report, videocolor.cli.evaluate, videocolor.evaluate.compare, "
        "videocolor.evaluate.page; sys.exit(bool({'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
