"""A converted file answers as its source does, says where it comes from, and is not there if anything went wrong."""

import json
import sys
from dataclasses import dataclass
from types import ModuleType

import pytest
import torch
from tiny_networks import TINY, ab_of, published_bytes, tiny_network
from torch import nn

from videocolor.core.frames import ChromaBatch
from videocolor.errors import SettingsError, TargetError, WeightsError
from videocolor.files import file_sha256
from videocolor.models import convert as convert_module
from videocolor.models.convert import convert
from videocolor.models.registry import FAMILIES
from videocolor.models.stored_model import build_network, read_model
from videocolor.models.weights_file import read_header, read_weights, write_weights


def our_file(path, network, family="compact"):
    write_weights(path, network.state_dict(), {"family": family, "hyper": TINY[family], "note": "mine"})
    return path


@pytest.fixture
def source(tmp_path):
    """A published file in small: ddcolor in torch's zip format."""
    path = tmp_path / "ddcolor.pth"
    path.write_bytes(published_bytes({"params": tiny_network("ddcolor").state_dict()}))
    return path


@pytest.fixture
def target(tmp_path):
    return tmp_path / "result.safetensors"


def test_the_result_says_where_it_comes_from(source, target):
    report = convert(source, target, precision="float16")

    header = read_header(target)
    assert header["family"] == "ddcolor"
    assert header["hyper"]["folded"] is True
    assert header["precision"] == "float16"
    assert {"file": "ddcolor.pth", "sha256": file_sha256(source)} == header["source"]
    assert file_sha256(target) == report.target_sha256
    assert target.stat().st_size == report.target_bytes
    assert target.stat().st_mode & 0o777 == 0o644


def test_the_report_is_json_with_every_figure(source, target):
    report = convert(source, target, precision="float16")

    values = json.loads(json.dumps(report.to_json()))
    assert (str(source), str(target), "ddcolor") == (values["source"], values["target"], values["family"])
    assert values["source_sha256"] == file_sha256(source)
    folded = build_network(read_model(target))
    assert values["parameter_count"] == sum(parameter.numel() for parameter in folded.parameters())
    # Folding was done, and rounding to float16 costs more.
    assert 0 < values["fold_difference"] < 1e-3
    assert values["fold_difference"] < values["precision_difference"] < 0.5


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_answers_as_before(tmp_path, target, family):
    network = tiny_network(family)
    expected = ab_of(network)
    path = our_file(tmp_path / "unfolded.safetensors", network, family)

    report = convert(path, target, precision="float32")

    assert expected.std() > 0.1, "these weights answer nothing: nothing would be tested"
    torch.testing.assert_close(ab_of(build_network(read_model(target))), expected, atol=2e-3, rtol=0)
    assert report.precision_difference == 0
    assert read_header(target)["note"] == "mine"


def test_matrices_are_rounded_and_vectors_are_not(source, target):
    convert(source, target, precision="bfloat16")

    dtypes = {(value.dim() > 1, value.dtype) for value in read_weights(target).values() if value.is_floating_point()}
    assert {(True, torch.bfloat16), (False, torch.float32)} == dtypes


def test_coarser_numbers_change_more(source, tmp_path):
    change = {
        precision: convert(source, tmp_path / f"{precision}.safetensors", precision=precision).precision_difference
        for precision in ("float32", "float16", "bfloat16")
    }

    assert 0 == change["float32"] < change["float16"] < change["bfloat16"]


def test_a_converted_file_can_be_converted_again(source, target, tmp_path):
    convert(source, target, precision="float32")

    report = convert(target, tmp_path / "again.safetensors", precision="float16")

    assert report.fold_difference == 0
    assert report.hyper["folded"] is True


