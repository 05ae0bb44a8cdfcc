"""Weights are looked for in the package, then among the fetched; where they are absent, one command helps."""

from dataclasses import replace
from pathlib import Path

import pytest

from videocolor.errors import SettingsError, WeightsError
from videocolor.models.registry import load_card
from videocolor.models.store.place import absent_weights_error, find_weights, present_weights, weights_file_of
from videocolor.paths import weights_cache, weights_folder

COMPACT = load_card("compact")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOCOLOR_WEIGHTS", str(tmp_path))
    return tmp_path


def test_the_package_comes_before_the_cache(cache):
    (cache / "compact.safetensors").write_bytes(b"other")
    (cache / "fetched.pth").write_bytes(b"x")
    (cache / "folder.pth").mkdir()

    assert weights_folder() / "compact.safetensors" == find_weights("compact.safetensors")
    assert cache / "fetched.pth" == find_weights("fetched.pth")
    assert [None, None] == [find_weights(name) for name in ("folder.pth", "absent.pth")]


def test_the_cache_is_the_user_s_own_folder_by_default(cache, monkeypatch):
    monkeypatch.delenv("VIDEOCOLOR_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))

    assert ("videocolor", "weights") == weights_cache().parts[-2:]


def test_the_cache_chosen_by_the_environment_is_absolute(monkeypatch):
    monkeypatch.setenv("VIDEOCOLOR_WEIGHTS", "here")
    assert Path.cwd() / "here" == weights_cache()

    monkeypatch.setenv("VIDEOCOLOR_WEIGHTS", "~/there")
    assert Path.home() / "there" == weights_cache()


@pytest.mark.parametrize(
    ("weights_file", "message"),
    [
        (
            "ColorizeVideo_gen.pth",
            "The weights of some-model are not here. Fetch them (874 MB, MIT) with: videocolor models fetch some-model",
        ),
        ("lost.pth", "The weights of some-model (lost.pth) are missing. Install videocolor again."),
        (None, "some-model comes without weights. Give a weight file with --weights."),
    ],
)
def test_absent_weights_are_said_with_the_remedy(weights_file, message):
    error = absent_weights_error(replace(COMPACT, name="some-model", weights_file=weights_file))

    assert WeightsError is type(error)
    assert message == str(error)


def test_names_mean_models_and_files():
    names = ("compact", "ColorizeVideo_gen.pth")
    assert ["compact.safetensors", "ColorizeVideo_gen.pth"] == [weights_file_of(name) for name in names]

    with pytest.raises(SettingsError, match=r"no model and no weight file 'x'\. Models: .*compact.* Files: .*ddcolor"):
        weights_file_of("x")


def test_a_present_file_is_found_by_its_name(cache):
    with pytest.raises(WeightsError, match=r"ColorizeVideo_crit\.pth is not here\. Fetch it \(size unknown, MIT\)"):
        present_weights("ColorizeVideo_crit.pth")

    (cache / "ColorizeVideo_crit.pth").write_bytes(b"x")
    assert cache / "ColorizeVideo_crit.pth" == present_weights("ColorizeVideo_crit.pth")
