"""Torch files of others are read in both formats, and nothing that stands in them is run."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videocolor.errors import WeightsError
from videocolor.models.checkpoint_file import read_checkpoint

FORMATS = ("zip", "legacy")
each_format = pytest.mark.parametrize("form", FORMATS)


def state_dict():
    return OrderedDict(
        {
            "layers.0.weight": torch.arange(24.0).reshape(2, 3, 2, 2),
            "layers.0.bias": torch.tensor([0.5, -0.5]).half(),
            "layers.1.num_batches_tracked": torch.tensor(7),
        }
    )


def saved(content, form, **options):
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=form == "zip", **options)
    return buffer.getvalue()


def patched(data, old, new):
    """The same file with other bytes in its pickles."""
    if not data.startswith(b"PK"):
        assert old in data
        return data.replace(old, new)
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(result, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("data.pkl"):
                assert old in content
                content = content.replace(old, new)
            target.writestr(name, content)
    return result.getvalue()


def file_of(folder, data, name="model.pth"):
    path = folder / name
    path.write_bytes(data)
    return path


def assert_same(expected, found):
    assert list(expected) == list(found)
    for key, value in expected.items():
        assert value.dtype == found[key].dtype
        assert torch.equal(value, found[key])


def optimizer_record(rate):
    return {"state": {}, "param_groups": [{"lr": rate, "betas": (0.9, 0.99), "params": [1, 2]}]}


@each_format
@pytest.mark.parametrize(
    "wrapped",
    [
        pytest.param(lambda state: state, id="bare"),
        pytest.param(lambda state: {"model": state, "opt": optimizer_record(1e-3)}, id="fastai"),
        pytest.param(lambda state: {"params": state}, id="params"),
        pytest.param(lambda state: {"state_dict": state}, id="state_dict"),
    ],
)
def test_tensors_come_back_from_the_usual_layouts(tmp_path, form, wrapped):
    assert_same(state_dict(), read_checkpoint(file_of(tmp_path, saved(wrapped(state_dict()), form))))


@each_format
def test_tensors_of_a_gpu_come_to_the_cpu(tmp_path, form):
    """As in the published files of DeOldify; here no GPU is needed to read them."""
    data = patched(saved(state_dict(), form), b"X\3\0\0\0cpu", b"X\6\0\0\0cuda:0")

    found = read_checkpoint(file_of(tmp_path, data))

    assert_same(state_dict(), found)
    assert {"cpu"} == {value.device.type for value in found.values()}


@each_format
def test_parameters_and_views_become_plain_tensors(tmp_path, form):
    base = torch.arange(12.0)
    network = torch.nn.Linear(3, 2)
    content = {"view": base[2:8].reshape(2, 3).t(), **dict(network.named_parameters())}

    found = read_checkpoint(file_of(tmp_path, saved(content, form)))

    assert_same({key: value.detach() for key, value in content.items()}, found)
    assert {torch.Tensor} == {type(value) for value in found.values()}
    assert not any(value.requires_grad for value in found.values())


@each_format
def test_a_recorded_slice_of_learning_rates_is_read(tmp_path, form):
    """fastai recorded `slice(1e-4)` as the rate; torch refuses a slice by default."""
    data = saved({"model": state_dict(), "opt": optimizer_record(slice(None, 1e-4, None))}, form)
    assert b"slice" in data

    assert_same(state_dict(), read_checkpoint(file_of(tmp_path, data)))


@each_format
@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_learning_rates_of_either_numpy_are_read(tmp_path, form, module):
    """numpy 2 renamed the module of its scalars; files keep the name of the numpy that wrote them."""
    rate = np.float64(3e-5)
    data = saved({"model": state_dict(), "opt": optimizer_record(rate)}, form)
    own = type(rate).__reduce__(rate)[0].__module__.encode()
    # The name ends with a line break, so that its length does not matter.
    data = patched(data, b"c" + own + b"\nscalar\n", b"c" + module + b"\nscalar\n")

    assert_same(state_dict(), read_checkpoint(file_of(tmp_path, data)))


@each_format
def test_the_optimizer_record_is_not_understood(tmp_path, form):
    """A number format with a damaged state crashed the process inside numpy; nothing of numpy may see the file."""
    data = saved({"model": state_dict(), "opt": optimizer_record(np.float64(1))}, form)

    assert_same(state_dict(), read_checkpoint(file_of(tmp_path, patched(data, b"f8", b"~~"))))


def test_the_allow_list_is_gone_afterwards(tmp_path):
    before = set(torch.serialization.get_safe_globals())

    read_checkpoint(file_of(tmp_path, saved({"model": state_dict(), "opt": optimizer_record(slice(1))}, "zip")))

    assert before == set(torch.serialization.get_safe_globals())


@each_format
def test_a_name_that_ends_otherwise_changes_nothing(tmp_path, form):
    """torch takes *.safetensors for such a file whatever it holds."""
    assert_same(state_dict(), read_checkpoint(file_of(tmp_path, saved(state_dict(), form), "model.safetensors")))


@each_format
def test_pickle_protocol_3_is_read(tmp_path, form):
    assert_same(state_dict(), read_checkpoint(file_of(tmp_path, saved(state_dict(), form, pickle_protocol=3))))


class Bomb:
    """Unpickling it makes a folder, by the shell or by Python."""

    def __init__(self, function, argument):
        self.call = (function, (argument,))

    def __reduce__(self):
        return self.call


@each_format
@pytest.mark.parametrize("place", ["alone", "beside", "opt"])
@pytest.mark.parametrize(
    ("function", "name"), [(os.system, r"posix\.system"), (os.mkdir, r"posix\.mkdir"), (eval, "eval"), (exec, "exec")]
)
def test_code_in_a_file_is_refused_by_name_and_not_run(tmp_path, form, place, function, name):
    mark = tmp_path / "was-run"
    argument = {
        "system": f"mkdir {mark}",
        "mkdir": str(mark),
    }.get(function.__name__, f"__import__('os').mkdir({str(mark)!r})")
    bomb = Bomb(function, argument)
    content = {"alone": bomb, "beside": {**state_dict(), "x": bomb}, "opt": {"model": state_dict(), "opt": bomb}}
    path = file_of(tmp_path, saved(content[place], form))

    with pytest.raises(WeightsError, match=rf"model\.pth wants {name}, which weights do not need") as raised:
        read_checkpoint(path)

    assert not mark.exists()
    assert "state dict only" in raised.value.remedy
    # torch's advice to switch its protection off must not reach anybody.
    assert "weights_only" not in str(raised.value)


def test_a_bare_pickle_is_refused_and_not_run(tmp_path):
    mark = tmp_path / "was-run"
    path = file_of(tmp_path, pickle.dumps(Bomb(os.mkdir, str(mark)), protocol=2))

    with pytest.raises(WeightsError, match=r"wants posix\.mkdir"):
        read_checkpoint(path)
    assert not mark.exists()


@each_format
def test_a_whole_network_is_refused_with_its_class(tmp_path, form):
    path = file_of(tmp_path, saved(torch.nn.Linear(2, 2), form))

    with pytest.raises(WeightsError, match=r"wants torch\.nn\.modules\.linear\.Linear"):
        read_checkpoint(path)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_torchscript_is_refused_with_a_remedy(tmp_path):
    path = tmp_path / "script.pt"
    torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(path)

    with pytest.raises(WeightsError, match=r"script\.pt .*holds no weights of torch\. .*saved anew as a state dict"):
        read_checkpoint(path)


@each_format
@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_a_cut_off_file_is_refused(tmp_path, form, share):
    content = {"model": {**state_dict(), "large": torch.ones(1000)}, "opt": optimizer_record(slice(1))}
    data = saved(content, form)
    path = file_of(tmp_path, data[: max(5, int(len(data) * share))])

    with pytest.raises(WeightsError, match=r"model\.pth is cut off, damaged.* Fetch it again"):
        read_checkpoint(path)


def test_a_file_that_claims_more_than_memory_holds_is_refused(tmp_path):
    two_bytes, six_bytes = b"M" + (1000).to_bytes(2, "little"), b"\x8a\x06" + (1 << 44).to_bytes(6, "little")
    data = patched(saved({"a": torch.ones(1000)}, "legacy"), two_bytes, six_bytes)

    with pytest.raises(WeightsError, match=r"model\.pth needs more memory than is free, or says so\. Close"):
        read_checkpoint(file_of(tmp_path, data))


DAMAGED = {form: saved({"model": state_dict(), "opt": optimizer_record(slice(1))}, form) for form in FORMATS}


@each_format
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_damaged_byte_ends_in_tensors_or_in_our_error(tmp_path_factory, form, place, value):
    data = bytearray(DAMAGED[form])
    data[int(place * len(data))] = value
    path = file_of(tmp_path_factory.getbasetemp(), data, f"damaged-{form}.pth")

    with suppress(WeightsError):
        assert all(isinstance(value, torch.Tensor) for value in read_checkpoint(path).values())


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html>\n<html>", "begins with b'<!DO'"),
        (b"version https://git-lfs.github.com/spec/v1\n", "begins with b'vers'"),
    ],
)
def test_what_is_no_weight_file_is_said(tmp_path, data, problem):
    with pytest.raises(WeightsError, match=rf"model\.pth is no weight file: it {problem}\. Fetch it again"):
        read_checkpoint(file_of(tmp_path, data))


def test_what_is_no_file_is_said(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.pth does not exist\. Check the name"):
        read_checkpoint(tmp_path / "nowhere.pth")
    with pytest.raises(WeightsError, match="is no file"):
        read_checkpoint(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="pipe is no file"):
        read_checkpoint(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path):
    path = file_of(tmp_path, saved(state_dict(), "zip"))
    path.chmod(0)

    with pytest.raises(WeightsError, match="cannot be read: Permission denied"):
        read_checkpoint(path)


def test_a_loop_of_links_is_said(tmp_path):
    path = tmp_path / "model.pth"
    path.symlink_to(path)

    with pytest.raises(WeightsError, match=r"model\.pth (does not exist|cannot be read)"):
        read_checkpoint(path)


@each_format
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "it holds nothing"),
        ([torch.ones(1)], "it holds a list"),
        (torch.ones(1), "it holds a tensor"),
        ({"a": torch.ones(1), "epoch": 3}, "'epoch' is a int"),
        ({"a": {"b": torch.ones(1)}}, "'a' is a dict"),
        ({0: torch.ones(1)}, "'0' is a tensor"),
        ({"params": None}, "it holds a NoneType"),
        # Which of the two is meant cannot be known.
        ({"params": state_dict(), "params_ema": state_dict()}, "'params' is a OrderedDict"),
        ({"model": state_dict(), "opt": {}, "epoch": 1}, "'model' is a OrderedDict"),
        ({"a": torch.ones(2, 2).to_sparse()}, r"'a' is a tensor of the kind cpu torch\.sparse_coo"),
        ({"a": torch.ones(2, 2, device="meta")}, r"'a' is a tensor of the kind meta"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path, form, content, reason):
    path = file_of(tmp_path, saved(content, form))

    with pytest.raises(WeightsError, match=rf"model\.pth holds no state dict: {reason}"):
        read_checkpoint(path)
