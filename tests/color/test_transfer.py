"""Transfer curves: published values, exact inverses, and gradients that stay finite."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from videocolor.color.transfer import from_linear, linear_to_srgb, pq_to_linear, srgb_to_linear, to_linear

TRANSFERS = ("sdr", "pq")


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_srgb_has_the_values_of_its_standard():
    """IEC 61966-2-1: both branches and the two ends."""
    coded = double(0, 0.02, 0.5, 128 / 255, 1)

    torch.testing.assert_close(
        srgb_to_linear(coded), double(0, 0.02 / 12.92, 0.2140411405, 0.2158605001, 1), atol=1e-9, rtol=0
    )


def test_pq_has_the_levels_of_bt2408():
    """100, 203, 1000 and 10,000 nits lie at 51, 58, 75 and 100 % of the signal."""
    nits = pq_to_linear(double(0.508078, 0.580689, 0.751827, 1)) * 203

    torch.testing.assert_close(nits, double(100, 203, 1000, 10000), atol=0, rtol=1e-4)


@pytest.mark.parametrize("transfer", TRANSFERS)
@given(st.floats(-1, 1))
def test_coding_and_decoding_are_inverse(transfer, value):
    coded = double(value)

    # PQ has no codes below 7e-7 and hardly any below 2e-5, a twelfth of a 12-bit code.
    # The two branches of sRGB miss each other by 3e-8.
    tolerance = 2e-5 if transfer == "pq" else 1e-7
    torch.testing.assert_close(from_linear(to_linear(coded, transfer), transfer), coded, atol=tolerance, rtol=0)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_curves_rise_everywhere_and_are_odd(transfer):
    """Colors outside the gamut are below 0 or above 1 and must come back as they were."""
    coded = torch.linspace(-1.2, 1.2, 4801, dtype=torch.float64)
    linear = to_linear(coded, transfer)

    # PQ codes below 7e-7 are black.
    assert (linear.diff() >= 0).all()
    assert (linear.diff()[coded[1:].abs() > 1e-3] > 0).all()
    torch.testing.assert_close(to_linear(-coded, transfer), -linear, atol=0, rtol=0)


def test_the_branches_of_srgb_meet():
    joint = double(0.0404499, 0.0404501)
    low, high = srgb_to_linear(joint)

    assert 0 < high - low < 1e-7
    assert abs(float(linear_to_srgb(double(0.0031308)) - 0.04045)) < 1e-6


@pytest.mark.parametrize("curve", [srgb_to_linear, linear_to_srgb])
def test_gradients_are_finite_at_black(curve):
    x = torch.tensor([0.0, 1e-9, -1e-9, 1.0], requires_grad=True)
    curve(x).sum().backward()

    assert torch.isfinite(x.grad).all()
