"""SSIM: the worked examples, and scikit-image with the window of the paper, not its default."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from videocolor.evaluate.structure import ssim


def colored(gray):
    return np.repeat(gray[..., None], 3, axis=2).astype(np.uint8)


def ramp_and_checkerboard():
    ramp = np.arange(256).reshape(16, 16)
    rows, columns = np.indices((16, 16))
    return colored(ramp), colored(np.clip(ramp + np.where((rows + columns) % 2, 10, -10), 0, 255))


def by_paper(rgb, truth):
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return structural_similarity(rgb, truth, data_range=255, channel_axis=2, **options)


def test_constants():
    assert pytest.approx(0.995476, rel=1e-6) == ssim(colored(np.full((20, 20), 100)), colored(np.full((20, 20), 110)))


def test_the_window_is_the_paper_s():
    """The default of scikit-image, which published scripts use, is another number."""
    ramp, board = ramp_and_checkerboard()

    assert pytest.approx(0.923762, rel=1e-5) == ssim(ramp, board)
    assert pytest.approx(0.955022, rel=1e-5) == structural_similarity(ramp, board, data_range=255, channel_axis=2)


@given(st.integers(11, 30), st.integers(11, 30), st.integers(0, 2**31), st.integers(1, 255))
def test_as_scikit_image_and_the_same_in_a_mirror(height, width, seed, noise):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 256, (height, width, 3), np.uint8)
    rgb = np.clip(truth + rng.integers(-noise, noise + 1, truth.shape), 0, 255).astype(np.uint8)

    value = ssim(rgb, truth)

    assert pytest.approx(by_paper(rgb, truth), abs=1e-9) == value
    assert pytest.approx(value, abs=1e-12) == ssim(truth, rgb)
    assert pytest.approx(value, abs=1e-12) == ssim(rgb[:, ::-1], truth[:, ::-1])
    assert 1 == ssim(truth, truth)


def test_channels_count_each():
    """A fault in one channel costs a third of a fault in all."""
    ramp, board = ramp_and_checkerboard()
    one = ramp.copy()
    one[..., 2] = board[..., 2]

    assert pytest.approx(1 - (1 - ssim(board, ramp)) / 3, abs=1e-9) == ssim(one, ramp)


def test_smaller_than_the_window():
    small = np.zeros((10, 20, 3), np.uint8)
    with pytest.raises(ValueError, match="smaller than the window"):
        ssim(small, small)
