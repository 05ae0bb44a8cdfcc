"""Packing changes where weights lie, never what a network computes."""

import pytest
import torch
from torch import nn

from videocolor.models.blocks.inference import PackedConv2d, can_pack, prepare_layers

CPU = torch.device("cpu")
needs_packing = pytest.mark.skipif(not can_pack(), reason="this build of torch has no oneDNN")


def held_numbers(module):
    """All numbers that a module and its parts keep, wherever they keep them."""
    found = {}
    for part in module.modules():
        for value in [*part.__dict__.values(), *part._parameters.values(), *part._buffers.values()]:
            if isinstance(value, torch.Tensor):
                found[id(value)] = value.numel()
    return sum(found.values())


def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 512, 3, padding=1), nn.Conv2d(512, 512, 3, 2, padding=1)]
    return nn.Sequential(*layers).eval().requires_grad_(False)


def run(prepared, dtype, size, count=1):
    x = torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=dtype != torch.float32):
        return prepared(x.contiguous(memory_format=torch.channels_last)).float()


@needs_packing
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_a_packed_network_computes_the_same_at_every_size(dtype, tolerance):
    """Another size gets another order, made from the one before."""
    prepared = prepare_layers(network(), dtype, CPU)

    assert sum(isinstance(module, PackedConv2d) for module in prepared) == 2, "few weights are not worth it"
    for size, count in (((16, 16), 1), ((9, 31), 3), ((16, 16), 1)):
        torch.testing.assert_close(
            run(prepared, dtype, size, count), run(network(), torch.float32, size, count), atol=tolerance, rtol=0
        )


@needs_packing
def test_the_plain_weights_are_given_up_once_packed():
    """Both together would double a large network's memory."""
    prepared = prepare_layers(network(), torch.float32, CPU)
    run(prepared, torch.float32, (16, 16))

    assert not list(prepared[1].parameters())


@needs_packing
def test_a_layer_that_only_small_pictures_come_to_holds_its_weight_once():
    """Most of a wide network's numbers are in such layers."""
    conv = nn.Conv2d(512, 512, 3, padding=1).requires_grad_(False)
    prepared = prepare_layers(nn.Sequential(conv), torch.float32, CPU)
    x = torch.randn(1, 512, 8, 8)
    expected = conv(x)

    torch.testing.assert_close(prepared(x), expected, atol=1e-4, rtol=0)

    del conv
    assert held_numbers(prepared) <= 512 * 512 * 9 + 2 * 512


@needs_packing
def test_a_large_picture_after_a_small_one_finds_the_weight():
    conv = nn.Conv2d(256, 256, 3, padding=1).requires_grad_(False)
    small, large = torch.randn(1, 256, 8, 8), torch.randn(1, 256, 50, 50)
    expected = conv(small), conv(large)
    prepared = prepare_layers(nn.Sequential(conv), torch.float32, CPU)

    for x, y in zip((small, large, small), (*expected, expected[0]), strict=True):
        torch.testing.assert_close(prepared(x), y, atol=1e-4, rtol=0)


@needs_packing
def test_memory_that_ends_is_told_and_packing_is_tried_again():
    """Halving the batch is the adapter's business; the layer must not become slow for the rest of a film."""
    conv = nn.Conv2d(512, 512, 3, padding=1).requires_grad_(False)
    packed = prepare_layers(nn.Sequential(conv), torch.bfloat16, CPU)[0]
    real, packed._run = packed._run, _out_of_memory

    with pytest.raises(RuntimeError, match="can't allocate memory"):
        packed(torch.randn(1, 512, 8, 8))
    packed._run = real
    packed(torch.randn(1, 512, 8, 8))
    assert packed._packed is not None


def _out_of_memory(x, packed):
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")


@needs_packing
def test_a_shape_that_the_library_cannot_pack_runs_plain(monkeypatch):
    monkeypatch.setattr("videocolor.models.blocks.inference._WORTH_PACKING", 1)
    conv = nn.Conv2d(12, 12, 3, padding=1).eval().requires_grad_(False)
    x = torch.randn(2, 12, 64, 80).contiguous(memory_format=torch.channels_last)
    expected = conv(x)

    prepared = prepare_layers(nn.Sequential(conv), torch.bfloat16, CPU)

    for _ in range(2):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(prepared(x).float(), expected, atol=5e-2, rtol=0)


def test_subclasses_keep_their_precision():
    class Exact(nn.Conv2d):
        pass

    prepared = prepare_layers(nn.Sequential(Exact(3, 3, 1), nn.Conv2d(3, 3, 1)), torch.bfloat16, CPU)

    assert (torch.float32, torch.bfloat16) == (prepared[0].weight.dtype, prepared[1].weight.dtype)
