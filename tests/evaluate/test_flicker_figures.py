"""Flicker without truth: worked examples, noise whose figure is known, and what each measure must not see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.evaluate.flicker import hf_share, resat_events, shot_jump, tint_drift, tint_jitter


def trace(*a):
    return np.array([(value, 3.0) for value in a])


def wave(cycles_a_frame, count=64):
    return trace(*(10 + np.sin(2 * np.pi * cycles_a_frame * np.arange(count))))


def test_jitter():
    """The first difference's root mean square, 2.0 in both, cannot tell a drift from flicker."""
    assert pytest.approx(1.632993, rel=1e-6) == tint_jitter(trace(10, 12, 10, 12, 10))
    assert 0 == tint_jitter(trace(10, 12, 14, 16, 18))


def test_jitter_of_white_noise():
    noise = np.random.default_rng(0).normal(0, 2, (20_000, 2))

    assert pytest.approx(2 * 2**0.5, rel=0.02) == tint_jitter(noise)


def test_short_shots_have_no_jitter_and_no_drift():
    assert tint_jitter(trace(1, 2)) is None
    assert tint_drift(trace(1)) is None
    assert hf_share(trace(*range(7))) is None


def test_drift_is_of_the_last_five_from_the_first_five():
    assert pytest.approx(20) == tint_drift(trace(*[10] * 5, *[99] * 7, *[30] * 5))
    assert pytest.approx(5) == tint_drift(np.array([(0, 0)] * 5 + [(3, 4)] * 5, float))


def test_drift_of_a_short_shot_compares_halves():
    """With five frames of each, the ends of seven frames would overlap."""
    assert pytest.approx(8) == tint_drift(trace(1, 1, 1, 5, 9, 9, 9))
    assert pytest.approx(2) == tint_drift(trace(1, 3))


@pytest.mark.parametrize(("cycles", "share"), [(1 / 4, 1), (1 / 2, 1), (1 / 16, 0), (1 / 8, 0)])
def test_only_movement_above_an_eighth_of_the_rate_counts(cycles, share):
    """The highest frequency, a change with every frame, is one line of the spectrum, not two."""
    values = trace(*[10, 12] * 32) if cycles == 1 / 2 else wave(cycles)

    assert pytest.approx(share, abs=1e-9) == hf_share(values)


@given(st.integers(8, 40))
def test_the_share_of_white_noise_s_energy(count):
    """Parseval: the spectrum's energy is that of the trace, for even and odd lengths."""
    noise = np.random.default_rng(count).normal(size=(count, 2))
    spectrum = np.abs(np.fft.fft(noise - noise.mean(axis=0), axis=0)) ** 2
    fast = np.abs(np.fft.fftfreq(count)) > 1 / 8

    assert pytest.approx(spectrum[fast].sum() / spectrum.sum()) == hf_share(noise)


def test_what_does_not_move_has_no_share():
    assert 0 == hf_share(trace(*[0.1] * 9))


def test_resaturation():
    """Steps above 15 % of the median, both ways."""
    assert 2 == resat_events(np.array([10, 10, 11.4, 10, 10, 12, 10, 10.0]))
    assert 3 == resat_events(np.array([10, 10, 11.8, 10, 10, 100.0]))
    assert 0 == resat_events(np.zeros(5))
    assert 0 == resat_events(np.array([10.0]))


def test_a_jump_between_shots():
    assert pytest.approx(5) == shot_jump((1, 2), (4, 6))
    assert shot_jump((4, 6), (1, 2)) == shot_jump((1, 2), (4, 6))
