"""Devices and number formats: what is not there is refused with what is; memory that ended is recognized."""

import time

import pytest
import torch
from tiny_parts import FLOAT32, make_card

from videocolor.device import Compute, choose_compute, choose_device, default_batch_size, is_out_of_memory
from videocolor.errors import SettingsError

BOTH = ("float32", "bfloat16")


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("no_gpu")
def test_auto_takes_the_cpu_where_there_is_nothing_else():
    assert torch.device("cpu") == choose_device("auto") == choose_device("cpu")


def test_auto_prefers_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    assert torch.device("cuda") == choose_device("auto")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda", "--device is cuda, but 0 CUDA devices were found. Use --device cpu or auto"),
        ("cuda:1", "--device is cuda:1, but 0 CUDA devices"),
        ("mps", "--device is mps, but this machine has none. Use --device cpu or auto"),
        ("gpu", "--device is 'gpu'. Choose auto, cpu, cuda, cuda:N or mps"),
        ("", "--device is ''"),
        ("meta", "--device is 'meta'. Choose auto"),
    ],
)
def test_a_device_that_is_not_there_is_refused(name, message):
    with pytest.raises(SettingsError, match=message):
        choose_device(name)


def test_a_gpu_number_too_high_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    assert torch.device("cuda:1") == choose_device("cuda:1")
    with pytest.raises(SettingsError, match="cuda:2, but 2 CUDA devices"):
        choose_device("cuda:2")


def test_a_precision_that_the_model_does_not_stand_is_refused():
    with pytest.raises(SettingsError, match=r"--precision bfloat16 is not possible with tiny\. Choose from float32"):
        choose_compute("cpu", "bfloat16", make_card())
    with pytest.raises(SettingsError, match=r"float16 is not possible on a CPU\. Use bfloat16 or float32"):
        choose_compute("cpu", "float16", make_card(precisions=("float32", "float16")))


def test_a_precision_that_is_asked_for_is_taken():
    compute = choose_compute("cpu", "bfloat16", make_card(precisions=BOTH))

    assert (torch.bfloat16, "bfloat16") == (compute.dtype, compute.precision)
    assert compute.label == f"cpu ({torch.get_num_threads()} threads), bfloat16"


@pytest.mark.parametrize(("slow", "expected"), [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_auto_on_a_cpu_takes_what_is_clearly_faster(slow, expected):
    def trial(compute):
        end = time.process_time() + (0.02 if compute.precision == slow else 0.001)
        while time.process_time() < end:
            pass
        return torch.zeros(1, 2, 4, 4)

    assert expected == choose_compute("cpu", "auto", make_card(precisions=BOTH), trial).precision


def test_auto_without_a_trial_keeps_the_exact_numbers():
    assert choose_compute("cpu", "auto", make_card(precisions=BOTH)) == FLOAT32


def test_the_cpu_s_own_complaint_is_recognized():
    """On Linux it is a plain RuntimeError: batches were not halved, and the user saw a traceback."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**16)

    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_only_the_end_of_memory_is_taken_for_it(error, expected):
    assert expected is is_out_of_memory(error)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), 30.0])
def test_auto_never_takes_a_format_whose_colors_are_wrong(broken, caplog):
    """However fast it is."""

    def trial(compute):
        if compute.precision == "float32":
            time.sleep(0.01)
        return torch.full((1, 2, 4, 4), 0.0 if compute.precision == "float32" else broken)

    assert choose_compute("cpu", "auto", make_card(precisions=BOTH), trial) == FLOAT32
    assert "tiny in bfloat16 is far from float32" in caplog.text


def test_a_gpu_is_given_more_frames_at_once_and_a_large_input_fewer():
    cpu, gpu = torch.device("cpu"), torch.device("cuda")

    assert (4, 16) == (default_batch_size(cpu, 256 * 256), default_batch_size(gpu, 256 * 256))
    assert (2, 9) == (default_batch_size(cpu, 336 * 336), default_batch_size(gpu, 336 * 336))
    assert 1 == default_batch_size(cpu, 5000 * 5000) == default_batch_size(gpu, 5000 * 5000)


def test_a_compute_names_its_precision():
    assert [Compute(device=torch.device("cpu"), dtype=d).precision for d in (torch.float32, torch.float16)] == [
        "float32",
        "float16",
    ]
