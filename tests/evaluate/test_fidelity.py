"""PSNR and root mean square error: the worked examples, and differences that must not wrap."""

from math import inf, log10

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import peak_signal_noise_ratio

from videocolor.evaluate.fidelity import PSNR_CAP, psnr, psnr_ab, rmse_ab
from videocolor.evaluate.pictures import PictureMeter

pairs = arrays(np.uint8, (2, 5, 4, 3))
AB = np.array([[(10, -5), (0, 20)]], np.float32)
OTHER_AB = np.array([[(14, -5), (0, 17)]], np.float32)


def flat(*rgb):
    return np.full((4, 6, 3), rgb, np.uint8)


def test_worked_example():
    assert pytest.approx(29.8917, rel=1e-5) == psnr(flat(100, 120, 140), flat(110, 120, 130))


@pytest.mark.parametrize("step", [1, 15, 16, 20, 40, 255])
def test_differences_do_not_wrap(step):
    """In 8 bits 16 squared would be 0, an infinite PSNR, and 20 squared 144."""
    assert pytest.approx(20 * log10(255 / step), rel=1e-9) == psnr(flat(step, step, step), flat(0, 0, 0))
    assert pytest.approx(20 * log10(255 / step), rel=1e-9) == psnr(flat(0, 0, 0), flat(step, step, step))


def test_sixteen_everywhere():
    assert pytest.approx(24.0484, rel=1e-5) == psnr(flat(16, 16, 16), flat(0, 0, 0))


def test_a_set_is_the_mean_of_psnr_not_the_psnr_of_the_mean():
    """28.1308 dB; pooled squared errors would give 24.8572."""
    truth = np.full((12, 12, 3), 100, np.uint8)
    meter = PictureMeter()
    for step in (5, 20):
        meter.push(truth + np.uint8(step), truth)

    assert pytest.approx(28.1308, rel=1e-5) == meter.finish().psnr


def test_a_perfect_picture_counts_as_the_cap_in_a_mean():
    truth = np.full((12, 12, 3), 100, np.uint8)
    meter = PictureMeter()
    meter.push(truth, truth)
    meter.push(truth + np.uint8(5), truth)

    assert inf == psnr(truth, truth)
    assert pytest.approx((PSNR_CAP + 20 * log10(255 / 5)) / 2) == meter.finish().psnr


def test_chroma_alone():
    """Mean over both channels, peak 255: other peaks would give 38.8897 or 32.8691 dB, squared distances 3.01 less."""
    assert pytest.approx(40.1720, rel=1e-5) == psnr_ab(AB, OTHER_AB)
    assert pytest.approx(3.5355, rel=1e-4) == rmse_ab(AB, OTHER_AB)
    assert inf == psnr_ab(AB, AB)
    assert 0 == rmse_ab(AB, AB)


@given(pairs)
def test_order_and_mirror_make_no_difference(pair):
    first, second = pair

    assert psnr(first, second) == psnr(second, first) == psnr(first[:, ::-1], second[:, ::-1])
    if (first != second).any():
        assert pytest.approx(peak_signal_noise_ratio(first, second), rel=1e-9) == psnr(first, second)


@given(st.floats(-80, 80, width=32), st.floats(-80, 80, width=32))
def test_both_measures_of_chroma_tell_the_same(da, db):
    moved = AB + np.array([da, db], np.float32)
    error = rmse_ab(moved, AB)

    assert error == rmse_ab(AB, moved)
    assert pytest.approx(np.hypot(da, db), rel=1e-4, abs=1e-5) == error
    if error > 0.01:
        assert pytest.approx(20 * log10(255 * 2**0.5 / error), rel=1e-6) == psnr_ab(moved, AB)


def test_sizes_must_match():
    with pytest.raises(ValueError, match="compared"):
        psnr(flat(1, 2, 3), flat(1, 2, 3)[:2])
    with pytest.raises(ValueError, match="compared"):
        psnr_ab(AB, OTHER_AB[:, :1])
