"""Shares of right pixels: tolerance accuracy, and the area under Zhang's curve."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from videocolor.color.codec import BIN_COUNT, BinCodec, ab_bins
from videocolor.evaluate.accuracy import AccuracyMeter, color_bins, raw_accuracy, tolerance_accuracy

TRUTH = np.array([(50.2, 10.4, -20.6), (50, 10, -20), (30, 0, 0)], np.float32)
OUTPUT = np.array([(52.4, 14.4, -16.4), (50, 15, -20), (30, 4.4, -4.4)], np.float32)
colors = arrays(np.float32, (3, 4, 2), elements=st.floats(-90, 90, width=32))


def at_distances(*distances):
    return np.array([[(distance, 0) for distance in distances]], np.float32)


def test_tolerance_of_two_and_five_percent():
    """The first's differences are 2, 4 and 5 after rounding, 2.2, 4.0 and 4.2 before."""
    assert pytest.approx(1 / 3) == tolerance_accuracy(OUTPUT, TRUTH)
    assert 1 == tolerance_accuracy(OUTPUT, TRUTH, percent=5)
    assert 1 == tolerance_accuracy(TRUTH, TRUTH)


def test_halves_are_rounded_to_even():
    """0.5 and 1.5 become 0 and 2: with halves up, 2.5 would be 3 and within 1 of 2."""
    assert 0 == tolerance_accuracy(np.float32([[2.5, 0, 0]]), np.float32([[3.5, 0, 0]]), percent=1)
    assert 1 == tolerance_accuracy(np.float32([[2.5, 0, 0]]), np.float32([[1.5, 0, 0]]), percent=1)


def test_area_under_the_curve():
    """Thresholds 0..150 with "at most": strictly below would give 0.662252, the trapezoid rule 0.668333."""
    ab = at_distances(0, 10, 40, 200)

    assert pytest.approx(0.667219, rel=1e-6) == raw_accuracy(ab, np.zeros_like(ab))


@given(colors, colors)
def test_as_the_definition_says(ab, truth):
    distances = np.linalg.norm((ab - truth).astype(np.float64), axis=-1)
    wanted = np.mean([(distances <= threshold).mean() for threshold in range(151)])

    # A distance that rounds over a threshold costs a share of 1/151.
    assert pytest.approx(wanted, abs=1 / 151 + 1e-6) == raw_accuracy(ab, truth)
    assert raw_accuracy(truth, ab) == raw_accuracy(ab, truth)
    assert 1 == raw_accuracy(truth, truth)


def test_a_set_pools_all_pixels():
    """The mean over pictures of different size would be 0.5."""
    meter = AccuracyMeter()
    meter.push(at_distances(0, 0, 0), at_distances(0, 0, 0))
    meter.push(at_distances(200), at_distances(0))

    assert pytest.approx(0.75) == meter.raw


def test_rare_colors_count_as_much_as_common_ones():
    """Nine gray pixels right, one red one wrong: nine tenths, or one half."""
    truth = at_distances(*[0] * 9, 80)
    meter = AccuracyMeter()
    meter.push(np.concatenate([truth[:, :9], truth[:, 9:] - 200], axis=1), truth)

    assert pytest.approx(0.9) == meter.raw
    assert pytest.approx(0.5) == meter.balanced


def test_equal_shares_of_all_bins_leave_the_raw_accuracy():
    truth = ab_bins().numpy()[None]
    meter = AccuracyMeter()
    meter.push(truth + np.float32(7), truth)

    assert pytest.approx(meter.raw) == meter.balanced


@given(arrays(np.float32, (4, 4, 2), elements=st.floats(-109, 109, width=32)))
def test_bins_are_those_of_the_codec(ab):
    """Colors at nodes that have a bin fall into it, as their nearest does in the codec."""
    planes = torch.from_numpy(ab).permute(2, 0, 1)[None]
    indices, _ = BinCodec().encode(planes)
    nearest = ab_bins().numpy()[indices[0, 0].numpy()]
    inside = np.abs(nearest - ab).max(axis=-1) < 4.99

    found = color_bins(ab)

    assert (found[inside] == indices[0, 0].numpy()[inside]).all()
    assert 0 <= found.min() <= found.max() < BIN_COUNT
