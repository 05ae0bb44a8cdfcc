"""`videocolor evaluate`: a table for people, one object or one table for programs."""

import csv
import io
import json

import pytest
from colored_films import colored_film, flickering, steady
from made_films import make_film
from PIL import Image
from runs import command


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    return (
        colored_film(folder / "truth.mkv", [steady(12), steady(9, (10, 12))]),
        colored_film(folder / "result.mkv", [flickering(12), steady(9, (8, 10))]),
    )


def test_the_table_says_what_was_compared_and_has_every_column(films):
    outcome = command("evaluate", *films)

    assert 0 == outcome.code, outcome
    first, header, *rows = outcome.out.splitlines()
    assert "21 frames in 2 shots, 96x72; PSNR of peak 255" == first
    assert ["result", "gray", "mean", "color", "truth"] == header.split()
    for name in ("PSNR_ab, dB", "SSIM", "dE00 mean", "AuC balanced", "CF", "warp_ab", "CDC", "CDC - CDC of the truth"):
        assert any(row.startswith(name) for row in rows), name
    assert "" == outcome.err


def test_json_is_one_object(films):
    values = json.loads(command("evaluate", *films, "--json").out, parse_constant=pytest.fail)

    assert (21, "film", 2) == (values["frame_count"], values["kind"], len(values["shots"]))
    assert values["clip"]["warp_ab_ratio"] > 1


def test_csv_has_a_row_for_every_shot(films):
    rows = list(csv.DictReader(io.StringIO(command("evaluate", *films, "--csv").out)))

    assert ["0", "1"] == [row["shot"] for row in rows]
    assert float(rows[0]["result_warp_ab"]) > 3 > float(rows[0]["truth_warp_ab"])
    assert not any(value.startswith(("(", "{")) for row in rows for value in row.values())


def test_pictures_have_no_figures_over_time(tmp_path):
    for folder in ("truth", "result"):
        (tmp_path / folder).mkdir()
        for name, color in (("a", (90, 40, 30)), ("b", (30, 60, 90))):
            Image.new("RGB", (40, 30), color).save(tmp_path / folder / f"{name}.png")

    outcome = command("evaluate", tmp_path / "truth", tmp_path / "result")
    rows = list(csv.DictReader(io.StringIO(command("evaluate", tmp_path / "truth", tmp_path / "result", "--csv").out)))

    assert "2 pictures, 40x30; PSNR of peak 255" == outcome.out.splitlines()[0]
    assert "warp_ab" not in outcome.out
    assert ["a", "b"] == [row["name"] for row in rows]


@pytest.mark.parametrize(
    ("truth", "result", "words"),
    [
        ("missing.mkv", "film.mkv", "does not exist"),
        ("film.mkv", "missing.mkv", "does not exist"),
        ("film.mkv", "still.png", "is a film and"),
        ("film.mkv", "short.mkv", "ends after 4 of the 6 frames"),
        ("film.mkv", "wide.mkv", "Scale one"),
        ("film.mkv", "text.mkv", "not a video"),
        ("sound.mka", "sound.mka", "no video stream"),
    ],
)
def test_what_cannot_be_compared_ends_with_3_and_one_line(tmp_path, monkeypatch, truth, result, words):
    monkeypatch.chdir(tmp_path)
    colored_film(tmp_path / "film.mkv", [steady(6)])
    colored_film(tmp_path / "short.mkv", [steady(4)])
    colored_film(tmp_path / "wide.mkv", [steady(6)], width=128)
    Image.new("RGB", (96, 72)).save(tmp_path / "still.png")
    (tmp_path / "text.mkv").write_text("no film\n" * 30)
    sound_only(tmp_path / "sound.mka")

    outcome = command("evaluate", truth, result)

    assert (3, 1) == (outcome.code, len(outcome.lines)), outcome
    assert words in outcome.last
    assert "" == outcome.out


def test_report_refuses_sound_alone(tmp_path):
    outcome = command("report", sound_only(tmp_path / "sound.mka"))

    assert (3, 1) == (outcome.code, len(outcome.lines)), outcome
    assert "no video stream" in outcome.last


def sound_only(path):
    import av
    import numpy as np

    with av.open(str(path), "w", format="matroska") as film:
        stream = film.add_stream("pcm_s16le", rate=8000)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        film.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def test_an_unknown_detector_is_wrong_usage(tmp_path):
    path = make_film(tmp_path / "film.mkv", frame_count=3)

    assert 2 == command("evaluate", path, path, "--detector", "eyes").code
