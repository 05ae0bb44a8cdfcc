"""Whatever the file: the network that comes out is whole, folded and the one that went in, or it is said why not."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from tiny_networks import TINY, ab_of, published_bytes, tiny_network
from torch import nn

from videocolor.errors import WeightsError
from videocolor.models.registry import FAMILIES
from videocolor.models.stored_model import StoredModel, build_network, read_model, restore_network
from videocolor.models.weights_file import write_weights

each_family = pytest.mark.parametrize("family", sorted(FAMILIES))


def stored(**changes):
    """A tiny ddcolor as a file might hold it."""
    network = tiny_network("ddcolor")
    values = {"family": "ddcolor", "hyper": TINY["ddcolor"], "state": dict(network.state_dict()), "header": {}}
    return StoredModel(**{**values, **changes})


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path, state: path.write_bytes(published_bytes({"params": state})), id="zip"),
        pytest.param(lambda path, state: path.write_bytes(published_bytes(state, is_zip=False)), id="legacy"),
        pytest.param(lambda path, state: save_file(state, path), id="safetensors"),
        pytest.param(lambda path, state: save_file(state, path, metadata={"format": "pt"}), id="with-metadata"),
    ],
)
def test_files_of_others_are_known_by_their_content(tmp_path, write, name):
    state = dict(tiny_network("ddcolor").state_dict())
    path = tmp_path / name
    write(path, state)

    found = read_model(path)

    assert found.family == "ddcolor"
    assert {key: tuple(value) if isinstance(value, list) else value for key, value in TINY["ddcolor"].items()} == {
        key: found.hyper[key] for key in TINY["ddcolor"]
    }
    assert found.header == {}
    assert state.keys() == found.state.keys()
    assert all(torch.equal(value, found.state[key]) for key, value in state.items())


@each_family
def test_our_own_files_say_what_they_are(tmp_path, family):
    path = tmp_path / "model.safetensors"
    write_weights(path, tiny_network(family).state_dict(), {"family": family, "hyper": TINY[family], "note": "mine"})

    found = read_model(path)

    assert (family, TINY[family], "mine") == (found.family, found.hyper, found.header["note"])


def test_a_weight_file_that_begins_like_a_pickle_is_none(tmp_path):
    """Its first bytes are the length of the header, which can be any."""
    path, state, note = tmp_path / "model.safetensors", {"a": torch.ones(1)}, ""
    while path.exists() is False or path.read_bytes()[:1] != b"\x80":
        note += "........"
        write_weights(path, state, {"family": "ddcolor", "hyper": {}, "note": note})

    assert read_model(path).header["note"] == note


def test_keys_that_the_family_ignores_are_dropped(tmp_path):
    state = dict(tiny_network("ddcolor").state_dict())
    content = {"params": {**state, "encoder.arch.head_cls.weight": torch.ones(9, 64)}}
    (tmp_path / "a.pth").write_bytes(published_bytes(content))

    found = read_model(tmp_path / "a.pth")

    assert state.keys() == found.state.keys()
    build_network(found)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"not found", "is no weight file"),
        (b"\x10\0\0\0\0\0\0\0{", "is cut off"),
        (b"PK\x03\x04", "is cut off"),
        (b"\x80\x02", "is cut off"),
    ],
)
def test_broken_files_are_refused_by_name(tmp_path, data, problem):
    path = tmp_path / "model.bin"
    path.write_bytes(data)

    with pytest.raises(WeightsError, match=rf"model\.bin .*{problem}"):
        read_model(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        read_model(tmp_path / "model.pth")
    with pytest.raises(WeightsError, match="is no file"):
        read_model(tmp_path)


def test_an_unknown_network_is_refused_with_the_file_s_name(tmp_path):
    (tmp_path / "other.pth").write_bytes(published_bytes({"features.0.weight": torch.ones(2, 2)}))

    with pytest.raises(WeightsError, match=r"other\.pth: 1 tensors \(features\.0\.weight\) are of no network"):
        read_model(tmp_path / "other.pth")


@each_family
def test_the_network_is_folded_float32_and_answers_as_before(family):
    network = tiny_network(family)
    expected = ab_of(network)

    built = build_network(stored(family=family, hyper=TINY[family], state=dict(network.state_dict())))

    assert built.hyper.folded
    assert not built.training
    tensors = {**dict(built.named_parameters()), **dict(built.named_buffers())}
    assert {"cpu"} == {value.device.type for value in tensors.values()}
    assert {torch.float32} == {value.dtype for value in tensors.values() if value.is_floating_point()}
    torch.testing.assert_close(ab_of(built), expected, atol=2e-3, rtol=0)
    # Folding is done once.
    state = built.state_dict()
    again = build_network(stored(family=family, hyper={**TINY[family], "folded": True}, state=state))
    assert torch.equal(ab_of(built), ab_of(again))


def test_half_precision_becomes_float32_and_float32_is_not_copied():
    state = dict(tiny_network("ddcolor").state_dict())
    halves = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}

    restored = restore_network(stored(state=halves)).state_dict()
    shared = restore_network(stored(state=state)).state_dict()

    assert all(torch.equal(value.to(restored[key].dtype), restored[key]) for key, value in halves.items())
    assert {torch.float32, torch.int64} == {value.dtype for value in restored.values()}
    assert all(value.data_ptr() == shared[key].data_ptr() for key, value in state.items())


def test_a_truncated_state_dict_is_told_with_three_names_and_the_count():
    state = dict(list(tiny_network("ddcolor").state_dict().items())[:-10])

    with pytest.raises(
        WeightsError, match=r"do not fit ddcolor \(.*queries 5.*\): 10 missing \(\S+, \S+, \S+, \.\.\.\)\. Fetch"
    ):
        restore_network(stored(state=state))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"tail": torch.ones(1)}, r"1 unexpected \(tail\)"),
        ({"mean": torch.ones(3)}, r"1 of another shape \(mean \(3,\) in place of \(1, 3, 1, 1\)\)"),
        (
            {"mean": torch.ones(1, 3, 1, 1, dtype=torch.int64)},
            r"1 of another number format \(mean torch\.int64 in place of torch\.float32\)",
        ),
        (
            {"mean": torch.ones(1, 3, 1, 1, dtype=torch.complex64)},
            r"1 of another number format \(mean torch\.complex64",
        ),
        ({"mean": torch.ones(3), "tail": torch.ones(1)}, r"1 unexpected \(tail\); 1 of another shape"),
        # It says that it is enormous; only its shape may be looked at.
        ({"mean": torch.ones(1).expand(1 << 40)}, r"1 of another shape \(mean \(1099511627776,\)"),
    ],
)
def test_other_tensors_are_told(change, problem):
    with pytest.raises(WeightsError, match=problem):
        restore_network(stored(state={**tiny_network("ddcolor").state_dict(), **change}))


@pytest.mark.parametrize(
    ("hyper", "problem"),
    [
        ({"colors": 3}, "does not know colors"),
        ({"dims": 5}, r"There is no network ddcolor \(dims 5\)"),
        ({**TINY["ddcolor"], "decoder_width": "wide"}, "There is no network ddcolor"),
        ({**TINY["ddcolor"], "queries": -1}, "There is no network ddcolor"),
    ],
)
def test_a_header_that_describes_no_network_is_refused(hyper, problem):
    with pytest.raises(WeightsError, match=problem):
        restore_network(stored(hyper=hyper))


def test_an_unknown_family_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    write_weights(path, {"a": torch.ones(1)}, {"family": "giant", "hyper": {}})

    with pytest.raises(WeightsError, match="'giant' is not known here"):
        read_model(path)


class Forgetful(nn.Module):
    """Has a buffer that no state dict holds, so that nothing gives it numbers."""

    def __init__(self):
        super().__init__()
        self.hyper = SimpleNamespace(folded=True)
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("table", torch.ones(3), persistent=False)


def test_what_the_file_gives_no_numbers_is_told(monkeypatch):
    module = ModuleType("forgetful_family")
    module.build = lambda hyper: Forgetful()
    monkeypatch.setitem(sys.modules, "forgetful_family", module)
    monkeypatch.setitem(FAMILIES, "forgetful", "forgetful_family")

    with pytest.raises(WeightsError, match="give forgetful no numbers for table"):
        restore_network(StoredModel(family="forgetful", hyper={}, state={"scale": torch.ones(1)}, header={}))
