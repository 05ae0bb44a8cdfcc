"""The scores of a set: perfect results, baselines, order, and numbers that no single metric's test holds."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.evaluate.lab import with_ab
from videocolor.evaluate.pictures import PictureMeter


def noise(seed, height=20, width=24):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def scores(*pairs):
    meter = PictureMeter()
    for rgb, truth in pairs:
        meter.push(rgb, truth)
    return meter.finish()


def test_truth_against_itself_is_perfect():
    found = scores((noise(0), noise(0)), (noise(1), noise(1)))

    assert 100 == found.psnr == found.psnr_ab
    assert 0 == found.rmse_ab == found.colorfulness_difference == found.colorfulness_difference_each
    assert pytest.approx(0, abs=1e-4) == found.delta_e_p95
    assert 1 == found.ssim == found.auc == found.auc_balanced == found.accuracy_2 == found.accuracy_5
    assert 1 == found.chroma_ratio
    assert found.near_gray_share == found.truth_near_gray_share
    assert 2 == found.pictures


@given(st.integers(0, 1000))
def test_symmetric_figures_do_not_mind_the_order_and_none_a_mirror(seed):
    first, second = noise(seed), noise(seed + 1)
    names = ("psnr", "psnr_ab", "rmse_ab", "ssim", "delta_e_mean", "delta_e_median", "delta_e_p95", "accuracy_5", "auc")

    one, other = asdict(scores((first, second))), asdict(scores((second, first)))
    mirrored = asdict(scores((first[:, ::-1], second[:, ::-1])))

    assert {name: pytest.approx(one[name], rel=1e-6) for name in names} == {name: other[name] for name in names}
    assert {name: pytest.approx(value, rel=1e-6) for name, value in one.items()} == mirrored


def test_gray_is_the_baseline_that_several_figures_reward():
    truth = noise(0) // 8 + np.arange(24, dtype=np.uint8)[:, None] * 8
    gray = scores((with_ab(truth, (0, 0)), truth))

    assert 0 == gray.colorfulness == gray.colorfulness_abs
    assert 1 == gray.near_gray_share
    assert gray.colorfulness_difference == gray.truth_colorfulness
    assert 0 == gray.chroma_ratio
    assert gray.ssim > 0.5
    assert gray.auc > 0.7


def test_means_are_of_pictures_whatever_their_size():
    small, large = noise(0, 12, 12), noise(1, 40, 50)
    apart = [scores((with_ab(picture, (5, 5)), picture)) for picture in (small, large)]
    together = scores(*((with_ab(picture, (5, 5)), picture) for picture in (small, large)))

    for name in ("psnr", "psnr_ab", "ssim", "delta_e_mean", "delta_e_median", "delta_e_p95", "near_gray_share"):
        assert pytest.approx(np.mean([getattr(one, name) for one in apart])) == getattr(together, name)
    pixels = np.array([small.size, large.size])
    assert pytest.approx(np.average([one.auc for one in apart], weights=pixels)) == together.auc


def test_both_differences_of_colorfulness():
    dull, bright = with_ab(noise(0), (0, 0)), noise(0)
    found = scores((dull, bright), (bright, dull))

    assert pytest.approx(0) == found.colorfulness_difference
    assert pytest.approx(found.truth_colorfulness * 2) == found.colorfulness_difference_each


def test_the_order_of_the_percentiles():
    found = scores((noise(0), noise(1)))

    assert 0 < found.delta_e_median < found.delta_e_p95
    assert 0 < found.delta_e_chroma < found.delta_e_mean


def test_a_picture_below_the_window_has_no_ssim():
    assert scores((noise(0, 8, 8), noise(1, 8, 8)), (noise(0), noise(1))).ssim is None


def test_a_gray_truth_has_no_chroma_ratio():
    truth = with_ab(noise(0), (0, 0))

    assert scores((noise(0), truth)).chroma_ratio is None


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="no picture"):
        PictureMeter().finish()
    with pytest.raises(ValueError, match="compared"):
        PictureMeter().push(noise(0), noise(0)[1:])
    with pytest.raises(ValueError, match="uint8"):
        PictureMeter().push(noise(0) / 255, noise(0))
