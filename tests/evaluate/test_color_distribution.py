"""CDC: the worked examples, published mistakes, and one pass that equals the whole list."""

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from videocolor.evaluate.distribution import ab_histograms, cdc, cdc_ab, js_divergence, rgb_histograms
from videocolor.evaluate.lab import rgb_to_lab

P, Q = np.array([0.5, 0.5, 0]), np.array([0.5, 0.25, 0.25])
clips = arrays(np.uint8, st.tuples(st.integers(2, 8), st.just(3), st.just(4), st.just(3)))


def flat_frames(reds):
    return [np.full((4, 5, 3), (red, 90, 30), np.uint8) for red in reds]


def as_the_scripts_do(frames):
    """TCVC's compute_hist and eval_results in short: mean over pairs, distances, then channels."""
    channels = []
    for channel in range(3):
        histograms = [np.bincount(frame[..., channel].ravel(), minlength=256) / frame[..., 0].size for frame in frames]
        means = []
        for distance in (1, 2, 4):
            pairs = list(zip(histograms, histograms[distance:], strict=False))
            if pairs:
                means.append(np.mean([(entropy(p, (p + q) / 2) + entropy(q, (p + q) / 2)) / 2 for p, q in pairs]))
        channels.append(np.mean(means))
    return np.mean(channels)


def test_divergence_in_natural_units():
    """Neither base 2 (0.155639), nor the "distance" (0.328452) that scipy returns."""
    assert pytest.approx(0.107881, rel=1e-5) == js_divergence(P, Q)
    assert pytest.approx(0.328452, rel=1e-5) == jensenshannon(P, Q) == pytest.approx(sqrt(js_divergence(P, Q)))
    assert pytest.approx(log(2)) == js_divergence(np.array([1.0, 0]), np.array([0, 1.0]))


@given(arrays(np.float64, (2, 5), elements=st.floats(0, 1)).filter(lambda rows: (rows.sum(axis=1) > 0.1).all()))
def test_divergence_is_symmetric_and_bounded(rows):
    p, q = rows / rows.sum(axis=1, keepdims=True)

    assert pytest.approx(js_divergence(p, q), abs=1e-12) == js_divergence(q, p)
    assert 0 <= js_divergence(p, q) <= log(2) + 1e-12
    assert 0 == js_divergence(p, p)


def test_five_flat_frames():
    assert pytest.approx(0.1476147, rel=1e-6) == cdc(flat_frames([10, 10, 10, 20, 20]))


@given(clips)
def test_as_the_published_scripts(frames):
    """They make an empty mean of fewer than five frames; here the distances that exist count."""
    assert pytest.approx(as_the_scripts_do(frames), abs=1e-9) == cdc(frames)


@given(clips)
def test_blind_to_places_and_to_a_mirror(frames):
    moved = np.random.default_rng(0).permutation(frames.reshape(len(frames), -1, 3), axis=1).reshape(frames.shape)

    assert cdc(frames) == cdc(moved) == cdc(frames[:, :, ::-1])


def test_identical_frames_are_steady():
    frames = [np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)] * 6

    assert 0 == cdc(frames) == cdc_ab(frames)


def test_short_shots():
    assert cdc(flat_frames([10])) is None
    assert cdc([]) is None
    assert pytest.approx(log(2) / 3) == cdc(flat_frames([10, 20]))


def test_frames_are_taken_one_by_one():
    """A film is long: the measure asks for a frame, and keeps histograms only."""
    assert cdc(flat_frames([10, 10, 10, 20, 20])) == cdc(frame for frame in flat_frames([10, 10, 10, 20, 20]))


def test_histograms_hold_every_pixel_once():
    rgb = np.random.default_rng(0).integers(0, 256, (16, 17, 3), np.uint8)
    ab = rgb_to_lab(rgb)[..., 1:]
    wanted = [np.histogram(ab[..., axis], bins=64, range=(-128, 128))[0] / (16 * 17) for axis in (0, 1)]

    assert pytest.approx(np.stack([np.bincount(rgb[..., c].ravel(), minlength=256) / 272 for c in range(3)])) == (
        rgb_histograms(rgb)
    )
    assert pytest.approx(np.stack(wanted)) == ab_histograms(ab)


def test_bins_of_ab_are_half_open():
    """-128 is in the first, the multiples of 4 begin a bin, 128 is nobody's."""
    ab = np.array([[(-128, 0), (-124, 3.99), (127.9, 4), (128, -0.01)]], np.float32)

    a, b = ab_histograms(ab)

    assert {0: 0.25, 1: 0.25, 63: 0.25} == {int(bin): a[bin] for bin in np.flatnonzero(a)}
    assert {31: 0.25, 32: 0.5, 33: 0.25} == {int(bin): b[bin] for bin in np.flatnonzero(b)}


def test_a_change_of_brightness_is_in_cdc_and_not_in_cdc_ab():
    frames = [np.full((4, 4, 3), level, np.uint8) for level in (90, 110, 130, 150, 170)]

    assert cdc(frames) > 0.5
    assert 0 == cdc_ab(frames)


def test_dull_output_is_rewarded():
    """Why CDC is shown beside the truth's own and beside colorfulness."""
    rng = np.random.default_rng(0)
    gray = rng.integers(60, 200, (8, 9, 1), np.uint8)
    truth = [np.clip(gray + rng.integers(-30, 30, (8, 9, 3)), 0, 255).astype(np.uint8) for _ in range(6)]
    dull = [gray.repeat(3, axis=2)] * 6

    assert cdc(dull) < cdc(truth)
