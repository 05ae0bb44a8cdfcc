"""CIE Lab against scikit-image and published values; nothing is clipped on the way that should survive."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2lab

from videocolor.color import lab
from videocolor.color.lab import gray_to_lightness, lab_to_rgb, lab_to_rgb_unclipped, rgb_to_lab, rgb_to_xyz_matrix

# scikit-image rounds the matrix and the white point to five decimals.
SKIMAGE_TOLERANCE = 0.03


def color(*channels):
    return torch.tensor(channels, dtype=torch.float64).view(1, 3, 1, 1)


def lab_of(rgb, **space):
    lightness, ab = rgb_to_lab(rgb, **space)
    return torch.cat([lightness, ab], dim=1)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 0, 0), (53.2406, 80.0923, 67.2028)),
        ((0, 255, 0), (87.74, -86.18, 83.18)),
        ((0, 0, 255), (32.2957, 79.1856, -107.8573)),
        ((128, 128, 128), (53.585, 0, 0)),
        ((224, 172, 105), (73.79, 11.28, 41.53)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 255, 255), (100, 0, 0)),
    ],
)
def test_published_values(rgb, expected):
    found = lab_of(color(*(channel / 255 for channel in rgb))).flatten()

    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), atol=SKIMAGE_TOLERANCE, rtol=0)


def test_all_of_srgb_is_what_scikit_image_says():
    axis = np.linspace(0, 1, 18)
    rgb = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(1, -1, 3)

    found = lab_of(torch.from_numpy(rgb).permute(2, 0, 1)[None])

    expected = torch.from_numpy(rgb2lab(rgb)).permute(2, 0, 1)[None]
    torch.testing.assert_close(found, expected, atol=SKIMAGE_TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    ("primaries", "row"), [("bt709", (0.2126, 0.7152, 0.0722)), ("bt2020", (0.2627, 0.6780, 0.0593))]
)
def test_luminance_of_the_primaries(primaries, row):
    """ITU-R BT.709 and BT.2020 print the luminance weights with four decimals."""
    assert row == pytest.approx(rgb_to_xyz_matrix(primaries)[1].tolist(), abs=5e-5)


@pytest.mark.parametrize("primaries", ["bt709", "bt2020"])
@pytest.mark.parametrize("transfer", ["sdr", "pq"])
@given(rgb=st.tuples(*[st.floats(0, 1)] * 3))
def test_there_and_back(primaries, transfer, rgb):
    rgb = color(*rgb)
    lightness, ab = rgb_to_lab(rgb, primaries=primaries, transfer=transfer)

    back = lab_to_rgb_unclipped(lightness, ab, primaries=primaries, transfer=transfer)

    # PQ codes near 0 are fractions of a thousandth of a nit.
    torch.testing.assert_close(back, rgb, atol=2e-3 if transfer == "pq" else 1e-9, rtol=0)


@given(st.floats(0, 100), st.floats(-110, 110), st.floats(-110, 110))
def test_colors_outside_the_gamut_survive_unclipped(lightness, a, b):
    wanted = color(lightness, a, b)

    back = lab_of(lab_to_rgb_unclipped(wanted[:, :1], wanted[:, 1:]))

    torch.testing.assert_close(back, wanted, atol=1e-6, rtol=0)


def test_only_the_display_conversion_clips():
    lightness, ab = torch.tensor([[[[50.0]]]]), torch.tensor([[[[100.0]], [[100.0]]]])

    assert lab_to_rgb_unclipped(lightness, ab).min() < 0
    assert lab_to_rgb(lightness, ab).min() == 0


@pytest.mark.parametrize("transfer", ["sdr", "pq"])
def test_gray_has_no_color_and_its_own_lightness(transfer):
    coded = torch.linspace(0, 1, 1024, dtype=torch.float64).view(1, 1, 1, -1)
    lightness, ab = rgb_to_lab(coded.expand(-1, 3, -1, -1), transfer=transfer)

    assert ab.abs().max() < 1e-10
    torch.testing.assert_close(gray_to_lightness(coded, transfer), lightness.clamp(0, 100), atol=1e-9, rtol=0)


def test_diffuse_white_of_pq_is_white_to_a_network():
    """BT.2408: 203 nits; what is brighter is clipped for the network only."""
    lightness = gray_to_lightness(torch.tensor([0.580689, 0.75, 1.0], dtype=torch.float64), "pq")

    assert lightness.tolist() == pytest.approx([100, 100, 100], abs=1e-3)


def test_matrices_made_in_inference_mode_can_be_trained_through():
    """The matrices are cached: made by a first run in inference mode, they broke every later backward."""
    for cached in (lab.rgb_to_xyz_matrix, lab.xyz_to_rgb_matrix):
        cached.cache_clear()
    with torch.inference_mode():
        lab_to_rgb(*rgb_to_lab(color(0.2, 0.4, 0.6)))
    rgb = color(0.2, 0.4, 0.6).requires_grad_()

    lab_to_rgb(*rgb_to_lab(rgb)).sum().backward()

    torch.testing.assert_close(rgb.grad, torch.ones_like(rgb), atol=1e-9, rtol=0)
