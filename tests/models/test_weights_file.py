"""Weight files come back as they were written, are whole or absent, and never run code."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from videocolor.errors import WeightsError
from videocolor.models.weights_file import read_header, read_weights, write_weights

HEADER = {"family": "compact", "hyper": {"decoder_widths": [8, 8, 8]}, "metrics": {"psnr": 23.4}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_tensors_and_header_come_back(path):
    tensors = {"a": torch.randn(3, 4).half(), "b": torch.arange(5), "c": torch.randn(2, 3, 4, 4)[:, ::2]}

    write_weights(path, tensors, HEADER)

    loaded = read_weights(path)
    assert set(tensors) == set(loaded)
    for key, tensor in tensors.items():
        assert tensor.dtype == loaded[key].dtype
        assert torch.equal(tensor, loaded[key])
    assert read_header(path) == {**HEADER, "format": 1}


def test_channels_last_and_shared_tensors_can_be_written(path):
    shared = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)

    write_weights(path, {"a": shared, "b": shared}, HEADER)

    assert torch.equal(shared, read_weights(path)["a"])
    assert torch.equal(shared, read_weights(path)["b"])


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    write_weights(path, {"a": torch.ones(2)}, HEADER)

    def breaks(*_args, **_kwargs):
        raise RuntimeError("power cut")

    monkeypatch.setattr("videocolor.models.weights_file.save_file", breaks)
    with pytest.raises(RuntimeError, match="power cut"):
        write_weights(path, {"a": torch.zeros(2)}, HEADER)

    assert [path] == list(path.parent.iterdir())
    assert torch.equal(torch.ones(2), read_weights(path)["a"])


def test_a_header_without_family_is_a_programming_error(path):
    with pytest.raises(ValueError, match="family"):
        write_weights(path, {}, {"hyper": {}})


@pytest.mark.parametrize("read", [read_header, read_weights])
def test_a_missing_file_is_named(path, read):
    with pytest.raises(WeightsError, match=r"does not exist\. .*path"):
        read(path)


@pytest.mark.parametrize("read", [read_header, read_weights])
def test_a_cut_off_file_is_refused(path, read):
    write_weights(path, {"a": torch.randn(100)}, HEADER)
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(WeightsError, match="cut off"):
        read(path)


@pytest.mark.parametrize("read", [read_header, read_weights])
def test_a_pickle_is_refused_and_not_run(path, read, tmp_path):
    """A checkpoint of another program must not get its code run."""
    mark = tmp_path / "was-run"

    class Bomb:
        def __reduce__(self):
            return (mark.touch, ())

    path.write_bytes(pickle.dumps(Bomb()))

    with pytest.raises(WeightsError, match="no safetensors file"):
        read(path)
    assert not mark.exists()


def test_a_foreign_safetensors_file_is_refused(path):
    save_file({"a": torch.ones(1)}, path, metadata={"format": "pt"})

    with pytest.raises(WeightsError, match="not one of videocolor"):
        read_header(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{not json", "damaged header"),
        (json.dumps({"format": 1, "hyper": {}}), "without family"),
        (json.dumps([1, 2]), "without family"),
        (json.dumps({"format": 99, "family": "compact", "hyper": {}}), "Update videocolor"),
    ],
)
def test_a_wrong_header_is_refused_with_a_remedy(path, text, message):
    save_file({"a": torch.ones(1)}, path, metadata={"videocolor": text})

    with pytest.raises(WeightsError, match=message):
        read_header(path)
