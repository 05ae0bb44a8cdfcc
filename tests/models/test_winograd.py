"""Winograd's convolution is the convolution, as exact as torch's own."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from videocolor.models.blocks.inference import prepare_layers
from videocolor.models.blocks.winograd import WinogradConv2d, transformed_weight, winograd_conv2d


def operands(in_channels, out_channels, height, width, *, count=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, in_channels, height, width, generator=generator)
    weight = torch.randn(out_channels, in_channels, 3, 3, generator=generator) * (2 / (9 * in_channels)) ** 0.5
    return x, weight, torch.randn(out_channels, generator=generator)


@settings(max_examples=40)
@given(
    height=st.integers(1, 23),
    width=st.integers(1, 23),
    channels=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    count=st.integers(1, 3),
    strip=st.sampled_from([1, 5, 336]),
)
def test_it_is_the_convolution_at_every_size(height, width, channels, count, strip):
    """Whatever is left over beside whole tiles and whole strips."""
    x, weight, bias = operands(*channels, height, width, count=count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("videocolor.models.blocks.winograd._STRIP_TILES", strip)
        found = winograd_conv2d(x, transformed_weight(weight), bias)

    torch.testing.assert_close(found, F.conv2d(x, weight, bias, padding=1), atol=2e-5, rtol=0)


def test_rounding_stays_in_the_last_digits_of_float32():
    """Against float64, with the channels of a published network's largest layers; the usual points lose more."""
    x, weight, bias = operands(259, 259, 48, 48)
    exact = F.conv2d(x.double(), weight.double(), bias.double(), padding=1)

    error = winograd_conv2d(x, transformed_weight(weight), bias).double() - exact

    assert float(error.square().mean().sqrt()) < 1e-6 * float(exact.std())
    assert float(error.abs().max()) < 3e-5


def test_the_input_is_left_as_it_was_and_the_answer_lies_channels_last():
    x, weight, _ = operands(8, 8, 12, 16)
    before = x.clone()

    y = winograd_conv2d(x, transformed_weight(weight), None)

    assert torch.equal(before, x)
    assert (8, 1) == (y.shape[1], y.stride(1))


@pytest.mark.parametrize(
    ("conv", "dtype", "expected"),
    [
        (nn.Conv2d(128, 128, 3, padding=1), torch.float32, True),
        (nn.Conv2d(128, 128, 3, padding=1), torch.bfloat16, False),
        (nn.Conv2d(64, 128, 3, padding=1), torch.float32, False),
        (nn.Conv2d(128, 128, 3), torch.float32, False),
        (nn.Conv2d(128, 128, 3, padding=1, stride=2), torch.float32, False),
        (nn.Conv2d(128, 128, 3, padding=2, dilation=2), torch.float32, False),
        (nn.Conv2d(128, 128, 3, padding=1, groups=2), torch.float32, False),
        (nn.Conv2d(128, 128, 1), torch.float32, False),
    ],
)
def test_only_layers_that_it_fits_are_exchanged(conv, dtype, expected):
    prepared = prepare_layers(nn.Sequential(conv).requires_grad_(False), dtype, torch.device("cpu"))

    assert expected is isinstance(prepared[0], WinogradConv2d)


def test_a_layer_runs_small_pictures_plainly_and_large_ones_by_winograd():
    torch.manual_seed(0)
    conv = nn.Conv2d(128, 128, 3, padding=1).requires_grad_(False)
    prepared = prepare_layers(nn.Sequential(conv), torch.float32, torch.device("cpu"))[0]
    x = torch.randn(1, 128, 48, 48)
    expected = {side: F.conv2d(x[..., :side], conv.weight, conv.bias, padding=1) for side in (8, 48)}

    for side, y in expected.items():
        torch.testing.assert_close(prepared(x[..., :side]), y, atol=2e-5, rtol=0)
        assert (prepared._transformed is None) is (side == 8)
