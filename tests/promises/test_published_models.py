"""Promise: a published model's file runs on films and pictures as it was published, and the film loses nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from made_films import Sound, make_film
from PIL import Image
from recipe_weights_deoldify import recipe_state, write_official_layout
from runs import command

from videocolor.models.deoldify import build

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference"
HYPERS = {"artistic": {"encoder": "resnet34", "decoder": "deep", "factor": 1.5}, "video": {}}
CPU = ("--device", "cpu")
# Without loss, so that every bit of the luma is checked.
FILM = (*CPU, "--render-factor", "4", "--codec", "ffv1")


def write_published(folder, name, *, is_zip=False):
    """A file in the published layout, {"model", "opt"}, with made weights."""
    with torch.device("meta"):
        state = build(HYPERS[name]).state_dict()
    layout = [[key, list(value.shape), str(value.dtype)] for key, value in state.items()]
    path = folder / f"Colorize{name.capitalize()}_gen.pth"
    write_official_layout(path, recipe_state(layout, name), is_zip=is_zip)
    return path


@pytest.fixture(scope="module")
def artistic(tmp_path_factory):
    return write_published(tmp_path_factory.mktemp("weights"), "artistic")


@pytest.fixture
def film(tmp_path):
    return make_film(tmp_path / "film.mkv", frame_count=5, sounds=(Sound(codec="aac"),))


def verified(source, target):
    outcome = command("verify", source, target)
    assert 0 == outcome.code, outcome


def test_a_film_by_a_published_file_keeps_everything(film, artistic, tmp_path):
    target = tmp_path / "colored.mkv"

    outcome = command("colorize", film, "-o", target, "--model", "deoldify-artistic", "--weights", artistic, *FILM)

    assert 0 == outcome.code, outcome
    verified(film, target)
    report = json.loads((tmp_path / "colored.mkv.report.json").read_text())
    assert [[64, 64]] == report["network_sizes"]
    assert report["weights_sha256"]


def test_a_converted_file_gives_the_published_one_s_colors(artistic, tmp_path):
    """Norms folded, float32 kept: what differs is rounding."""
    converted = tmp_path / "artistic.safetensors"
    outcome = command("models", "convert", artistic, "-o", converted, "--precision", "float32")
    assert 0 == outcome.code, outcome
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 56), np.uint8)).save(tmp_path / "photo.png")

    colored = []
    for index, weights in enumerate((artistic, converted)):
        target = tmp_path / f"{index}.png"
        options = ("--model", "deoldify-artistic", "--weights", weights, "--render-factor", "4")
        outcome = command("colorize", tmp_path / "photo.png", "-o", target, *options, "--precision", "float32", *CPU)
        assert 0 == outcome.code, outcome
        verified(tmp_path / "photo.png", target)
        colored.append(np.asarray(Image.open(target), int))

    assert np.abs(colored[0] - colored[1]).max() <= 1


def test_two_models_blended_color_a_film(film, artistic, tmp_path):
    target = tmp_path / "colored.mkv"
    model = ("--model", "deoldify-artistic+compact", "--weights", f"deoldify-artistic={artistic}")
    blend = ("--blend", "0.3", "--blend-method", "chroma-bound")

    outcome = command("colorize", film, "-o", target, *model, *blend, *FILM)

    assert 0 == outcome.code, outcome
    verified(film, target)
    report = json.loads((tmp_path / "colored.mkv.report.json").read_text())
    assert 2 == len(report["network_sizes"])
    assert "+" in report["weights_sha256"]


def test_absent_weights_name_the_one_command_that_gets_them(film, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOCOLOR_WEIGHTS", str(tmp_path / "none"))

    outcome = command("colorize", film, "-o", tmp_path / "x.mkv", "--model", "deoldify-video")

    assert 4 == outcome.code
    assert outcome.last.endswith("videocolor models fetch deoldify-video")
    assert not (tmp_path / "x.mkv").exists()


def test_a_file_of_another_variant_is_refused(film, artistic, tmp_path):
    """Converted or not; else the result would name a model that did not make it."""
    converted = tmp_path / "converted.safetensors"
    assert 0 == command("models", "convert", artistic, "-o", converted).code
    for weights in (artistic, converted):
        outcome = command("colorize", film, "-o", tmp_path / "x.mkv", "--model", "deoldify-video", "--weights", weights)

        assert 4 == outcome.code
        assert "holds another deoldify network than deoldify-video: encoder resnet34" in outcome.err


@pytest.mark.shared
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the recorded pictures of ../shared")
@pytest.mark.parametrize(("name", "factor"), [("artistic", 10), ("video", 12)])
def test_faithful_gives_the_original_s_pictures(name, factor, artistic, tmp_path):
    """Through the command line: one level of rounding may differ on a few pixels."""
    weights = artistic if name == "artistic" else write_published(tmp_path, name, is_zip=True)
    for photograph in ("landscape", "portrait"):
        target = tmp_path / f"{photograph}.png"
        options = ("--model", f"deoldify-{name}", "--weights", weights, "--render-factor", factor, "--faithful")

        outcome = command("colorize", REFERENCE / "e2e" / f"{photograph}.png", "-o", target, *options, *CPU)

        assert 0 == outcome.code, outcome
        expected = np.asarray(Image.open(REFERENCE / "e2e" / f"{photograph}_{name}_rf{factor}.png").convert("RGB"), int)
        result = Image.open(target)
        difference = np.abs(np.asarray(result.convert("RGB"), int) - expected).max(axis=2)
        assert difference.max() <= 3
        assert (difference > 0).mean() <= 1e-3
        assert f"model deoldify-{name}" in result.text["VIDEOCOLOR"]
        assert "as the original program" in result.text["VIDEOCOLOR"]


def test_faithful_is_refused_where_it_means_nothing(film, artistic, tmp_path):
    options = ("--model", "deoldify-artistic", "--weights", artistic, "--faithful")
    outcome = command("colorize", film, "-o", tmp_path / "x.mkv", *options)
    assert (2, True) == (outcome.code, "--faithful is for pictures" in outcome.err)
    outcome = command("colorize", film, "-o", tmp_path / "x.mkv", *options, "--preview")
    assert (2, True) == (outcome.code, "--faithful is for pictures" in outcome.err)

    (tmp_path / "bad.png").write_bytes(b"nonsense")
    outcome = command("colorize", tmp_path / "bad.png", "-o", tmp_path / "x.png", *options)
    assert (3, False) == (outcome.code, "is a film" in outcome.err)

    Image.new("L", (32, 32), 90).save(tmp_path / "photo.png")
    outcome = command("colorize", tmp_path / "photo.png", "-o", tmp_path / "x.png", "--faithful")
    assert (2, True) == (outcome.code, "compact has no original program" in outcome.err)

    options_of_two = ("--model", "deoldify-artistic+compact", "--faithful")
    outcome = command("colorize", tmp_path / "photo.png", "-o", tmp_path / "x.png", *options_of_two)
    assert (2, True) == (outcome.code, "deoldify-artistic+compact has no original program" in outcome.err)

    Image.fromarray(np.full((32, 32), 9000, np.uint16)).save(tmp_path / "deep.png")
    outcome = command("colorize", tmp_path / "deep.png", "-o", tmp_path / "x.png", *options)
    assert (2, True) == (outcome.code, "has 16 bits, the original knows 8" in outcome.err)

    Image.new("LA", (32, 32), (90, 10)).save(tmp_path / "alpha.png")
    outcome = command("colorize", tmp_path / "alpha.png", "-o", tmp_path / "x.png", *options)
    assert (2, True) == (outcome.code, "has transparency" in outcome.err)
    assert not (tmp_path / "x.png").exists()


def test_no_provenance_leaves_no_word_about_the_model(film, tmp_path):
    target = tmp_path / "colored.mkv"
    outcome = command("colorize", film, "-o", target, "--no-provenance", *FILM)
    assert 0 == outcome.code, outcome
    verified(film, target)
    assert b"model compact" not in target.read_bytes()

    Image.new("L", (32, 32), 90).save(tmp_path / "photo.png")
    command("colorize", tmp_path / "photo.png", "-o", tmp_path / "x.png", "--no-provenance", *CPU)
    assert "VIDEOCOLOR" not in Image.open(tmp_path / "x.png").text
