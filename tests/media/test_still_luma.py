"""Luma of stills: the rounded BT.601 luma of the RGB result is the source's y, for every value and any chroma."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videocolor.media.still_decode import luma_of_rgb
from videocolor.media.still_write import exact_luma_rgb

_DTYPES = {8: np.uint8, 16: np.uint16}


def rounded_luma(rgb):
    r, g, b = (rgb[..., channel].astype(np.int64) for channel in range(3))
    return (299 * r + 587 * g + 114 * b + 500) // 1000


def planes(depth, cb, cr):
    """Every luma code of a depth once, with the given chroma spread over them."""
    y = np.arange(2**depth).astype(_DTYPES[depth]).reshape(2 ** (depth // 2), -1)
    return y, np.resize(np.float32(cb), y.shape), np.resize(np.float32(cr), y.shape)


@pytest.mark.parametrize("depth", [8, 16])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), strength=st.sampled_from([0.01, 0.3, 1.0, 4.0]))
def test_luma_is_exact_for_all_codes_and_random_chroma(depth, seed, strength):
    """Also far outside the gamut, where chroma is scaled."""
    random = np.random.default_rng(seed)
    y, _, _ = planes(depth, 0, 0)
    cb, cr = (random.normal(0, strength * 2 ** (depth - 2), y.shape).astype(np.float32) for _ in range(2))

    rgb = exact_luma_rgb(y, cb, cr, depth=depth)

    np.testing.assert_array_equal(y, rounded_luma(rgb))
    np.testing.assert_array_equal(y, luma_of_rgb(rgb))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("cb", [-1e6, -0.5, -1e-7, 0, 1e-30, 0.5, 1e6])
@pytest.mark.parametrize("cr", [-1e6, -0.3, 0, 1e-7, 1e6])
def test_luma_is_exact_at_the_corners_of_the_gamut(depth, cb, cr):
    """Black, white and their neighbors with absurd and with vanishing chroma."""
    y, blue, red = planes(depth, cb, cr)

    np.testing.assert_array_equal(y, rounded_luma(exact_luma_rgb(y, blue, red, depth=depth)))


@pytest.mark.parametrize("depth", [8, 16])
def test_no_chroma_gives_gray(depth):
    """Zero chroma: R = G = B = y."""
    y, cb, cr = planes(depth, 0, 0)

    np.testing.assert_array_equal(np.dstack([y, y, y]), exact_luma_rgb(y, cb, cr, depth=depth))


@pytest.mark.parametrize("depth", [8, 16])
def test_chroma_inside_the_gamut_is_kept(depth):
    """R - y and B - y come back as BT.601 says, within rounding: the chroma is not weakened without need."""
    unit = 2 ** (depth - 8)
    y = np.full((1, 1), 128 * unit, _DTYPES[depth])
    cb, cr = np.full((1, 1), 20.0 * unit, np.float32), np.full((1, 1), -15.0 * unit, np.float32)

    r, _, b = exact_luma_rgb(y, cb, cr, depth=depth)[0, 0].astype(float)

    assert r - 128 * unit == pytest.approx(-15 * unit * 1.402, abs=0.51)
    assert b - 128 * unit == pytest.approx(20 * unit * 1.772, abs=0.51)


def test_chroma_outside_the_gamut_keeps_its_hue():
    """The three distances from luma shrink by one factor; nothing is clipped to another hue."""
    y = np.full((1, 1), 60000, np.uint16)
    cb, cr = np.full((1, 1), -30000, np.float32), np.full((1, 1), 20000, np.float32)

    r, g, b = exact_luma_rgb(y, cb, cr, depth=16)[0, 0].astype(float) - 60000

    assert r == 65535 - 60000
    assert b / r == pytest.approx(-30000 * 1.772 / (20000 * 1.402), rel=1e-3)
    assert g / r == pytest.approx((-299 - 114 * b / r) / 587, rel=1e-2)


def test_luma_of_rgb_is_the_rounded_weighted_sum():
    """Against plain Python integers."""
    rgb = np.random.default_rng(1).integers(0, 65536, (7, 9, 3), dtype=np.uint16)
    expected = [[(299 * int(r) + 587 * int(g) + 114 * int(b) + 500) // 1000 for r, g, b in row] for row in rgb]

    np.testing.assert_array_equal(expected, luma_of_rgb(rgb))
