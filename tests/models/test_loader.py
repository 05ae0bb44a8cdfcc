"""Loading: the right file, whole, of the right network, or a message that says which of these failed."""

import os

import pytest
import torch
from tiny_parts import make_batch

from videocolor.errors import SettingsError, WeightsError
from videocolor.files import file_sha256
from videocolor.models import loader, registry
from videocolor.models.adapter import NetworkColorizer
from videocolor.models.compact import build
from videocolor.models.loader import load_colorizer
from videocolor.models.registry import family_module
from videocolor.models.store import place
from videocolor.models.weights_file import write_weights

HYPER = {"decoder_widths": [16, 16, 16], "encoder_width": 0.25}


def write_card(folder, *, sha256="", weights_file="tiny.safetensors"):
    lines = ['name = "tiny"', 'family = "compact"', 'summary = "For tests."', 'licence = "MIT"']
    if weights_file:
        lines.append(f'weights_file = "{weights_file}"')
    if sha256:
        lines.append(f'sha256 = "{sha256}"')
    rule = ["[size_rule]", "multiple_of = 32", "minimum = 64", "square = false", "default_side = 64"]
    (folder / "tiny.toml").write_text("\n".join([*lines, *rule]))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A weights folder with one tiny model."""
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    write_weights(path, build(HYPER).state_dict(), {"family": "compact", "hyper": HYPER})
    write_card(tmp_path, sha256=file_sha256(path))
    for module in (registry, place):
        monkeypatch.setattr(module, "weights_folder", lambda: tmp_path)
    return tmp_path


def load(**changes):
    return load_colorizer(**{"name": "tiny", "device": "cpu", "precision": "float32", **changes})


def test_the_colorizer_has_the_file_s_numbers_and_its_card_the_file_s_hash(folder):
    colorizer = load()

    torch.manual_seed(0)
    network = build(HYPER)
    batch = make_batch(torch.rand(2, 1, 64, 64) * 100)
    expected = NetworkColorizer(network, colorizer.card, colorizer.compute).predict(batch).ab
    torch.testing.assert_close(colorizer.predict(batch).ab, expected, atol=1e-3, rtol=0)
    assert file_sha256(folder / "tiny.safetensors") == colorizer.card.sha256
    assert HYPER == colorizer.card.hyper


def test_weights_in_half_precision_run_in_float32(folder):
    network, path = build(HYPER).half(), folder / "half.safetensors"
    write_weights(path, network.state_dict(), {"family": "compact", "hyper": HYPER})

    colorizer = load(weights=str(path))

    batch = make_batch(torch.rand(1, 1, 64, 64) * 100)
    expected = NetworkColorizer(network.float(), colorizer.card, colorizer.compute).predict(batch).ab
    torch.testing.assert_close(colorizer.predict(batch).ab, expected, atol=1e-3, rtol=0)


def test_a_damaged_file_is_recognized_by_its_hash(folder):
    path = folder / "tiny.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(
        WeightsError, match=r"is damaged: sha256 \w{12}…, the card says \w{12}…\. Install videocolor again"
    ):
        load()


def test_the_user_s_own_weights_need_no_hash(folder):
    other = folder / "other.safetensors"
    write_weights(other, build(HYPER).state_dict(), {"family": "compact", "hyper": HYPER, "note": "mine"})

    assert file_sha256(other) == load(weights=str(other)).card.sha256


@pytest.mark.usefixtures("folder")
def test_missing_weights_are_said(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors does not exist\. Check --weights"):
        load(weights=str(tmp_path / "nowhere.safetensors"))
    (tmp_path / "tiny.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"The weights of tiny .* are missing\. Install videocolor again"):
        load()
    write_card(tmp_path, weights_file="")
    with pytest.raises(WeightsError, match=r"tiny comes without weights\. Give a weight file with --weights"):
        load()


@pytest.mark.usefixtures("folder")
def test_weights_that_may_not_be_read_are_said(monkeypatch):
    def refuse(path):
        raise PermissionError(13, os.strerror(13), str(path))

    monkeypatch.setattr(loader, "file_sha256", refuse)
    with pytest.raises(WeightsError, match=r"cannot be read: Permission denied\. Check its permissions"):
        load()


def test_weights_of_another_family_are_refused(folder):
    path = folder / "other.safetensors"
    hyper = {"encoder": "resnet18", "decoder": "deep", "factor": 0.25}
    write_weights(path, family_module("deoldify").build(hyper).state_dict(), {"family": "deoldify", "hyper": hyper})

    with pytest.raises(WeightsError, match=r"of the family 'deoldify', not 'compact'\. Choose the model"):
        load(weights=str(path))


def test_weights_of_an_unknown_family_are_refused(folder):
    path = folder / "other.safetensors"
    write_weights(path, {"x": torch.zeros(1)}, {"family": "giant", "hyper": {}})

    with pytest.raises(WeightsError, match=r"The family 'giant' is not known here\."):
        load(weights=str(path))


@pytest.mark.parametrize("change", ["missing", "surplus", "shape"])
def test_weights_of_another_size_are_refused(folder, change):
    state = dict(build(HYPER).state_dict())
    if change == "missing":
        del state["head.weight"]
    elif change == "surplus":
        state["tail.weight"] = torch.zeros(1)
    else:
        state["head.weight"] = torch.zeros(258, 8, 1, 1)
    path = folder / "other.safetensors"
    write_weights(path, state, {"family": "compact", "hyper": HYPER})

    with pytest.raises(WeightsError, match=r"other\.safetensors: .* do not fit compact .*(head|tail)\.weight"):
        load(weights=str(path))


@pytest.mark.usefixtures("folder")
def test_a_wrong_device_or_precision_is_refused():
    with pytest.raises(SettingsError, match="--device is 'gpu'"):
        load(device="gpu")
    with pytest.raises(SettingsError, match="--precision bfloat16 is not possible with tiny"):
        load(precision="bfloat16")


@pytest.mark.usefixtures("folder")
def test_auto_runs():
    assert load(precision="auto").compute.precision == "float32"
