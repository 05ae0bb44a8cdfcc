"""Colorfulness: the worked examples, and the mistakes of published scripts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from videocolor.evaluate.colorfulness import colorfulness, colorfulness_abs, mean_difference, set_difference

pictures = arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3)))


def row(*pixels):
    return np.array([pixels], np.uint8)


MIXED = row((200, 100, 50), (100, 100, 100))


@pytest.mark.parametrize(
    ("rgb", "signed", "absolute"),
    [
        (row((255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)), 238.5307, 210.2486),
        (MIXED, 91.9239, 91.9239),
        (row((100, 0, 0), (0, 100, 0)), 115.0, 33.5410),
        (row((200, 150, 100), (200, 150, 100)), 27.0416, 27.0416),
        (row((7, 7, 7), (200, 200, 200)), 0, 0),
    ],
)
def test_worked_examples(rgb, signed, absolute):
    """Absolute axes are what the programs behind published tables have, and not what the paper says."""
    assert pytest.approx(signed, rel=1e-5) == colorfulness(rgb)
    assert pytest.approx(absolute, rel=1e-5) == colorfulness_abs(rgb)


def test_a_swap_of_red_and_blue_is_another_number():
    assert pytest.approx(87.5089, rel=1e-5) == colorfulness(MIXED[..., ::-1])


def test_pictures_scaled_to_one_are_refused():
    """They would give 0.36049."""
    with pytest.raises(ValueError, match="uint8"):
        colorfulness(MIXED / 255)


def test_the_deviation_is_the_population_s():
    """With ddof 1 two pixels would differ by the root of 2."""
    assert pytest.approx(100.0, rel=1e-6) == colorfulness(row((100, 0, 50), (0, 100, 50)))


@given(pictures)
def test_against_numpy_in_floating_point(rgb):
    red, green, blue = np.moveaxis(rgb.astype(np.float64), 2, 0)
    rg, yb = red - green, (red + green) / 2 - blue

    def cf(rg, yb):
        return np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())

    assert pytest.approx(cf(rg, yb), rel=1e-9, abs=1e-6) == colorfulness(rgb)
    assert pytest.approx(cf(abs(rg), abs(yb)), rel=1e-9, abs=1e-6) == colorfulness_abs(rgb)


@given(pictures)
def test_grays_have_none_and_mirrors_the_same(rgb):
    assert 0 == colorfulness(rgb[..., :1].repeat(3, axis=2))
    assert pytest.approx(colorfulness(rgb), abs=1e-9) == colorfulness(rgb[:, ::-1])


def test_both_differences():
    """One too dull and one too colorful cancel out in the set's number only."""
    assert 0 == set_difference([30, 50], [40, 40])
    assert 10 == mean_difference([30, 50], [40, 40])
    assert 5 == set_difference([30, 40], [40, 40])


def test_as_many_results_as_truths():
    with pytest.raises(ValueError, match="zip"):
        mean_difference([30.0], [40.0, 40.0])
