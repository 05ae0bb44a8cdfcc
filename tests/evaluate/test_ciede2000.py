"""CIEDE2000 against the pairs that Sharma, Wu and Dalal published to catch wrong programs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000

from videocolor.evaluate.ciede2000 import delta_e, delta_e_and_chroma

# Sharma et al. 2005, table 1: L, a, b of both colors, and the difference.
PAIRS = [
    (50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425),
    (50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615),
    (50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412),
    (50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000),
    (50, 0, 0, 50, -1, 2, 2.3669),
    (50, -1, 2, 50, 0, 0, 2.3669),
    (50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792),
    (50, 2.49, -0.001, 50, -2.49, 0.0010, 7.1792),
    (50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195),
    (50, 2.49, -0.001, 50, -2.49, 0.0012, 7.2195),
    (50, 2.5, 0, 50, 0, -2.5, 4.3065),
    (50, 2.5, 0, 73, 25, -18, 27.1492),
    (50, 2.5, 0, 61, -5, 29, 22.8977),
    (50, 2.5, 0, 56, -27, -3, 31.9030),
    (50, 2.5, 0, 58, 24, 15, 19.4535),
    (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373),
    (90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441),
    (6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377),
    (2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082),
]
near_gray = st.floats(-3, 3, width=32)
wide = st.floats(-110, 110, width=32)
colors = st.tuples(st.floats(0, 100, width=32), near_gray | wide, near_gray | wide)


@pytest.mark.parametrize("pair", PAIRS)
def test_published_pairs(pair):
    first, second = np.array(pair[:3]), np.array(pair[3:6])

    assert pytest.approx(pair[6], abs=6e-5) == delta_e(first, second)
    assert pytest.approx(pair[6], abs=6e-5) == delta_e(second, first)


@given(st.lists(st.tuples(colors, colors), min_size=1, max_size=8))
def test_as_scikit_image_whatever_the_order(pairs):
    """Where two hues lie opposite each other, the mean hue is either of two, and programs may differ."""
    first, second = np.moveaxis(np.array(pairs, np.float64), 1, 0)
    turns = np.abs(np.arctan2(first[:, 2], first[:, 1]) - np.arctan2(second[:, 2], second[:, 1]))
    clear = np.abs(turns - np.pi) > 1e-6

    values = delta_e(first, second)

    assert pytest.approx(deltaE_ciede2000(first, second)[clear], rel=1e-6, abs=1e-6) == values[clear]
    assert pytest.approx(values[clear], rel=1e-6, abs=1e-6) == delta_e(second, first)[clear]
    assert (delta_e(first, first) < 1e-6).all()


def test_without_lightness_only_colors_count():
    first, second = np.array([[50, 2.5, 0], [20, 9, 9]]), np.array([[73, 25, -18], [70, 9, 9]])
    leveled = first.copy()
    leveled[:, 0] = second[:, 0]

    whole, chroma = delta_e_and_chroma(first, second)

    assert pytest.approx(deltaE_ciede2000(first, second)) == whole
    assert pytest.approx(deltaE_ciede2000(leveled, second), abs=1e-9) == chroma
    assert pytest.approx(0, abs=1e-9) == chroma[1]


def test_maps_of_single_precision_are_good_enough():
    rng = np.random.default_rng(0)
    first, second = rng.uniform((0, -90, -90), (100, 90, 90), (2, 30, 40, 3))

    values = delta_e(first.astype(np.float32), second.astype(np.float32))

    assert (30, 40) == values.shape
    assert np.float32 == values.dtype
    assert pytest.approx(deltaE_ciede2000(first, second), abs=2e-3) == values