def test_numbers_beyond_float16_are_refused_and_nothing_is_left(tmp_path, target):
    network = tiny_network("compact")
    with torch.no_grad():
        network.head.weight[0, 0] = 1e5
    path = our_file(tmp_path / "large.safetensors", network)

    with pytest.raises(WeightsError, match=r"head\.weight holds numbers beyond float16\. Use --precision bfloat16"):
        convert(path, target, precision="float16")

    assert [path] == list(tmp_path.iterdir())
    convert(path, target, precision="bfloat16")


def test_numbers_that_are_none_are_refused(tmp_path, target):
    network = tiny_network("compact")
    with torch.no_grad():
        network.head.bias[0] = torch.nan
    path = our_file(tmp_path / "damaged.safetensors", network)

    with pytest.raises(WeightsError, match=r"damaged\.safetensors does not answer with finite numbers"):
        convert(path, target, precision="float32")
    assert not target.exists()


@dataclass(frozen=True)
class WarmingHyper:
    folded: bool = False


class Warming(nn.Module):
    """A family whose folding is not the same function: it adds half a unit of a* and b*."""

    def __init__(self):
        super().__init__()
        self.hyper = WarmingHyper()
        self.offset = nn.Parameter(torch.zeros(1))

    def to_input(self, lightness):
        return lightness.expand(-1, 2, -1, -1)

    def forward(self, x):
        return x + self.offset

    def to_ab(self, output, lightness):
        return ChromaBatch(ab=output)

    def fold(self):
        self.offset.fill_(0.5)
        return self


def test_folding_that_changes_colors_is_refused(tmp_path, target, monkeypatch):
    module = ModuleType("warming_family")
    module.build = lambda hyper: Warming()
    monkeypatch.setitem(sys.modules, "warming_family", module)
    monkeypatch.setitem(FAMILIES, "warming", "warming_family")
    path = tmp_path / "odd.safetensors"
    write_weights(path, {"offset": torch.zeros(1)}, {"family": "warming", "hyper": {}})

    with pytest.raises(WeightsError, match=r"Folding the norms of .*odd\.safetensors changes its colors by up to 0\.5"):
        convert(path, target, precision="float32")
    assert not target.exists()


def test_a_result_that_comes_back_otherwise_is_not_kept(source, target, monkeypatch):
    def damaging(path, tensors, header):
        write_weights(path, {key: value * 2 for key, value in tensors.items()}, header)

    monkeypatch.setattr(convert_module, "write_weights", damaging)

    with pytest.raises(TargetError, match=r"result\.safetensors does not hold what was written\. Check the disk"):
        convert(source, target, precision="float16")
    assert [source] == list(source.parent.iterdir())


def test_an_existing_result_is_kept_until_the_new_one_is_verified(source, target, monkeypatch):
    target.write_bytes(b"old")
    with pytest.raises(SettingsError, match=r"exists already\. Use --overwrite"):
        convert(source, target, precision="float16")

    with monkeypatch.context() as patch:
        patch.setattr(convert_module, "write_weights", lambda path, *_: path.write_bytes(b"no weights"))
        with pytest.raises(WeightsError, match="is no weight file"):
            convert(source, target, precision="float16", overwrite=True)
    assert target.read_bytes() == b"old"

    convert(source, target, precision="float16", overwrite=True)
    assert read_header(target)["family"] == "ddcolor"


def test_targets_that_cannot_be_are_refused_before_the_work(source, tmp_path):
    with pytest.raises(SettingsError, match=r"result\.pth does not end with \.safetensors\. Choose a name"):
        convert(source, tmp_path / "result.pth", precision="float16")
    with pytest.raises(TargetError, match="does not exist"):
        convert(source, tmp_path / "nowhere" / "result.safetensors", precision="float16")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(SettingsError, match="is a folder"):
        convert(source, tmp_path / "folder.safetensors", precision="float16", overwrite=True)
    own = our_file(tmp_path / "own.safetensors", tiny_network("compact"))
    with pytest.raises(SettingsError, match="is the source itself"):
        convert(own, own, precision="float16", overwrite=True)
